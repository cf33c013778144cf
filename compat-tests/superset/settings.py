"""Superset's settings for the test, which names its folder and its secret in the environment."""
import os
import sqlite3

from sqlalchemy import event
from sqlalchemy.engine import Engine

HOME = os.environ["SUPERSET_HOME"]
SECRET_KEY = os.environ["SUPERSET_SECRET"]
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME}/superset.db"
# Two requests may write it at once.
SQLALCHEMY_ENGINE_OPTIONS = {"connect_args": {"timeout": 120}}
# Limits of logins are for those who guess.
RATELIMIT_ENABLED = False
FEATURE_FLAGS = {"ESTIMATE_QUERY_COST": True}
# The machine may be busy.
SUPERSET_WEBSERVER_TIMEOUT = 600
SQLLAB_TIMEOUT = 600
SQLLAB_QUERY_COST_ESTIMATE_TIMEOUT = 600


@event.listens_for(Engine, "connect")
def forget(connection, _):
    """Its metadata goes with the test: nothing waits for the disk."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = WAL")

"""What the scripts of the Python drivers share: where the server is, and how a check is told."""
import json
import os
import threading
import time

HOST, PORT = os.environ["DRIVER_HOST"], int(os.environ["DRIVER_PORT"])
USER, PASSWORD, DATABASE = os.environ["DRIVER_USER"], os.environ["DRIVER_PASSWORD"], os.environ["DRIVER_DATABASE"]
LIVE, TYPES = os.environ["DRIVER_LIVE"], os.environ["DRIVER_TYPES"]
CA = os.environ.get("DRIVER_CA")  # of a server with TLS and SCRAM

# Whether a statement of pg_sleep runs, in another session.
SLEEPS = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(' || '600)%' AND pid <> pg_backend_pid()"


def say(name, value):
    print(json.dumps({"name": name, "value": value}, ensure_ascii=False, default=repr), flush=True)


def until(ask):
    """Asks until the answer is true, for at most a minute."""
    end = time.monotonic() + 60
    while not ask():
        if time.monotonic() > end:
            raise TimeoutError("it did not come true within a minute")


def meanwhile(run):
    """Starts a function that the caller joins."""
    thread = threading.Thread(target=run)
    thread.start()
    return thread

"""psqlODBC, through pyodbc. One JSON line a check, which the Go test compares with PostgreSQL's."""
import glob

import pyodbc

from checks import CA, DATABASE, HOST, LIVE, PASSWORD, PORT, SLEEPS, TYPES, USER, meanwhile, say, until

DRIVER = glob.glob("/usr/lib/*/odbc/psqlodbcw.so")[0]


def connect(autocommit=True, **more):
    words = {"Driver": DRIVER, "Servername": HOST, "Port": PORT, "Database": DATABASE, "UID": USER, "PWD": PASSWORD, "SSLmode": "disable", **more}
    return pyodbc.connect(";".join(f"{k}={v}" for k, v in words.items()), autocommit=autocommit)


def rows(cursor):
    return [list(r) for r in cursor]


def state(error):
    return error.args[0]


c = connect()
say("connect", [c.getinfo(pyodbc.SQL_DBMS_NAME), c.getinfo(pyodbc.SQL_DBMS_VER)[:2], c.execute("SELECT current_user").fetchval()])
cur = c.execute(TYPES)
say("types", [d[:2] + d[3:] for d in cur.description])
say("values", [v.hex() if isinstance(v, bytes) else v for v in cur.fetchone()])
for kind in ("TABLE", "VIEW"):
    say("tables", [list(r)[1:] for r in cur.tables(schema="public", tableType=kind) if r.table_name in ("items", "parts", "dear")])
for table in ("items", "parts", "dear"):
    # Without the OIDs of the relation, and of types of the test's own.
    say("columns", [[v for i, v in enumerate(r) if i not in (0, 19, 22) or (i == 19 and v < 16384)] for r in cur.columns(table=table, schema="public")])
say("primary keys", [list(r)[1:] for r in cur.primaryKeys(table="parts", schema="public")])
say("foreign keys", [list(r)[1:] for r in cur.foreignKeys(foreignTable="parts", foreignSchema="public")])
say("statistics", [[r.index_name, r.column_name, r.non_unique] for r in cur.statistics(table="items", schema="public") if r.index_name])
say("types known", len(rows(cur.getTypeInfo())) > 20)
for prepared in (0, 1):  # UseServerSidePrepare
    p = connect(UseServerSidePrepare=prepared).cursor()
    for n in range(3):
        say("prepared", rows(p.execute("SELECT id, name, price FROM items WHERE id >= ? AND name <> ? ORDER BY id LIMIT 2", n, "n2")))
c.execute("CREATE TEMP TABLE copied (a int, b text)")
many = c.cursor()
many.executemany("INSERT INTO copied VALUES (?, ?)", [(1, "x"), (2, None), (3, "€")])
say("executemany", rows(c.execute("SELECT * FROM copied ORDER BY a")))
say("several", c.execute("SELECT 1; SELECT 2").nextset())

t = connect(autocommit=False)
try:
    t.execute("SELECT 1/0")
except pyodbc.Error as e:
    say("error", state(e))
t.rollback()
say("after it", t.execute("SELECT 1").fetchval())
t.rollback()

paged = connect(autocommit=False, UseDeclareFetch=1, Fetch=3)
say("server-side cursor", [r[0] for r in paged.execute("SELECT id FROM items ORDER BY id")])
live = paged.cursor().execute(LIVE)
say("paged live", [len(live.fetchmany(5)), len(live.fetchmany(3))])
live.close()
paged.rollback()
held = connect(UseDeclareFetch=1, Fetch=3)  # outside a transaction: a cursor that is held
say("held cursor", [r[0] for r in held.execute("SELECT id FROM items ORDER BY id")])

other = connect()
sleeper = c.cursor()


def interrupt():
    until(lambda: other.execute(SLEEPS).fetchval() > 0)
    sleeper.cancel()


thread = meanwhile(interrupt)
try:
    sleeper.execute("SELECT pg_sleep(600)")
except pyodbc.Error as e:
    say("cancel", state(e))
thread.join()

if CA:
    with open(CA, encoding="ascii") as f:
        assert "CERTIFICATE" in f.read()
    for name, more in {"tls": {}, "plain": {"SSLmode": "disable"}, "wrong": {"PWD": "no"}}.items():
        try:
            secure = connect(**{"SSLmode": "verify-full", "pqopt": "{sslrootcert=" + CA + "}", **more})
            say("scram, " + name, rows(secure.execute("SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))[0])
        except pyodbc.Error as e:
            say("scram, " + name, "password authentication failed" in str(e))

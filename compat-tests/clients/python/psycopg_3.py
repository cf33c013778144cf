"""psycopg 3. One JSON line a check, which the Go test compares with PostgreSQL's."""
import psycopg
from psycopg.rows import dict_row
from psycopg.types.enum import EnumInfo

from checks import CA, DATABASE, HOST, LIVE, PASSWORD, PORT, SLEEPS, TYPES, USER, meanwhile, say, until

BASE = dict(host=HOST, port=PORT, user=USER, dbname=DATABASE)


def connect(**more):
    return psycopg.connect(**{**BASE, "password": PASSWORD, "sslmode": "disable", **more})


with connect(autocommit=True) as c:
    say("connect", [c.info.server_version // 10000, c.info.encoding, c.execute("SELECT current_user").fetchone()])
    for binary in (False, True):
        cur = c.cursor(binary=binary, row_factory=dict_row)
        say(f"types, binary {binary}", cur.execute(TYPES).fetchone())
        say("description", [[d.name, d.type_code, d.precision, d.scale, d.internal_size] for d in cur.description])
    info = EnumInfo.fetch(c, "mood")
    say("type loading", [info.name, info.labels])
    for n in range(7):  # the sixth is of a prepared statement
        got = c.execute("SELECT id, name FROM items WHERE id >= %s AND name <> %s ORDER BY id LIMIT 2", (n, "n4")).fetchall()
        say(f"prepared {n}", got)
    say("prepared statements", c.execute("SELECT count(*) FROM pg_prepared_statements").fetchone())
    with c.pipeline():
        results = [c.execute("SELECT %s::int * 2", (n,)) for n in range(4)]
        say("pipeline", [r.fetchone() for r in results])
    c.execute("CREATE TEMP TABLE copied (a int, b text)")
    cur = c.cursor()
    cur.executemany("INSERT INTO copied VALUES (%s, %s) RETURNING a", [(1, "x"), (2, None)], returning=True)
    say("executemany", cur.rowcount)
    with cur.copy("COPY copied FROM STDIN") as copy:
        copy.write_row((3, "tab\there"))
        copy.write_row((4, None))
    with cur.copy("COPY copied FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "text"])
        copy.write_row((5, "€"))
    with cur.copy("COPY (SELECT * FROM copied ORDER BY a) TO STDOUT") as copy:
        say("copy", [bytes(b).decode() for b in copy])

with connect() as c:
    with c.transaction():
        try:
            with c.transaction():
                c.execute("SELECT 1/0")
        except psycopg.Error as e:
            say("error in a savepoint", [e.sqlstate, e.diag.message_primary])
        say("after it", c.execute("SELECT 1").fetchone())
    with c.cursor(name="paged") as cur:
        cur.itersize = 3
        cur.execute("SELECT id FROM items ORDER BY id")
        say("server-side cursor", [r[0] for r in cur])
    with c.cursor(name="live") as cur:
        cur.execute(LIVE)
        say("paged live", [len(cur.fetchmany(5)), len(cur.fetchmany(3))])
    c.rollback()

with connect(autocommit=True) as c:
    rows = 0
    for _ in c.cursor().stream(LIVE):
        rows += 1
        if rows == 5:
            break
    say("live", rows)
    c.close()

with connect(autocommit=True) as c, connect(autocommit=True) as other:
    def interrupt():
        until(lambda: other.execute(SLEEPS).fetchone()[0] > 0)
        c.cancel_safe()
    thread = meanwhile(interrupt)
    try:
        c.execute("SELECT pg_sleep(600)")
    except psycopg.Error as e:
        say("cancel", e.sqlstate)
    thread.join()
    c.execute("LISTEN news")
    other.execute("NOTIFY news, 'hello'")
    say("notification", [(n.channel, n.payload) for n in c.notifies(timeout=60, stop_after=1)])

if CA:
    for name, more in {"tls": {}, "plain": {"sslmode": "disable"}, "channel binding": {"channel_binding": "require"}, "wrong": {"password": "no"}}.items():
        try:
            with connect(**{"sslmode": "verify-full", "sslrootcert": CA, **more}) as c:
                say("scram, " + name, c.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone())
        except psycopg.OperationalError as e:
            say("scram, " + name, "password authentication failed" in str(e))

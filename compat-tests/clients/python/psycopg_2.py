"""psycopg 2. One JSON line a check, which the Go test compares with PostgreSQL's."""
import io

import psycopg2
import psycopg2.extras

from checks import CA, DATABASE, HOST, LIVE, PASSWORD, PORT, SLEEPS, TYPES, USER, meanwhile, say, until


def connect(**more):
    c = psycopg2.connect(**{"host": HOST, "port": PORT, "user": USER, "password": PASSWORD, "dbname": DATABASE, "sslmode": "disable", **more})
    return c


c = connect()
c.autocommit = True
cur = c.cursor(cursor_factory=psycopg2.extras.RealDictCursor)
say("connect", [c.server_version // 10000, c.encoding, c.get_parameter_status("integer_datetimes")])
cur.execute(TYPES)
say("types", {k: bytes(v).hex() if isinstance(v, memoryview) else v for k, v in cur.fetchone().items()})
say("description", [[d.name, d.type_code, d.internal_size, d.precision, d.scale] for d in cur.description])
psycopg2.extras.register_uuid()
cur = c.cursor()
cur.execute("SELECT id, name, tags FROM items WHERE id = ANY(%s) AND name <> %s ORDER BY id", ([1, 2, 3], "n2"))
say("parameters", cur.fetchall())
cur.execute("PREPARE p (bigint) AS SELECT name FROM items WHERE id = $1")
for n in (1, 2):
    cur.execute("EXECUTE p (%s)", (n,))
    say("prepared", cur.fetchone())
cur.execute("CREATE TEMP TABLE copied (a int, b text)")
psycopg2.extras.execute_values(cur, "INSERT INTO copied VALUES %s", [(1, "x"), (2, None)])
say("execute_values", cur.rowcount)
cur.copy_expert("COPY copied FROM STDIN", io.StringIO("3\ttab\\there\n4\t\\N\n"))
out = io.StringIO()
cur.copy_expert("COPY (SELECT * FROM copied ORDER BY a) TO STDOUT WITH (FORMAT csv)", out)
say("copy", out.getvalue())

c2 = connect()
with c2, c2.cursor() as cur2:
    cur2.execute("SAVEPOINT s")
    try:
        cur2.execute("SELECT 1/0")
    except psycopg2.Error as e:
        say("error", [e.pgcode, type(e).__name__, e.diag.message_primary])
    try:
        cur2.execute("SELECT 1")
    except psycopg2.Error as e:
        say("aborted", e.pgcode)
    cur2.execute("ROLLBACK TO s")
    cur2.execute("SELECT 1")
    say("after it", cur2.fetchone())
with c2, c2.cursor(name="paged", scrollable=True) as named:
    named.itersize = 3
    named.execute("SELECT id FROM items ORDER BY id")
    say("server-side cursor", [r[0] for r in named])
    named.scroll(2, mode="absolute")
    say("scrolled", named.fetchone())
with c2.cursor(name="held", withhold=True) as held:
    held.execute("SELECT id FROM items ORDER BY id")
    c2.commit()
    say("held cursor", held.fetchmany(2))
c2.rollback()
with c2.cursor(name="live") as named:
    named.execute(LIVE)
    say("paged live", [len(named.fetchmany(5)), len(named.fetchmany(3))])
c2.rollback()


class Taker(io.StringIO):
    """Takes five rows and cancels."""
    rows = 0

    def write(self, s):
        self.rows += 1
        if self.rows == 5:
            c2.cancel()
        return len(s)


taker = Taker()
try:
    with c2.cursor() as cur2:
        cur2.copy_expert(f"COPY ({LIVE}) TO STDOUT", taker)
except psycopg2.Error as e:
    say("live copy", [taker.rows >= 5, e.pgcode])
c2.rollback()


def interrupt():
    def sleeps():
        cur.execute(SLEEPS)
        return cur.fetchone()[0] > 0
    until(sleeps)
    c2.cancel()


thread = meanwhile(interrupt)
try:
    with c2.cursor() as cur2:
        cur2.execute("SELECT pg_sleep(600)")
except psycopg2.Error as e:
    say("cancel", [e.pgcode, type(e).__name__])
thread.join()
c2.rollback()

cur.execute("LISTEN news")
with c2, c2.cursor() as cur2:
    cur2.execute("NOTIFY news, 'hello'")


def notified():
    c.poll()
    return c.notifies


until(notified)
say("notification", [(n.channel, n.payload) for n in c.notifies])

if CA:
    for name, more in {"tls": {}, "plain": {"sslmode": "disable"}, "channel binding": {"channel_binding": "require"}, "wrong": {"password": "no"}}.items():
        try:
            secure = connect(**{"sslmode": "verify-full", "sslrootcert": CA, **more})
            cur = secure.cursor()
            cur.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            say("scram, " + name, cur.fetchone())
            secure.close()
        except psycopg2.OperationalError as e:
            say("scram, " + name, "password authentication failed" in str(e))

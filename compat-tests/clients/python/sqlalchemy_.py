"""SQLAlchemy over psycopg 3 and psycopg 2. One JSON line a check, which the Go test compares with PostgreSQL's."""
import sqlalchemy as sa

from checks import CA, DATABASE, HOST, LIVE, PASSWORD, PORT, SLEEPS, TYPES, USER, meanwhile, say, until


def engine(driver, **query):
    return sa.create_engine(sa.URL.create("postgresql+" + driver, USER, PASSWORD, HOST, PORT, DATABASE, query={"sslmode": "disable", **query}))


for driver in ("psycopg", "psycopg2"):
    e = engine(driver)
    with e.connect() as c:
        say(driver, [e.dialect.server_version_info[0], e.dialect.default_schema_name, c.get_isolation_level()])
        say("types", {k: bytes(v).hex() if isinstance(v, memoryview) else v for k, v in c.execute(sa.text(TYPES.replace(":", r"\:"))).mappings().one().items()})
        for n in range(3):
            say("parameters", c.execute(sa.text("SELECT id, name FROM items WHERE id >= :n ORDER BY id LIMIT 2"), {"n": n}).tuples().all())

e = engine("psycopg")
seen = sa.inspect(e)
say("schemas", [s for s in seen.get_schema_names() if s != "ferris"])
for kind in ("table", "view", "materialized_view"):
    say(kind, sorted({"items", "parts", "dear"} & set(getattr(seen, f"get_{kind}_names")())))
for name in ("items", "parts", "dear"):
    say("columns", [{k: repr(v) if k == "type" else v for k, v in column.items()} for column in seen.get_columns(name)])
    for what in ("pk_constraint", "foreign_keys", "indexes", "unique_constraints", "check_constraints", "table_comment"):
        say(what, getattr(seen, "get_" + what)(name))
say("enums", seen.get_enums())
say("has", [seen.has_table("items"), seen.has_table("none"), seen.has_sequence("none")])
meta = sa.MetaData()
meta.reflect(e, only=["items", "parts"])
items, parts = meta.tables["items"], meta.tables["parts"]

with e.begin() as c:
    scratch = sa.Table("scratch", sa.MetaData(), sa.Column("id", sa.Integer, sa.Identity(), primary_key=True), sa.Column("at", sa.DateTime(timezone=True)),
                       sa.Column("doc", sa.JSON), sa.Column("price", sa.Numeric(10, 2)), prefixes=["TEMPORARY"])
    scratch.create(c)
    say("insert", c.execute(sa.insert(scratch).returning(scratch.c.id), [{"doc": {"k": [1]}, "price": 1}, {"doc": None, "price": None}]).scalars().all())
    say("read", c.execute(sa.select(scratch.c.id, scratch.c.doc, scratch.c.price)).tuples().all())
    try:
        with c.begin_nested():
            c.execute(sa.text("SELECT 1/0"))
    except sa.exc.DBAPIError as failed:
        say("error in a savepoint", failed.orig.sqlstate)
    joined = sa.select(items.c.name, sa.func.count()).join_from(items, parts).group_by(items.c.name).order_by(items.c.name).limit(2)
    say("core", c.execute(joined).tuples().all())

with e.connect().execution_options(yield_per=3) as c:
    say("server-side cursor", [r[0] for r in c.execute(sa.select(items.c.id).order_by(items.c.id))])
with e.connect().execution_options(stream_results=True, max_row_buffer=5) as c:
    rows = c.execute(sa.text(LIVE))
    say("paged live", [len(rows.fetchmany(5)), len(rows.fetchmany(3))])

with e.connect() as c, e.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
    def interrupt():
        until(lambda: other.execute(sa.text(SLEEPS)).scalar() > 0)
        c.connection.driver_connection.cancel_safe()
    thread = meanwhile(interrupt)
    try:
        c.execute(sa.text("SELECT pg_sleep(600)"))
    except sa.exc.OperationalError as failed:
        say("cancel", failed.orig.sqlstate)
    thread.join()
with e.connect() as c:
    with c.connection.driver_connection.cursor().copy("COPY (SELECT id, name FROM items ORDER BY id LIMIT 2) TO STDOUT") as copy:
        say("copy", [bytes(b).decode() for b in copy])

if CA:
    for name, query in {"tls": {"sslmode": "verify-full", "sslrootcert": CA}, "plain": {}}.items():
        with engine("psycopg", **query).connect() as c:
            say("scram, " + name, list(c.execute(sa.text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).one()))

"""asyncpg. One JSON line a check, which the Go test compares with PostgreSQL's."""
import asyncio
import io
import ssl

import asyncpg

from checks import CA, DATABASE, HOST, LIVE, PASSWORD, PORT, SLEEPS, TYPES, USER, say


async def connect(**more):
    return await asyncpg.connect(**{"host": HOST, "port": PORT, "user": USER, "password": PASSWORD, "database": DATABASE, "ssl": False, **more})


async def until(ask):
    async with asyncio.timeout(60):
        while not await ask():
            pass


class Enough(Exception):
    pass


async def main():
    c, other = await connect(), await connect()
    say("connect", [c.get_server_version().major, c.get_settings().client_encoding, await c.fetchval("SELECT current_user")])
    say("types", dict(await c.fetchrow(TYPES)))
    # A type that it does not know has it read the catalogs.
    say("type loading", [list(r) for r in await c.fetch("SELECT mood, ARRAY[mood] AS all, ROW(id, name) AS row FROM items ORDER BY id LIMIT 2")])
    say("row type", [list(r) for r in await c.fetch("SELECT p FROM parts AS p ORDER BY item, n LIMIT 2")])
    prepared = await c.prepare("SELECT id, name, price FROM items WHERE id >= $1 AND name <> $2 ORDER BY id LIMIT 2")
    say("metadata", [[p.name for p in prepared.get_parameters()], [[a.name, a.type.name] for a in prepared.get_attributes()]])
    for n in range(3):
        say("prepared", [list(r) for r in await prepared.fetch(n, "n2")])
    await c.execute("CREATE TEMP TABLE copied (a int, b text, m mood)")
    await c.executemany("INSERT INTO copied VALUES ($1, $2, $3)", [(1, "x", "ok"), (2, None, None)])
    say("copy in", await c.copy_records_to_table("copied", records=[(3, "tab\there"), (4, None)], columns=["a", "b"]))
    say("copy csv in", await c.copy_to_table("copied", source=io.BytesIO(b"5,z,sad\n"), format="csv"))
    out = io.BytesIO()
    say("copy out", await c.copy_from_query("SELECT * FROM copied WHERE a > $1 ORDER BY a", 1, output=out, format="csv", header=True))
    say("copied", out.getvalue().decode())

    async with c.transaction():
        try:
            async with c.transaction():
                await c.execute("SELECT 1/0")
        except asyncpg.PostgresError as e:
            say("error in a savepoint", [e.sqlstate, type(e).__name__])
        say("server-side cursor", [r[0] async for r in c.cursor("SELECT id FROM items ORDER BY id", prefetch=3)])
        cursor = await c.cursor("SELECT id FROM items ORDER BY id")
        say("forward", [await cursor.forward(4), [r[0] for r in await cursor.fetch(2)]])
        live = await c.cursor(LIVE)
        say("paged live", [len(await live.fetch(5)), len(await live.fetch(3))])

    rows = 0

    async def take(data):
        nonlocal rows
        rows += data.count(b"\n")
        if rows >= 5:
            raise Enough

    try:
        await other.copy_from_query(LIVE, output=take)
    except Enough:
        say("live copy", rows >= 5)
    say("after it", await other.fetchval("SELECT 1"))

    task = asyncio.create_task(c.execute("SELECT pg_sleep(600)"))

    async def sleeps():
        return await other.fetchval(SLEEPS) > 0
    await until(sleeps)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        say("cancel", await c.fetchval("SELECT 1"))

    heard = asyncio.get_running_loop().create_future()
    await c.add_listener("news", lambda conn, pid, channel, payload: heard.set_result([channel, payload]))
    await other.execute("NOTIFY news, 'hello'")
    say("notification", await asyncio.wait_for(heard, 60))
    await c.reset()  # what its pool does
    await c.close()
    await other.close()

    if CA:
        secure = ssl.create_default_context(cafile=CA)
        for name, more in {"tls": {}, "plain": {"ssl": False}, "wrong": {"password": "no"}}.items():
            try:
                c = await connect(**{"ssl": secure, **more})
                say("scram, " + name, [await c.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")])
                await c.close()
            except asyncpg.InvalidPasswordError:
                say("scram, " + name, True)


asyncio.run(main())

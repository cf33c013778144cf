// node-postgres with pg-cursor and pg-query-stream. One JSON line a check, which the Go test compares with PostgreSQL's.
const fs = require('fs')
const pg = require('pg')
const Cursor = require('pg-cursor')
const QueryStream = require('pg-query-stream')
const { from: copyFrom, to: copyTo } = require('pg-copy-streams')
const { pipeline } = require('stream/promises')
const { Readable } = require('stream')

const env = process.env
const say = (name, value) => console.log(JSON.stringify({ name, value }))
const connect = async more => {
  const c = new pg.Client({
    host: env.DRIVER_HOST, port: Number(env.DRIVER_PORT), user: env.DRIVER_USER, password: env.DRIVER_PASSWORD, database: env.DRIVER_DATABASE, ssl: false, ...more
  })
  await c.connect()
  return c
}

const until = async ask => {
  const end = Date.now() + 60000
  while (!await ask()) if (Date.now() > end) throw new Error('it did not come true within a minute')
}

async function main () {
  const c = await connect()
  const other = await connect()
  say('connect', (await c.query('SELECT current_user')).rows)
  const types = await c.query(env.DRIVER_TYPES)
  say('types', types.rows[0])
  say('fields', types.fields.map(f => [f.name, f.dataTypeID, f.dataTypeSize, f.dataTypeModifier, f.format]))
  say('fields of a table', (await c.query('SELECT * FROM items LIMIT 0')).fields.map(f => [f.name, f.tableID > 0, f.columnID, f.dataTypeModifier]))
  for (const n of [1, 2, 3]) say('prepared', (await c.query({ name: 'p', text: 'SELECT id, name FROM items WHERE id >= $1 AND name <> $2 ORDER BY id LIMIT 2', values: [n, 'n2'] })).rows)
  say('arrays', (await c.query({ text: 'SELECT * FROM items WHERE id = ANY($1) ORDER BY id', values: [[1, 2]], rowMode: 'array' })).rows)
  say('binary', (await c.query({ text: 'SELECT 7::int4 AS i, true AS b', binary: true })).rows)
  say('several', (await c.query('SELECT 1 AS a; SELECT 2 AS b')).map(r => r.rows))

  await c.query('CREATE TEMP TABLE copied (a int, b text)')
  await pipeline(Readable.from(['1\tx\n', '2\t\\N\n']), c.query(copyFrom('COPY copied FROM STDIN')))
  let copied = ''
  for await (const chunk of c.query(copyTo('COPY (SELECT * FROM copied ORDER BY a) TO STDOUT'))) copied += chunk
  say('copy', copied)

  await c.query('BEGIN')
  await c.query('SAVEPOINT s')
  await c.query('SELECT 1/0').catch(e => say('error', [e.code, e.severity, e.message]))
  await c.query('SELECT 1').catch(e => say('aborted', e.code))
  await c.query('ROLLBACK TO s')
  say('end', (await c.query('COMMIT')).command)

  const cursor = c.query(new Cursor('SELECT id FROM items ORDER BY id'))
  say('cursor', [(await cursor.read(4)).map(r => r.id), (await cursor.read(100)).map(r => r.id)])
  await cursor.close()
  const streamed = []
  for await (const r of c.query(new QueryStream('SELECT id FROM items ORDER BY id', [], { batchSize: 3 }))) streamed.push(r.id)
  say('stream', streamed)
  const live = c.query(new Cursor(env.DRIVER_LIVE))
  say('paged live', [(await live.read(5)).length, (await live.read(3)).length])
  await live.close()
  say('after it', (await c.query('SELECT 1 AS one')).rows)

  const sleeping = c.query('SELECT pg_sleep(600)').catch(e => e.code)
  await until(async () => (await other.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(' || '600)%' AND pid <> pg_backend_pid()")).rows[0].n > 0)
  await other.query('SELECT pg_cancel_backend($1)', [c.processID])
  say('cancel', await sleeping)

  const news = new Promise(resolve => c.once('notification', n => resolve([n.channel, n.payload])))
  await c.query('LISTEN news')
  await other.query("SELECT pg_notify('news', 'hello')")
  say('notification', await news)

  // Rows as they come: hang up after the fifth.
  const watching = await connect()
  watching.on('error', () => {})
  let rows = 0
  await new Promise(resolve => {
    const query = new pg.Query(env.DRIVER_LIVE)
    query.on('error', () => {})
    query.on('row', () => { if (++rows === 5) { watching.connection.stream.destroy(); resolve() } })
    watching.query(query)
  })
  say('live', rows >= 5)

  if (env.DRIVER_CA) {
    const ca = fs.readFileSync(env.DRIVER_CA)
    const ways = { tls: {}, plain: { ssl: false }, 'channel binding': { enableChannelBinding: true }, wrong: { password: 'no' } }
    for (const [name, more] of Object.entries(ways)) {
      await connect({ ssl: { ca, servername: 'localhost' }, ...more }).then(async d => {
        say('scram, ' + name, [(await d.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')).rows[0].ssl])
        await d.end()
      }, e => say('scram, ' + name, e.code === '28P01'))
    }
  }
}

main().then(() => process.exit(0)).catch(e => { console.error(e); process.exit(1) })

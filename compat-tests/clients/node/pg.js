// node-postgres: simple and extended queries, types, cursors, errors, streams.
// Prints one JSON line a check; the Go test compares them.
const { Client } = require('pg')
const Cursor = require('pg-cursor')
const QueryStream = require('pg-query-stream')

const say = (name, value) => console.log(JSON.stringify({ name, value }))

async function main () {
  const client = new Client({ connectionString: process.env.FERRIS_URL })
  await client.connect()

  say('simple', (await client.query('SELECT 1 AS a, \'x\' AS b')).rows)
  say('parameters', (await client.query('SELECT $1::int + 1 AS n, upper($2) AS t, $3::numeric AS d', [41, 'héllo', '12.340'])).rows)
  say('rows', (await client.query('SELECT id, name FROM numbers WHERE id < $1 ORDER BY id', [3])).rows)
  say('multi', (await client.query('SELECT 1 AS a; SELECT 2 AS b')).map(r => r.rows))

  const named = { name: 'q1', text: 'SELECT $1::bigint * 2 AS x', values: [21] }
  say('named', [(await client.query(named)).rows, (await client.query({ ...named, values: [5] })).rows])

  const types = await client.query("SELECT true AS b, 1.5::float8 AS f, '2024-01-02'::date::text AS d, ARRAY[1,2] AS a, '{\"k\": [1]}'::jsonb AS j, NULL AS n, '\\x01ff'::bytea AS y")
  const row = types.rows[0]
  row.y = row.y.toString('hex')
  say('types', row)

  try {
    await client.query('SELECT nope FROM numbers')
  } catch (e) {
    say('error', { code: e.code, message: e.message, position: e.position })
  }
  say('after error', (await client.query('SELECT 2 AS two')).rows)

  await client.query('BEGIN')
  try { await client.query('SELECT 1/0') } catch (e) { say('division', e.code) }
  try { await client.query('SELECT 1') } catch (e) { say('aborted', e.code) }
  say('rollback', (await client.query('ROLLBACK')).command)

  const cursor = client.query(new Cursor('SELECT id FROM numbers ORDER BY id'))
  const first = await cursor.read(4)
  const second = await cursor.read(4)
  await cursor.close()
  say('cursor', [first.length, second.length])

  let streamed = 0
  for await (const r of client.query(new QueryStream('SELECT id FROM numbers', [], { batchSize: 3 }))) streamed += Number(r.id >= 0)
  say('stream', streamed)

  // A live query: take five rows, then hang up.
  const live = new Client({ connectionString: process.env.FERRIS_URL })
  live.on('error', () => {}) // the hang-up below
  await live.connect()
  const rows = []
  const q = live.query(new QueryStream('SELECT id FROM ticks EMIT CHANGES', [], { batchSize: 1 }))
  for await (const r of q) {
    rows.push(r.id)
    if (rows.length === 5) break
  }
  say('live', rows.length)
  live.connection.stream.destroy()
  await client.end()
}

main().then(() => process.exit(0)).catch(e => { console.error(e); process.exit(1) })

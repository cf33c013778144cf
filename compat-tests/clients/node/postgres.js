// postgres.js. One JSON line a check, which the Go test compares with PostgreSQL's.
const fs = require('fs')
const postgres = require('postgres')

const env = process.env
const say = (name, value) => console.log(JSON.stringify({ name, value }))
const connect = more => postgres({
  host: env.DRIVER_HOST, port: Number(env.DRIVER_PORT), user: env.DRIVER_USER, password: env.DRIVER_PASSWORD, database: env.DRIVER_DATABASE,
  ssl: false, max: 1, onnotice: () => {}, ...more
})

const until = async ask => {
  const end = Date.now() + 60000
  while (!await ask()) if (Date.now() > end) throw new Error('it did not come true within a minute')
}

async function main () {
  const sql = connect()
  const other = connect()
  say('connect', [sql.parameters.server_version, (await sql`SELECT current_user AS u`)[0], sql.parameters.server_version.split('.')[0]])
  const types = (await sql.unsafe(env.DRIVER_TYPES))
  say('types', types[0])
  say('description', types.columns.map(c => [c.name, c.type]))
  say('type loading', await sql`SELECT ARRAY[mood] AS m, tags FROM items ORDER BY id LIMIT 2`) // arrays are known from pg_type
  for (const n of [1, 2, 3]) say('prepared', await sql`SELECT id, name, price FROM items WHERE id >= ${n} AND name <> ${'n2'} AND id = ANY(${[1, 2, 3, 4]}) ORDER BY id LIMIT 2`)
  say('describe', (await sql`SELECT id, name FROM items WHERE id = ${1}`.describe()).columns.map(c => [c.name, c.type]))
  say('simple, several', (await sql`SELECT 1 AS a; SELECT 2 AS b`.simple()).map(r => r[0]))

  await sql`CREATE TEMP TABLE copied (a int, b text)`
  say('insert', await sql`INSERT INTO copied ${sql([{ a: 1, b: 'x' }, { a: 2, b: null }])} RETURNING a`)
  const into = await sql`COPY copied FROM STDIN`.writable()
  await new Promise((resolve, reject) => { into.on('finish', resolve).on('error', reject); into.end('3\ttab\\there\n4\t\\N\n') })
  let copied = ''
  for await (const chunk of await sql`COPY (SELECT * FROM copied ORDER BY a) TO STDOUT`.readable()) copied += chunk
  say('copy', copied)

  await sql.begin(async tx => {
    await tx.savepoint(s => s`SELECT 1/0`).catch(e => say('error in a savepoint', [e.code, e.message]))
    say('after it', await tx`SELECT 1 AS one`)
  })
  await sql`SELECT nope FROM items`.catch(e => say('error', [e.code, e.message, e.position]))

  const pages = []
  await sql`SELECT id FROM items ORDER BY id`.cursor(3, rows => { pages.push(rows.map(r => r.id)) })
  say('cursor', pages)
  const live = []
  await sql.unsafe(env.DRIVER_LIVE).cursor(3, rows => { live.push(rows.length); if (live.length === 2) return sql.CLOSE })
  say('paged live', live)

  let seen = 0
  const running = other.unsafe(env.DRIVER_LIVE)
  await running.forEach(() => { if (++seen === 5) running.cancel() }).catch(e => say('live, cancelled', [seen >= 5, e.code]))

  const sleeping = sql`SELECT pg_sleep(600)`.execute()
  await until(async () => (await other`SELECT count(*)::int AS n FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(' || '600)%' AND pid <> pg_backend_pid()`)[0].n > 0)
  sleeping.cancel()
  await sleeping.catch(e => say('cancel', e.code))

  let heard
  const news = new Promise(resolve => { heard = resolve })
  const listening = await sql.listen('news', heard)
  await other.notify('news', 'hello')
  say('notification', await news)
  await listening.unlisten()
  await Promise.all([sql.end({ timeout: 5 }), other.end({ timeout: 5 })])

  if (env.DRIVER_CA) {
    const ways = { tls: {}, plain: { ssl: false }, wrong: { password: 'no' } }
    for (const [name, more] of Object.entries(ways)) {
      const secure = connect({ ssl: { ca: fs.readFileSync(env.DRIVER_CA), servername: 'localhost' }, ...more })
      await secure`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`.then(r => say('scram, ' + name, [r[0].ssl]), e => say('scram, ' + name, e.code === '28P01'))
      await secure.end({ timeout: 5 })
    }
  }
}

main().then(() => process.exit(0)).catch(e => { console.error(e); process.exit(1) })

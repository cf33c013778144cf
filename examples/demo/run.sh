#!/usr/bin/env bash
# The main job in one minute: a gateway with its own broker, live trades, a job
# that copies a topic into a file and another topic, and a query that goes on.
# Then a windowed join, and last a materialized view, looked up while it changes.
# It uses psql where there is one, else `ferris-sql sql`, and ends by itself.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$PWD/bin/ferris-sql
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }; rm -rf "$dir"' EXIT

port() { # a loopback port that nobody listens on
	local p
	for _ in $(seq 100); do
		p=$((20000 + RANDOM % 20000))
		(: <"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo "$p"; return; }
	done
	echo "no free port found" >&2
	exit 1
}
wire=$(port) http=$(port) broker=$(port)

"$bin" serve --dev --dev-broker "127.0.0.1:$broker" --listen "127.0.0.1:$wire" --http "127.0.0.1:$http" --data-dir "$dir/data" >"$dir/log" 2>&1 &
server=$!
for _ in $(seq 100); do
	(exec 3<>"/dev/tcp/127.0.0.1/$http" && printf 'GET /ready HTTP/1.0\r\n\r\n' >&3 && head -1 <&3 | grep -q 200) 2>/dev/null && break
	kill -0 "$server" 2>/dev/null || { cat "$dir/log" >&2; exit 1; }
	sleep 0.1
done

url="postgres://ferris@127.0.0.1:$wire/ferris?sslmode=disable"
if command -v psql >/dev/null; then
	client="psql (any Postgres client will do)"
	ask() { psql -X -q -v ON_ERROR_STOP=1 "$url" -c "$1"; }
	live() { timeout 20 psql -X -q -v ON_ERROR_STOP=1 "$url" -c "COPY ($1 LIMIT $2) TO STDOUT WITH (FORMAT csv, HEADER)"; }
else
	client="ferris-sql sql"
	ask() { "$bin" sql --url "$url" -c "$1"; }
	live() { timeout 20 "$bin" sql --url "$url" --limit "$2" -c "$1"; }
fi
step() { printf '\n\033[1m%s\033[0m\n' "$1"; }

step "A gateway listens at $url; asking with $client."
ask "SHOW STREAMS"

step "A topic, asked once: what it holds now, exact decimals."
ask "SELECT symbol, count(*), sum(price * quantity) AS notional, avg(price)::numeric(12,4) AS average FROM trades GROUP BY symbol ORDER BY symbol"

step "A job: large trades of the topic, those to come too, go into a file and into another topic."
ask "CREATE STREAM large_trades AS SELECT symbol, price, quantity, price * quantity AS notional FROM trades WHERE price * quantity > 10000
INTO archive, alerts WITH (
  'archive.type' = 'file_sink', 'archive.path' = '$dir/data/large_trades.json', 'archive.format' = 'json',
  'alerts.type' = 'kafka_sink', 'alerts.topic' = 'large_trades'
)"

step "The same topic, asked for ever: ten rows as they come."
live "SELECT symbol, price, quantity FROM trades EMIT CHANGES" 10

step "What the job wrote: its topic, live, and its file."
ask "CREATE STREAM alerts_topic (symbol text, price numeric, quantity bigint, notional numeric) WITH (type = 'kafka', topic = 'large_trades')"
live "SELECT symbol, notional FROM alerts_topic EMIT CHANGES" 5
for _ in $(seq 50); do [ -s "$dir/data/large_trades.json" ] && break; sleep 0.1; done
head -3 "$dir/data/large_trades.json"
ask "SHOW JOBS"

step "A windowed join: alerts beside the trades that they are about, counted second by second, each window once."
live "SELECT window_start, t.symbol, count(*) AS alerts, sum(a.notional) AS notional FROM trades t JOIN alerts_topic a
  ON t.symbol = a.symbol AND t.price = a.price AND t.quantity = a.quantity WITHIN INTERVAL '2 seconds'
  WINDOW TUMBLING (INTERVAL '1 second') GROUP BY window_start, t.symbol EMIT FINAL" 5

step "A materialized view, looked up by its key while it changes."
ask "CREATE MATERIALIZED VIEW totals WITH (checkpoint.interval = '200ms') AS SELECT symbol, count(*) AS trades, sum(quantity) AS quantity FROM trades GROUP BY symbol"
sleep 1
for _ in 1 2; do
	ask "SELECT * FROM totals WHERE symbol = (SELECT min(symbol) FROM totals)"
	sleep 0.5
done

step "Done: the gateway drains and ends."
kill "$server"
wait "$server"
server=

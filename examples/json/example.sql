-- JSON in a file and in a topic. In this directory:
--   ferris-sql serve --dev
--   psql -f example.sql postgres://ferris@localhost:7432/ferris

-- Keys are found by the columns' names; what nests is jsonb, and decimals keep every digit. Two of the
-- lines are bad ones, and are left out.
CREATE STREAM json_orders (id bigint, customer jsonb, total numeric, tags text[], placed timestamptz)
  WITH (type = 'file', path = 'orders.jsonl', on_error = 'skip');

SELECT id, customer->>'name' AS name, total, tags, placed FROM json_orders ORDER BY id;

SELECT sum(total) FROM json_orders;

-- A sink writes decimals as exact numbers, or quoted, where readers would make floats of them.
CREATE SINK json_exact WITH (type = 'kafka', topic = 'json_exact');
CREATE SINK json_quoted WITH (type = 'kafka', topic = 'json_quoted', 'json.decimals' = 'string');

SELECT id, total, placed, tags FROM json_orders INTO json_exact;
SELECT id, total, NULL::text AS note FROM json_orders INTO json_quoted;

CREATE STREAM json_written (value text) WITH (type = 'kafka', topic.pattern = 'json_(exact|quoted)', format = 'text');

SELECT _topic, value FROM json_written ORDER BY _topic, value;

-- A stream without columns takes them from the records.
CREATE STREAM json_found WITH (type = 'kafka', topic = 'json_exact');

SELECT id, total, tags->>0 AS tag FROM json_found WHERE placed < '2026-01-15 10:31:30Z' ORDER BY id;

-- Changes of a database's table, as Debezium writes them into a topic. In this directory:
--   ferris-sql serve --dev
--   psql -f example.sql postgres://ferris@localhost:7432/ferris

-- What a connector would write: a row that was there, one that is inserted, one that
-- is updated, one that is deleted (a tombstone follows it, which is passed over).
CREATE STREAM envelopes (value text) WITH (type = 'kafka', topic = 'inventory.public.products', format = 'text');

INSERT INTO envelopes (_key, value) VALUES
  ('{"id":1}', '{"before":null,"after":{"id":1,"name":"lamp","price":"19.90","changed":1705312800000000},"source":{"ts_ms":1705312800000,"table":"products"},"op":"r"}'),
  ('{"id":2}', '{"before":null,"after":{"id":2,"name":"desk","price":"240.00","changed":1705312801000000},"source":{"ts_ms":1705312801000,"table":"products"},"op":"c"}'),
  ('{"id":1}', '{"before":{"id":1,"name":"lamp","price":"19.90","changed":1705312800000000},"after":{"id":1,"name":"lamp","price":"17.50","changed":1705312802000000},"source":{"ts_ms":1705312802000,"table":"products"},"op":"u"}'),
  ('{"id":2}', '{"before":{"id":2,"name":null,"price":null,"changed":null},"after":null,"source":{"ts_ms":1705312803000,"table":"products"},"op":"d"}'),
  ('{"id":3}', '{"before":null,"after":{"id":3,"name":"chair","price":"80.00","changed":1705312804000000},"source":{"ts_ms":1705312804000,"table":"products"},"op":"c"}');

-- The table that they change.
CREATE STREAM products (id int PRIMARY KEY, name text, price numeric(10,2), changed timestamp)
  WITH (type = 'kafka', topic = 'inventory.public.products', format = 'debezium-json', 'debezium.time.unit' = 'micros');

SELECT *, _op, _source_timestamp, _source->>'table' AS source FROM products ORDER BY id;

SELECT count(*), sum(price) FROM products;

-- Rows that are inserted are changes too.
CREATE STREAM archive (id int PRIMARY KEY, price numeric(10,2)) WITH (type = 'kafka', topic = 'archive', format = 'debezium-json');

INSERT INTO archive SELECT id, price FROM products ORDER BY id;

CREATE STREAM archived (value text) WITH (type = 'kafka', topic = 'archive', format = 'text');

SELECT _key, value FROM archived ORDER BY _key;

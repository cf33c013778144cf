-- Protobuf and changes of rows in files. In this directory:
--   ferris-sql serve --dev
--   psql -f example.sql postgres://ferris@localhost:7432/ferris

-- Messages behind their lengths, as writeDelimitedTo and protodelim write them, compressed.
SELECT * FROM (VALUES ('AAPL', 189.5025, 100::bigint, '2024-01-15 10:30:00+00'::timestamptz), ('MSFT', 415.2, 10, '2024-01-15 10:30:01+00'), ('AAPL', 189.4975, 50, '2024-01-15 10:30:02+00')) AS t (symbol, price, quantity, at)
  INTO written WITH ('written.type' = 'file', 'written.path' = 'trades.pb.gz', 'written.format' = 'protobuf', 'written.protobuf.schema' = 'trades.proto');

-- The columns are the message's.
CREATE STREAM file_trades WITH (type = 'file', path = 'trades.pb.gz', format = 'protobuf', 'protobuf.schema' = 'trades.proto');

SELECT symbol, sum(price * quantity) AS notional, max(at) AS latest FROM file_trades GROUP BY symbol ORDER BY symbol;

-- The same file by columns of one's own: a price as text.
CREATE STREAM file_prices (symbol text, price text) WITH (type = 'file', path = 'trades.pb.gz', format = 'protobuf', 'protobuf.schema' = 'trades.proto');

SELECT *, _offset FROM file_prices ORDER BY _offset;

-- Changes of a table, an envelope of Debezium a line, are the table.
CREATE STREAM file_products (id int PRIMARY KEY, name text, price numeric(10,2))
  WITH (type = 'file', path = 'products.jsonl', format = 'debezium-json');

SELECT *, _op, _source->>'table' AS source, _offset FROM file_products ORDER BY id;

-- Into a container of Avro whose records are such envelopes, and back.
SELECT id, price FROM file_products INTO archive
  WITH ('archive.type' = 'file', 'archive.path' = 'products.avro', 'archive.format' = 'debezium-avro');

CREATE STREAM file_archived (id int PRIMARY KEY, price numeric(10,2)) WITH (type = 'file', path = 'products.avro', format = 'debezium-avro');

SELECT *, _op FROM file_archived ORDER BY id;

-- Avro records in a topic, and in a container file. In this directory:
--   ferris-sql serve --dev
--   psql -f example.sql postgres://ferris@localhost:7432/ferris

-- The columns are the schema's.
CREATE STREAM avro_trades WITH (type = 'kafka', topic = 'avro_trades', format = 'avro', 'avro.schema' = 'trades.avsc');

INSERT INTO avro_trades (symbol, price, quantity, timestamp, side, venue) VALUES
  ('AAPL', 189.5025, 100, '2024-01-15 10:30:00+00', 'BUY', '{"code": "XNAS", "tags": ["lit"]}'),
  ('AAPL', 189.4975, 50, '2024-01-15 10:30:00.25+00', 'SELL', NULL),
  ('MSFT', 415.2, 10, '2024-01-15 10:30:01+00', 'BUY', '{"code": "XLON", "tags": []}');

SELECT symbol, sum(price * quantity) AS notional, max(timestamp) AS latest FROM avro_trades GROUP BY symbol ORDER BY symbol;

-- The same topic by columns of one's own: a nested field, and a price as text.
CREATE STREAM avro_venues (symbol text, price text, "venue.code" text, "venue.tags" text[])
  WITH (type = 'kafka', topic = 'avro_trades', format = 'avro', 'avro.schema' = 'trades.avsc');

SELECT * FROM avro_venues ORDER BY price;

-- Into a container file, by a schema made of the columns, and back.
SELECT symbol, price, quantity, timestamp AS at FROM avro_trades WHERE side = 'BUY'
  INTO archive WITH ('archive.type' = 'file', 'archive.path' = 'trades.avro', 'archive.format' = 'avro');

CREATE STREAM archived WITH (type = 'file', path = 'trades.avro');

SELECT * FROM archived ORDER BY at;

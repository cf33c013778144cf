-- Protobuf records in a topic. In this directory:
--   ferris-sql serve --dev
--   psql -f example.sql postgres://ferris@localhost:7432/ferris

-- The columns are the message's.
CREATE STREAM proto_trades WITH (type = 'kafka', topic = 'proto_trades', format = 'protobuf', 'protobuf.schema' = 'trades.proto', 'protobuf.message' = 'trading.Trade');

INSERT INTO proto_trades (symbol, price, quantity, at, side, venue) VALUES
  ('AAPL', 189.5025, 100, '2024-01-15 10:30:00+00', 'BUY', '{"code": "XNAS", "tags": ["lit"]}'),
  ('AAPL', 189.4975, 50, '2024-01-15 10:30:00.25+00', 'SELL', NULL),
  ('MSFT', 415.2, 10, '2024-01-15 10:30:01+00', 'BUY', '{"code": "XLON"}');

SELECT symbol, sum(price * quantity) AS notional, max(at) AS latest FROM proto_trades GROUP BY symbol ORDER BY symbol;

-- The same topic by columns of one's own: nested fields, and a price as text.
CREATE STREAM proto_venues (symbol text, price text, "venue.code" text, "venue.tags" text[])
  WITH (type = 'kafka', topic = 'proto_trades', format = 'protobuf', 'protobuf.schema' = 'trades.proto', 'protobuf.message' = 'trading.Trade');

SELECT * FROM proto_venues ORDER BY price;

-- By a schema made of the columns, where the gateway writes and reads.
CREATE STREAM proto_totals (symbol text, notional numeric(18,4), day date)
  WITH (type = 'kafka', topic = 'proto_totals', format = 'protobuf', 'protobuf.schema' = 'syntax = "proto3"; message Total { string symbol = 1; message Decimal { int64 units = 1; int32 scale = 2; } Decimal notional = 2; optional string day = 3; }');

INSERT INTO proto_totals SELECT symbol, sum(price * quantity), max(at)::date FROM proto_trades GROUP BY symbol;

SELECT * FROM proto_totals ORDER BY symbol;

-- Parquet files, written and read. In this directory:
--   ferris-sql serve --dev
--   psql -f example.sql postgres://ferris@localhost:7432/ferris

-- Rows of a CSV file go into a Parquet file, as the types they are.
CREATE STREAM ticks (symbol text, price numeric(18,4), quantity bigint, at timestamptz, tags text[])
  WITH (type = 'file', path = 'ticks.csv', has_headers = 'true');

SELECT * FROM ticks INTO archive WITH ('archive.type' = 'file', 'archive.path' = 'ticks.parquet', 'archive.compression' = 'zstd');

-- A stream without columns takes them from the file.
CREATE STREAM archived WITH (type = 'file', path = 'ticks.parquet');

SELECT column_name, data_type, numeric_precision, numeric_scale FROM information_schema.columns
  WHERE table_name = 'archived' ORDER BY ordinal_position;

SELECT * FROM archived ORDER BY at;

-- Only the columns that are read are fetched, and row groups that cannot match are passed over.
SELECT symbol, sum(price * quantity) AS notional FROM archived WHERE at >= '2026-01-15 10:30:01+00' GROUP BY symbol ORDER BY symbol;

-- Rows are added behind those that are there.
INSERT INTO archived (symbol, price, quantity, at) VALUES ('MSFT', 415.2, 7, '2026-01-16 09:00:00+00');

SELECT count(*), count(tags), max(at) FROM archived;

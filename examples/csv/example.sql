-- CSV in a file and in a topic. In this directory:
--   ferris-sql serve --dev
--   psql -f example.sql postgres://ferris@localhost:7432/ferris

-- The header names the columns; their types are told by the values.
CREATE STREAM csv_readings WITH (type = 'file', path = 'readings.csv');

SELECT sensor, celsius, note FROM csv_readings ORDER BY at;

-- Columns of one's own are found by the header's names, in any order.
CREATE STREAM csv_averages (celsius numeric(6,2), sensor text) WITH (type = 'file', path = 'readings.csv');

SELECT sensor, avg(celsius)::numeric(6,3) AS average, count(*) AS n FROM csv_averages GROUP BY sensor ORDER BY sensor;

-- A topic's records have no header: their fields are the columns in their order.
CREATE STREAM csv_ticks (symbol text, price numeric(10,2), note text)
  WITH (type = 'kafka', topic = 'csv_ticks', format = 'csv', delimiter = 'tab', quote = '''', 'null' = '\N');

INSERT INTO csv_ticks VALUES ('AAPL', 189.50, 'it''s up'), ('MSFT', 415.20, NULL), ('AAPL', NULL, '');

SELECT * FROM csv_ticks ORDER BY _offset;

CREATE STREAM csv_lines (value text) WITH (type = 'kafka', topic = 'csv_ticks', format = 'text');

SELECT value FROM csv_lines ORDER BY _offset;

-- Into a file, with a header and another delimiter, and back.
SELECT sensor, max(celsius) AS highest FROM csv_readings GROUP BY sensor
  INTO report WITH ('report.type' = 'file', 'report.path' = 'report.csv.gz', 'report.delimiter' = ';', 'report.has_headers' = 'true');

CREATE STREAM csv_report WITH (type = 'file', path = 'report.csv.gz', delimiter = ';');

SELECT * FROM csv_report ORDER BY sensor;

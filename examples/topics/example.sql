-- Topics as streams that nobody has declared. In this directory:
--   ferris-sql serve --dev
--   psql -f example.sql postgres://ferris@localhost:7432/ferris

-- Two topics, as other programs would have written them.
CREATE SINK eu WITH (type = 'kafka', topic = 'Orders.EU');
CREATE SINK notes WITH (type = 'kafka', topic = 'notes', format = 'text');

SELECT id, name, total FROM (VALUES (1, 'Ann', 19.99), (2, 'Bob', 5.25)) o (id, name, total) INTO eu;
SELECT note FROM (VALUES ('opened'), ('closed')) n (note) INTO notes;

-- All topics of the server's brokers. WITH ('bootstrap.servers' = ...) names others.
CREATE SCHEMA k FROM KAFKA;

-- They are listed without being read; SHOW TOPICS tells how much they hold.
SELECT table_name FROM information_schema.tables WHERE table_schema = 'k' AND table_name IN ('Orders.EU', 'notes') ORDER BY table_name;

-- The first use of one tells its format and columns, and makes it a stream. Names have case.
SELECT name, total FROM k."Orders.EU" ORDER BY id;

SELECT value FROM k.notes ORDER BY value;

SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'k' ORDER BY table_name, ordinal_position;

INSERT INTO k."Orders.EU" (id, name, total) VALUES (3, 'Eve', 0.5);

SELECT count(*), sum(total) FROM k."Orders.EU";

-- What was found goes with the schema; the topics stay.
DROP SCHEMA k;

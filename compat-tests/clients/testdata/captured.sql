-- What the captured statements ask for, in PostgreSQL and in the gateway.
CREATE SCHEMA streams;
CREATE TYPE mood AS ENUM ('ok', 'sad');
CREATE TABLE events (
	id bigint PRIMARY KEY, ts timestamptz NOT NULL DEFAULT '2024-01-01 00:00:00+00', name text, payload jsonb, amount numeric(12,2) DEFAULT 1.5,
	f8 float8, d date, u uuid, b bytea, flag boolean, tm time, tags text[], i4 int
);
CREATE INDEX events_name ON events (name);
COMMENT ON TABLE events IS 'what happened';
COMMENT ON COLUMN events.ts IS 'when';
INSERT INTO events SELECT n, '2024-01-01 00:00:00+00'::timestamptz + n * interval '1 minute', 'n' || n, '{"a": 1}', n, n / 2.0, '2024-01-01'::date + n::int,
	'6ecd8c99-4036-403d-bf84-cf8400f67836', '\x01', n % 2 = 0, '10:00:00', ARRAY['x', 'y'], n FROM generate_series(1, 5) AS n;
CREATE TABLE streams.s1 (name varchar(10), mood mood, size int CHECK (size > 0), event bigint REFERENCES events (id) ON DELETE CASCADE);
CREATE VIEW v_events AS SELECT id, name FROM events;
CREATE MATERIALIZED VIEW mv_events AS SELECT id, ts FROM events;
CREATE SEQUENCE sq INCREMENT 5;

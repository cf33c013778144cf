-- Records that are text, one column each. In this directory:
--   ferris-sql serve --dev
--   psql -f example.sql postgres://ferris@localhost:7432/ferris

CREATE STREAM text_log (line text) WITH (type = 'kafka', topic = 'text_log', format = 'text');

-- What stands beside a record's value can be written, too.
INSERT INTO text_log (_key, _timestamp, _headers, line) VALUES
  ('a1', '2026-01-15 10:30:00Z', '{"host": "web-1"}', 'GET / status=200 12ms'),
  ('a1', '2026-01-15 10:30:01Z', '{"host": "web-2"}', 'GET /cart status=500 340ms'),
  ('b2', '2026-01-15 10:30:02Z', '{}', 'GET / status=200 9ms'),
  ('b2', '2026-01-15 10:30:03Z', NULL, ''),
  ('c3', '2026-01-15 10:30:04Z', NULL, NULL);

SELECT _key, _timestamp, _headers->>'host' AS host, line FROM text_log ORDER BY _timestamp;

SELECT substring(line FROM 'status=(\d+)')::int AS status, count(*) AS n, max(substring(line FROM '(\d+)ms')::int) AS slowest
  FROM text_log WHERE line LIKE '%status=%' GROUP BY status ORDER BY status;

-- JSON that is taken apart later.
CREATE STREAM text_events WITH (type = 'kafka', topic = 'text_events', format = 'text');

INSERT INTO text_events VALUES ('{"kind": "login", "user": {"id": 7}}'), ('not JSON');

SELECT value::jsonb->'user'->>'id' AS "user" FROM text_events WHERE value IS JSON OBJECT;

-- Records that are bytes, one column each. In this directory:
--   ferris-sql serve --dev
--   psql -f example.sql postgres://ferris@localhost:7432/ferris

CREATE STREAM raw_frames (frame bytea) WITH (type = 'kafka', topic = 'raw_frames', format = 'raw');

INSERT INTO raw_frames (_key, frame) VALUES
  ('camera', '\x89504e470d0a1a0a00ff'), ('camera', '\xffd8ffe000104a464946'), ('probe', '\x'), ('probe', NULL);

SELECT _key, length(frame) AS bytes, encode(substring(frame FROM 1 FOR 4), 'hex') AS magic FROM raw_frames ORDER BY _key, _offset;

-- What is passed on unread stays as it was, keys that are no text too.
CREATE SINK raw_copies WITH (type = 'kafka', topic = 'raw_copies', format = 'raw');

SELECT '\x00ff'::bytea AS _key, frame FROM raw_frames WHERE frame >= '\x89' INTO raw_copies;

CREATE STREAM raw_copied WITH (type = 'kafka', topic = 'raw_copies', format = 'bytes', key.format = 'bytes');

SELECT _key, value FROM raw_copied ORDER BY value;

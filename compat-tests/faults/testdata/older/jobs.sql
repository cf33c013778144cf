-- What gateways of older formats ran when their backups and states here were made: N.bak by
-- `ferris-sql backup`, N-JOB.state by EXPORT STATE, with jobs that were stopped midway. N is
-- the format of jobs' state: 2 is of commit b6db7f1^, 3 of edc9ffa^.
CREATE STREAM ticks (id bigint GENERATED ALWAYS AS (_offset) STORED, k text GENERATED ALWAYS AS ('k' || _offset % 7) STORED, ts timestamptz GENERATED ALWAYS AS (timestamptz '2026-01-01 00:00+00' + _offset * interval '1 second') STORED, WATERMARK FOR ts AS ts) WITH (type = 'generator', rate = '300', rows = '2200');
CREATE STREAM endless (id bigint GENERATED ALWAYS AS (_offset) STORED, ts timestamptz GENERATED ALWAYS AS (timestamptz '2026-01-01 00:00+00' + _offset * interval '1 second') STORED, WATERMARK FOR ts AS ts) WITH (type = 'generator', rate = '300');
CREATE TABLE out_groups (k text PRIMARY KEY, n bigint, s numeric, d bigint, m bigint);
CREATE TABLE out_evicted (k bigint PRIMARY KEY, n bigint, s numeric);
CREATE TABLE out_divided (k bigint PRIMARY KEY, n bigint, s numeric);
CREATE TABLE out_windows (k text, w timestamptz, n bigint, s numeric, PRIMARY KEY (k, w));
CREATE TABLE out_sessions (k bigint, w timestamptz, n bigint, s numeric);
CREATE TABLE out_pairs (a bigint, b bigint);
CREATE TABLE out_matches (a bigint, b bigint);
START JOB groups AS INSERT INTO out_groups SELECT k, count(*), sum(id), count(DISTINCT id % 50), max(id) FROM ticks GROUP BY k WITH ('checkpoint.interval' = '50ms');
START JOB evicted AS INSERT INTO out_evicted SELECT id % 800, count(*), sum(id) FROM ticks GROUP BY id % 800 WITH ('checkpoint.interval' = '50ms', 'state.memory_limit_mb' = '0');
START JOB divided AS INSERT INTO out_divided SELECT id % 60, count(*), sum(id) FROM ticks GROUP BY id % 60 WITH ('checkpoint.interval' = '50ms', parallelism = '3');
START JOB windows AS INSERT INTO out_windows SELECT k, window_end, count(*), sum(id) FROM ticks WINDOW HOPPING (INTERVAL '10 minutes', INTERVAL '5 minutes') GROUP BY k WITH ('checkpoint.interval' = '50ms');
START JOB sessions AS INSERT INTO out_sessions SELECT id % 300, window_end, count(*), sum(id) FROM ticks WINDOW SESSION (INTERVAL '8 minutes') GROUP BY id % 300 EMIT FINAL WITH ('checkpoint.interval' = '50ms');
START JOB pairs AS INSERT INTO out_pairs SELECT a.id, b.id FROM endless a LEFT JOIN endless b ON a.id = b.id * 2 WITHIN INTERVAL '30 minutes' WITH ('checkpoint.interval' = '50ms');
START JOB matches AS INSERT INTO out_matches SELECT a.id, b.id FROM endless a JOIN endless b ON a.id = b.id + 700 WITH ('checkpoint.interval' = '50ms');

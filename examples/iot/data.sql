-- Sample readings. The last ones of each topic are of a test device, a quarter of an hour later:
-- what waits for a vibration that never came is settled when event time has passed it.
INSERT INTO temperature_sensors VALUES
  ('d1', 'hall', 20, '2026-03-02 10:00:00+00'), ('d1', 'hall', 36, '2026-03-02 10:01:00+00'),
  ('d2', 'yard', 20, '2026-03-02 10:01:00+00'), ('d2', 'yard', NULL, '2026-03-02 10:01:10+00'),
  ('d1', 'hall', 37, '2026-03-02 10:08:00+00'), ('test', 'lab', 0, '2026-03-02 10:23:00+00');

INSERT INTO humidity_sensors VALUES
  ('d1', 50, '2026-03-02 10:00:00+00'), ('d2', 40, '2026-03-02 10:01:30+00'),
  ('d1', 95, '2026-03-02 10:08:00+00'), ('test', 0, '2026-03-02 10:23:00+00');

INSERT INTO pressure_sensors VALUES
  ('d1', 1000, '2026-03-02 10:00:30+00'), ('d2', 900, '2026-03-02 10:02:00+00'),
  ('d1', 1013.25, '2026-03-02 10:08:30+00'), ('test', 1, '2026-03-02 10:23:00+00');

INSERT INTO vibration_sensors VALUES
  ('d2', 9.5, '2026-03-02 10:01:00+00'), ('test', 0, '2026-03-02 10:23:00+00');

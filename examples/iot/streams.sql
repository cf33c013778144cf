-- Four kinds of sensors, a topic each. A partition that is silent for two seconds holds the others up no longer.
CREATE STREAM temperature_sensors (device_id text, location text, temperature numeric(6,2), timestamp timestamptz,
  WATERMARK FOR timestamp AS timestamp - INTERVAL '2 seconds') WITH (type = 'kafka', topic = 'temperature-readings', 'watermark.idle_timeout' = '2s');

CREATE STREAM humidity_sensors (device_id text, humidity numeric(6,2), timestamp timestamptz,
  WATERMARK FOR timestamp AS timestamp - INTERVAL '2 seconds') WITH (type = 'kafka', topic = 'humidity-readings', 'watermark.idle_timeout' = '2s');

CREATE STREAM pressure_sensors (device_id text, pressure numeric(6,2), timestamp timestamptz,
  WATERMARK FOR timestamp AS timestamp - INTERVAL '2 seconds') WITH (type = 'kafka', topic = 'pressure-readings', 'watermark.idle_timeout' = '2s');

CREATE STREAM vibration_sensors (device_id text, vibration_level numeric(4,1), timestamp timestamptz,
  WATERMARK FOR timestamp AS timestamp - INTERVAL '2 seconds') WITH (type = 'kafka', topic = 'vibration-readings', 'watermark.idle_timeout' = '2s');

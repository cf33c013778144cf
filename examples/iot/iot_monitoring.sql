-- SQL Application: iot_monitoring
-- Readings of one device within two minutes of each other become one row, with what is odd about
-- it: to the alarms (a topic), the lake (a bucket, Parquet, a folder a day) and a dashboard (HTTP).
CREATE STREAM sensor_analysis AS
SELECT
    t.device_id,
    t.location,
    t.timestamp,
    t.temperature,
    h.humidity,
    p.pressure,
    v.vibration_level,
    round((t.temperature - 20) / 10.0, 3) AS temp_deviation,
    round((h.humidity - 50) / 20.0, 3) AS humidity_deviation,
    round((p.pressure - 1013.25) / 50.0, 3) AS pressure_deviation,
    CASE
        WHEN abs(t.temperature - LAG(t.temperature, 1) OVER (PARTITION BY t.device_id ORDER BY t.timestamp)) > 10 THEN 'TEMP_SPIKE'
        WHEN h.humidity > 90 AND t.temperature > 35 THEN 'HIGH_HEAT_HUMIDITY'
        WHEN v.vibration_level > 8.0 THEN 'EXCESSIVE_VIBRATION'
        WHEN p.pressure < 950 THEN 'LOW_PRESSURE_ALARM'
        ELSE 'NORMAL'
    END AS anomaly_type
FROM temperature_sensors t
INNER JOIN humidity_sensors h ON t.device_id = h.device_id
INNER JOIN pressure_sensors p ON t.device_id = p.device_id
LEFT JOIN vibration_sensors v ON t.device_id = v.device_id
WITHIN INTERVAL '2' MINUTES
WHERE t.temperature IS NOT NULL
  AND h.humidity IS NOT NULL
  AND p.pressure IS NOT NULL
  AND t.device_id != 'test'
INTO monitoring_alerts, data_lake, device_dashboard
WITH (
    'batch.strategy' = 'low_latency',
    'batch.low_latency_max_size' = '10',
    'batch.low_latency_wait' = '5ms',
    'batch.eager_processing' = 'true',
    'batch.enable' = 'true',
    'use_transactions' = 'true',
    'failure_strategy' = 'LogAndContinue',

    'monitoring_alerts.type' = 'kafka_sink',
    'monitoring_alerts.topic' = 'sensor-alerts',
    'monitoring_alerts.value.format' = 'json',

    'data_lake.type' = 's3_sink',
    'data_lake.bucket' = 'sensor-data-lake',
    'data_lake.prefix' = 'sensors/year={year}/month={month}/day={day}/',
    'data_lake.time_column' = 'timestamp',
    'data_lake.format' = 'parquet',
    'data_lake.compression' = 'snappy',
    'data_lake.roll.interval' = '2s',
    'data_lake.endpoint' = 'http://127.0.0.1:9000',
    'data_lake.access_key_id' = 'shop',
    'data_lake.secret_access_key' = 'shop-secret',

    'device_dashboard.type' = 'http_sink',
    'device_dashboard.endpoint' = 'http://127.0.0.1:9200/sensors',
    'device_dashboard.auth_header' = 'Bearer dashboard-token',
    'device_dashboard.batch_size' = '50'
);

-- Each device's last five minutes, for whoever asks.
CREATE MATERIALIZED VIEW device_temperatures AS
SELECT device_id, window_start, count(*) AS readings, min(temperature) AS lowest, max(temperature) AS highest, avg(temperature) AS mean
FROM temperature_sensors
WINDOW TUMBLING (timestamp, INTERVAL '5 minutes')
WHERE device_id != 'test'
GROUP BY device_id, window_start;

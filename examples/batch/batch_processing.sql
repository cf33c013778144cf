-- SQL Application: batch_processing
-- Three jobs whose rows go on in batches of three kinds. The first: by load, each row 5,000 to a
-- batch at the most, into a topic, an audit file a day, and the lake.
CREATE STREAM batch_optimized_transactions AS
SELECT
    t.transaction_id,
    t.customer_id,
    t.amount,
    t.merchant_category,
    c.risk_score,
    m.fraud_indicators,
    t.amount * CASE
        WHEN c.risk_score > 0.8 THEN 1.05
        WHEN t.amount > 10000 THEN 1.02
        ELSE 1.0
    END AS adjusted_amount,
    CURRENT_TIMESTAMP AS processed_at
FROM transaction_stream t
LEFT JOIN customer_profiles c ON t.customer_id = c.customer_id
LEFT JOIN merchant_data m ON t.merchant_id = m.merchant_id
WHERE t.amount > 0 AND t.status = 'PENDING'
INTO high_throughput_sink, audit_log_sink, analytics_sink
WITH (
    'batch.strategy' = 'adaptive_size',
    'batch.enable' = 'true',
    'batch.min_size' = '100',
    'batch.adaptive_max_size' = '5000',
    'batch.target_latency' = '200ms',
    'batch.timeout' = '10000ms',

    'high_throughput_sink.type' = 'kafka_sink',
    'high_throughput_sink.topic' = 'processed-transactions',
    'high_throughput_sink.value.format' = 'json',
    'high_throughput_sink.batch.size' = '65536',
    'high_throughput_sink.linger.ms' = '50',
    'high_throughput_sink.compression.type' = 'snappy',

    'audit_log_sink.type' = 'file_sink',
    'audit_log_sink.path' = 'audit/transactions_{date}.log',
    'audit_log_sink.format' = 'json',
    'audit_log_sink.append' = 'true',

    'analytics_sink.type' = 's3_sink',
    'analytics_sink.bucket' = 'financial-analytics',
    'analytics_sink.prefix' = 'transactions/year={year}/month={month}/day={day}/',
    'analytics_sink.format' = 'parquet',
    'analytics_sink.compression' = 'gzip',
    'analytics_sink.roll.interval' = '2s',
    'analytics_sink.endpoint' = 'http://127.0.0.1:9000',
    'analytics_sink.access_key_id' = 'shop',
    'analytics_sink.secret_access_key' = 'shop-secret',

    'failure_strategy' = 'RetryWithBackoff',
    'max_retries' = '3',
    'retry_backoff' = '2000ms'
);

-- The second: by memory, for records that are large; those of half a megabyte and more are left out.
CREATE STREAM memory_optimized_large_records AS
SELECT
    large_payload.record_id,
    large_payload.data_blob,
    large_payload.metadata,
    BYTE_LENGTH(large_payload.data_blob) AS payload_size
FROM large_data_stream large_payload
WHERE BYTE_LENGTH(large_payload.data_blob) < 524288
INTO memory_aware_sink
WITH (
    'batch.strategy' = 'memory_based',
    'batch.enable' = 'true',
    'batch.memory_size' = '16777216',
    'batch.timeout' = '30000ms',

    'memory_aware_sink.type' = 'file_sink',
    'memory_aware_sink.path' = 'large_records/{hour}/batch_{batch_id}.json',
    'memory_aware_sink.format' = 'json'
);

-- The third: at once, to whoever is called at night and to the dashboard.
CREATE STREAM low_latency_alerts AS
SELECT
    alert.alert_id,
    alert.severity,
    alert.message,
    alert.timestamp,
    'URGENT' AS priority
FROM critical_alerts alert
WHERE alert.severity IN ('CRITICAL', 'HIGH')
INTO immediate_notification_sink, alert_dashboard_sink
WITH (
    'batch.strategy' = 'low_latency',
    'batch.enable' = 'true',
    'batch.low_latency_max_size' = '5',
    'batch.low_latency_wait' = '10ms',
    'batch.eager_processing' = 'true',

    'immediate_notification_sink.type' = 'http_sink',
    'immediate_notification_sink.url' = 'http://127.0.0.1:9200/webhook',
    'immediate_notification_sink.method' = 'POST',
    'immediate_notification_sink.timeout' = '5000ms',
    'immediate_notification_sink.body' = 'lines',

    'alert_dashboard_sink.type' = 'kafka_sink',
    'alert_dashboard_sink.topic' = 'dashboard-alerts',
    'alert_dashboard_sink.value.format' = 'json',
    'alert_dashboard_sink.batch.size' = '1024',
    'alert_dashboard_sink.linger.ms' = '1'
);

-- SQL Application: financial_trading
-- Each transaction with its customer, merchant, and where the customer was within five
-- minutes of it. Alerts (a topic), the encrypted audit log and the warehouse (a table)
-- have the same rows, once each: an epoch is in all three or in none.
CREATE STREAM fraud_analysis AS
SELECT
    t.transaction_id,
    t.amount,
    t.merchant_id,
    t.timestamp AS transaction_time,
    c.risk_score,
    c.country AS customer_country,
    m.risk_level AS merchant_risk,
    l.current_location,
    CASE
        WHEN t.amount > 10000 THEN 'HIGH_VALUE'
        WHEN l.current_location != c.country THEN 'LOCATION_RISK'
        WHEN m.risk_level = 'HIGH' THEN 'MERCHANT_RISK'
        WHEN c.risk_score > 0.8 THEN 'CUSTOMER_RISK'
        ELSE 'LOW_RISK'
    END AS risk_assessment,
    CASE
        WHEN t.amount > 10000 AND l.current_location != c.country THEN 'BLOCK_TRANSACTION'
        WHEN c.risk_score > 0.9 OR m.risk_level = 'HIGH' THEN 'MANUAL_REVIEW'
        ELSE 'APPROVE'
    END AS recommendation
FROM transaction_stream t
LEFT JOIN location_service l ON t.customer_id = l.user_id WITHIN INTERVAL '5' MINUTES
INNER JOIN customer_profiles c ON t.customer_id = c.customer_id
INNER JOIN merchant_data m ON t.merchant_id = m.merchant_id
WHERE t.amount > 0
INTO fraud_alerts, audit_compliance, risk_warehouse
WITH (
    'use_transactions' = 'true',
    'failure_strategy' = 'FailBatch',
    'max_batch_size' = '100',
    'batch_timeout' = '1000',

    'fraud_alerts.type' = 'kafka_sink',
    'fraud_alerts.topic' = 'fraud-alerts',

    'audit_compliance.type' = 'file_sink',
    'audit_compliance.path' = 'audit/fraud_analysis_{timestamp}_{batch_id}.log',
    'audit_compliance.format' = 'json',
    'audit_compliance.encryption' = 'AES256',
    'audit_compliance.encryption.passphrase' = 'correct horse battery staple',

    'risk_warehouse.type' = 'postgres',
    'risk_warehouse.connection' = 'postgresql://postgres@127.0.0.1:5432/postgres',
    'risk_warehouse.table' = 'fraud_analysis_results',
    'risk_warehouse.create' = 'true'
);

-- What was asked of the analysts in each minute, for a dashboard.
CREATE STREAM alerts (transaction_time timestamptz, recommendation text, amount numeric(14,2),
  WATERMARK FOR transaction_time AS transaction_time - INTERVAL '10 seconds') WITH (type = 'kafka', topic = 'fraud-alerts');

CREATE MATERIALIZED VIEW recommendations AS
SELECT recommendation, count(*) AS transactions, sum(amount) AS amount FROM alerts GROUP BY recommendation;

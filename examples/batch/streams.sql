-- Transactions and large payloads (Avro) and alerts (JSON) come by topics; customers' profiles
-- are a Parquet file, merchants' indicators a JSON file.
CREATE STREAM transaction_stream WITH (type = 'kafka', topic = 'raw-transactions', format = 'avro', 'avro.schema' = 'transactions.avsc',
  'group.id' = 'batch-processor', 'max.poll.records' = '2000', 'fetch.min.bytes' = '1');

CREATE STREAM large_data_stream WITH (type = 'kafka', topic = 'large-payloads', format = 'avro', 'avro.schema' = 'payloads.avsc',
  'max.poll.records' = '100');

CREATE STREAM critical_alerts (alert_id bigint, severity text, message text, timestamp timestamptz) WITH (
  type = 'kafka', topic = 'system-alerts', 'fetch.max.wait.ms' = '1');

CREATE STREAM customer_profiles (customer_id bigint, risk_score numeric(3,2)) WITH (type = 'file', path = 'profiles.parquet', format = 'parquet');

CREATE STREAM merchant_data (merchant_id bigint, fraud_indicators text) WITH (type = 'file', path = 'indicators.json');

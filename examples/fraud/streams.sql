-- Transactions (Avro) and places (JSON) come by topics, profiles are the bank's own table,
-- merchants are delivered into a bucket (Parquet). A partition that is silent for two seconds
-- holds the others up no longer.
CREATE STREAM transaction_stream (transaction_id bigint, customer_id bigint, merchant_id bigint, amount numeric(14,2), timestamp timestamptz,
  WATERMARK FOR timestamp AS timestamp - INTERVAL '5 seconds') WITH (
  type = 'kafka', topic = 'transactions', format = 'avro', 'avro.schema' = 'transactions.avsc', 'watermark.idle_timeout' = '2s'
);

CREATE STREAM location_service (user_id bigint, current_location text, seen timestamptz,
  WATERMARK FOR seen AS seen - INTERVAL '5 seconds') WITH (type = 'kafka', topic = 'locations', 'watermark.idle_timeout' = '2s');

CREATE STREAM customer_profiles WITH (
  type = 'postgres', connection = 'postgresql://postgres@127.0.0.1:5432/postgres', 'table' = 'customer_risk_profiles'
);

CREATE STREAM merchant_data (merchant_id bigint, risk_level text) WITH (
  type = 's3', path = 's3://risk-data/merchants/', format = 'parquet',
  endpoint = 'http://127.0.0.1:9000', access_key_id = 'shop', secret_access_key = 'shop-secret'
);

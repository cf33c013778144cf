-- What the shop has: orders in a topic (Avro), customers in a bucket (Parquet), products in a file.
CREATE STREAM kafka_orders WITH (type = 'kafka', topic = 'raw-orders', format = 'avro', 'avro.schema' = 'orders.avsc');

CREATE STREAM customer_files (customer_id bigint, customer_name text, customer_tier text, email text) WITH (
  type = 's3', path = 's3://customer-data/profiles/', format = 'parquet',
  endpoint = 'http://127.0.0.1:9000', access_key_id = 'shop', secret_access_key = 'shop-secret'
);

CREATE STREAM product_catalog (product_id bigint, product_name text, category text, unit_price numeric(12,2), active boolean) WITH (
  type = 'file', path = 'catalog.json'
);

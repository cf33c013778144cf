-- SQL Application: ecommerce_analytics
-- Orders with their customers and products go to those who pack them (a topic), to the
-- auditors (a file a day) and to the lake (a bucket, with folders for year and month):
-- each order once in each, whatever is killed meanwhile.
CREATE STREAM enriched_orders AS
SELECT
    o.order_id,
    o.order_date,
    o.quantity,
    c.customer_name,
    c.customer_tier,
    c.email,
    p.product_name,
    p.category,
    p.unit_price,
    o.quantity * p.unit_price AS line_total,
    CASE
        WHEN c.customer_tier = 'GOLD' THEN 0.10
        WHEN c.customer_tier = 'SILVER' THEN 0.05
        ELSE 0.00
    END AS discount_rate
FROM kafka_orders o
INNER JOIN customer_files c ON o.customer_id = c.customer_id
INNER JOIN product_catalog p ON o.product_id = p.product_id
WHERE o.quantity > 0 AND p.active
INTO kafka_fulfillment, file_audit, s3_analytics
WITH (
    'kafka_fulfillment.type' = 'kafka_sink',
    'kafka_fulfillment.topic' = 'order-fulfillment',
    'kafka_fulfillment.value.format' = 'json',

    'file_audit.type' = 'file_sink',
    'file_audit.path' = 'audit/orders_{date}.log',
    'file_audit.format' = 'json',
    'file_audit.append' = 'true',

    's3_analytics.type' = 's3_sink',
    's3_analytics.path' = 's3://analytics-lake/orders/year={year}/month={month}/',
    's3_analytics.time_column' = 'order_date',
    's3_analytics.format' = 'parquet',
    's3_analytics.roll.interval' = '2s',
    's3_analytics.endpoint' = 'http://127.0.0.1:9000',
    's3_analytics.access_key_id' = 'shop',
    's3_analytics.secret_access_key' = 'shop-secret',

    'use_transactions' = 'true',
    'failure_strategy' = 'LogAndContinue'
);

-- What the packers read is a stream again; its revenue by minute and category is a view
-- that any client may ask while it changes.
CREATE STREAM fulfillment (order_id bigint, order_date timestamptz, category text, line_total numeric(14,2), discount_rate numeric(4,2),
  WATERMARK FOR order_date AS order_date - INTERVAL '10 seconds') WITH (type = 'kafka', topic = 'order-fulfillment');

CREATE MATERIALIZED VIEW revenue AS
SELECT window_start, category, count(*) AS orders, sum(line_total * (1 - discount_rate)) AS revenue
FROM fulfillment
WINDOW TUMBLING (order_date, INTERVAL '1 minute')
GROUP BY window_start, category;

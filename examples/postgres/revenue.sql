-- Run in the gateway: psql -h 127.0.0.1 -p 7432 -f revenue.sql
-- Orders are followed as they are written, customers are looked up as they are then, and the
-- revenue of each tier is kept up to date in a table of the shop's own database, exactly once.
CREATE STREAM orders WITH (
    type = 'postgres', connection = 'postgresql://postgres@127.0.0.1:5432/postgres',
    'table' = 'shop.orders', 'incremental.column' = 'id', poll_interval = '100ms');

CREATE STREAM customers WITH (
    type = 'postgres', connection = 'postgresql://postgres@127.0.0.1:5432/postgres',
    'table' = 'shop.customers', refresh_interval = '1 minute');

START JOB revenue AS
SELECT c.tier, count(*) AS orders, sum(o.amount) AS revenue, max(o.placed) AS latest
FROM orders o JOIN customers c ON o.customer = c.id
GROUP BY c.tier
EMIT CHANGES
INTO revenue_by_tier WITH (
    use_transactions = 'true', 'checkpoint.interval' = '200ms',
    'revenue_by_tier.type' = 'postgres', 'revenue_by_tier.connection' = 'postgresql://postgres@127.0.0.1:5432/postgres',
    'revenue_by_tier.table' = 'shop.revenue', 'revenue_by_tier.key' = 'tier', 'revenue_by_tier.create' = 'true');

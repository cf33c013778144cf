-- Run in the gateway: psql -h 127.0.0.1 -p 7432 -f revenue.sql
-- Orders are followed as they are written, customers are looked up as they are then, and the
-- revenue of each tier is kept up to date in a table of the shop's own database, exactly once.
CREATE STREAM orders WITH (
    type = 'mysql', connection = 'mysql://root@127.0.0.1:3306/shop',
    'table' = 'orders', 'incremental.column' = 'id', poll_interval = '100ms');

CREATE STREAM customers WITH (
    type = 'mysql', connection = 'mysql://root@127.0.0.1:3306/shop',
    'table' = 'customers', refresh_interval = '1 minute');

START JOB revenue AS
SELECT c.tier, count(*) AS orders, CAST(sum(o.amount) AS numeric(20,2)) AS revenue, max(o.placed) AS latest
FROM orders o JOIN customers c ON o.customer = c.id
GROUP BY c.tier
EMIT CHANGES
INTO revenue_by_tier WITH (
    use_transactions = 'true', 'checkpoint.interval' = '200ms',
    'revenue_by_tier.type' = 'mysql', 'revenue_by_tier.connection' = 'mysql://root@127.0.0.1:3306/shop',
    'revenue_by_tier.table' = 'revenue', 'revenue_by_tier.key' = 'tier', 'revenue_by_tier.create' = 'true');

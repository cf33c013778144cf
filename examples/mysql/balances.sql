-- Run in the gateway: psql -h 127.0.0.1 -p 7432 -f balances.sql
-- The accounts as they are, and every change of them as it commits: what each customer has.
CREATE STREAM accounts WITH (type = 'mysql', connection = 'mysql://root@127.0.0.1:3306/shop', 'table' = 'accounts', cdc = 'true');

CREATE MATERIALIZED VIEW balances AS
SELECT customer, count(*) AS accounts, sum(balance) AS balance FROM accounts GROUP BY customer;

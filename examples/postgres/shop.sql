-- Run in PostgreSQL: a shop's customers, and the orders that its application writes.
CREATE SCHEMA shop;
CREATE TABLE shop.customers (id bigint PRIMARY KEY, name text NOT NULL, tier text NOT NULL);
CREATE TABLE shop.orders (id bigserial PRIMARY KEY, customer bigint NOT NULL, amount numeric(12,2) NOT NULL, placed timestamptz NOT NULL DEFAULT now());
INSERT INTO shop.customers SELECT g, 'customer ' || g, CASE WHEN g % 10 = 0 THEN 'gold' ELSE 'blue' END FROM generate_series(1, 100) g;
INSERT INTO shop.orders (customer, amount) SELECT 1 + g % 100, g FROM generate_series(1, 1000) g;
CREATE TABLE shop.accounts (id bigserial PRIMARY KEY, customer bigint NOT NULL, balance numeric(12,2) NOT NULL);
INSERT INTO shop.accounts (customer, balance) SELECT 1 + g % 100, 100 FROM generate_series(1, 200) g;

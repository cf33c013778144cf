-- Run in MySQL or MariaDB: a shop's customers, and the orders that its application writes.
CREATE TABLE customers (id bigint PRIMARY KEY, name varchar(50) NOT NULL, tier varchar(10) NOT NULL);
CREATE TABLE orders (id bigint AUTO_INCREMENT PRIMARY KEY, customer bigint NOT NULL, amount decimal(12,2) NOT NULL, placed timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6));
INSERT INTO customers WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 100) SELECT n, concat('customer ', n), IF(n % 10 = 0, 'gold', 'blue') FROM g;
INSERT INTO orders (customer, amount) SELECT 1 + (a.id * 10 + b.id) % 100, a.id * 10 + b.id - 10 FROM customers a JOIN customers b ON b.id <= 10;
CREATE TABLE accounts (id bigint AUTO_INCREMENT PRIMARY KEY, customer bigint NOT NULL, balance decimal(12,2) NOT NULL);
INSERT INTO accounts (customer, balance) SELECT 1 + id % 100, 100 FROM orders WHERE id <= 200;

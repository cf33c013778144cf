-- Run in PostgreSQL: what the bank knows of its customers.
CREATE TABLE customer_risk_profiles (customer_id bigint PRIMARY KEY, country text NOT NULL, risk_score numeric(3,2) NOT NULL);
INSERT INTO customer_risk_profiles VALUES (1, 'CH', 0.10), (2, 'CH', 0.20), (3, 'AT', 0.95);

-- Sample data: merchants, where the customers' phones were, and what was paid.
INSERT INTO merchant_data VALUES (1, 'LOW'), (2, 'HIGH');

INSERT INTO location_service VALUES
  (1, 'CH', '2026-03-02 12:00:00+00'),
  (2, 'US', '2026-03-02 12:00:10+00');

INSERT INTO transaction_stream (transaction_id, customer_id, merchant_id, amount, timestamp) VALUES
  (1, 1, 1,    50.00, '2026-03-02 12:00:30+00'),
  (2, 1, 1, 20000.00, '2026-03-02 12:00:40+00'),
  (3, 2, 1, 20000.00, '2026-03-02 12:00:50+00'),
  (4, 1, 2,    10.00, '2026-03-02 12:01:00+00'),
  (5, 3, 1,    10.00, '2026-03-02 12:01:10+00'),
  (6, 1, 1,     0.00, '2026-03-02 12:01:20+00'),
  (7, 2, 1,    11.00, '2026-03-02 12:01:30+00');

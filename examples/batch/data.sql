-- Sample data.
INSERT INTO customer_profiles VALUES (1, 0.90), (2, 0.10);

INSERT INTO transaction_stream (transaction_id, customer_id, merchant_id, amount, merchant_category, status) VALUES
  (1, 1, 1,   100.00, 'food', 'PENDING'),
  (2, 2, 9, 20000.00, 'cars', 'PENDING'),
  (3, 1, 1,   100.00, 'food', 'DONE'),
  (4, 9, 2,    10.50, NULL,   'PENDING');

INSERT INTO large_data_stream (record_id, data_blob, metadata)
SELECT n, repeat('é', n * 100000), 'payload ' || n FROM generate_series(1, 4) n;

INSERT INTO critical_alerts VALUES
  (1, 'CRITICAL', 'fire', '2026-03-02 08:00:00+00'),
  (2, 'LOW', 'dust', '2026-03-02 08:00:01+00'),
  (3, 'HIGH', 'heat', '2026-03-02 08:00:02+00');

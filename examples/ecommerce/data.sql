-- Sample data: customers into the bucket, as a nightly export would, and a morning's orders into the topic.
INSERT INTO customer_files VALUES
  (1, 'Ada', 'GOLD', 'ada@example.com'),
  (2, 'Bob', 'SILVER', 'bob@example.com'),
  (3, 'Cleo', NULL, NULL);

INSERT INTO kafka_orders (order_id, order_date, customer_id, product_id, quantity) VALUES
  (1, '2026-03-02 09:00:05+00', 1, 10, 2),
  (2, '2026-03-02 09:00:40+00', 2, 11, 0),
  (3, '2026-03-02 09:01:10+00', 2, 12, 1),
  (4, '2026-03-02 09:01:55+00', 1, 13, 1),
  (5, '2026-03-02 09:02:01+00', 3, 11, 10),
  (6, '2026-03-02 09:02:30+00', 9, 10, 1);

    SELECT 
      customer_id, 
      COUNT(*) as order_count,
      SUM(amount) as total_amount
    FROM orders 
    WINDOW TUMBLING (INTERVAL 1 MINUTE)
    GROUP BY customer_id

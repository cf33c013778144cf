    SELECT 
      symbol,
      AVG(CAST(price AS DECIMAL(18,4))) OVER (
        PARTITION BY symbol 
        ORDER BY timestamp 
        ROWS BETWEEN 4 PRECEDING AND CURRENT ROW
      ) as moving_avg_5,
      price,
      timestamp
    FROM trades

    SELECT 
      symbol,
      price,
      quantity,
      price * quantity as total_value,
      timestamp
    FROM trades 
    WHERE price > '100.0000'

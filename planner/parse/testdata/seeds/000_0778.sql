    SELECT 
      symbol,
      price,
      quantity,
      price * quantity as total_value
    FROM trades 
    WHERE price > '100.0000'

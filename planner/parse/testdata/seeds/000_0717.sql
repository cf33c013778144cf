    SELECT 
      device_id,
      AVG(value) as avg_temp,
      MAX(value) as max_temp,
      COUNT(*) as reading_count
    FROM sensor_data 
    WHERE sensor_type = 'TEMPERATURE'
    WINDOW TUMBLING (INTERVAL 5 MINUTES)
    GROUP BY device_id

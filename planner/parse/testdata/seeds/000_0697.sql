    SELECT 
      JSON_VALUE(payload, '$.device_id') as device_id,
      CAST(JSON_VALUE(payload, '$.temperature'), 'FLOAT') as temp,
      CASE 
        WHEN CAST(JSON_VALUE(payload, '$.temperature'), 'FLOAT') > 75.0 
        THEN 'HIGH' ELSE 'NORMAL'
      END as alert_level
    FROM sensor_data 
    WHERE JSON_VALUE(payload, '$.sensor_type') = 'temperature'

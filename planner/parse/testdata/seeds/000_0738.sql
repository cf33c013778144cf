    SELECT 
      JSON_VALUE(payload, '$.device_id') as device_id,
      JSON_VALUE(payload, '$.temperature') as temperature,
      timestamp() as alert_time,
      'TEMPERATURE_HIGH' as alert_type
    FROM sensor_data 
    WHERE CAST(JSON_VALUE(payload, '$.temperature'), 'FLOAT') > 75.0

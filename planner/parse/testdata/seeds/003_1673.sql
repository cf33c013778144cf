-- ❌ Wrong: No table specified
SELECT 100 as constant_value

CREATE STREAM trades (id bigint, symbol text, price numeric(18,4), qty int)
WITH ('type' = 'file', 'path' = '$DIR/input.csv', 'format' = 'csv', 'has_headers' = 'true');
START JOB totals AS
SELECT id, upper(symbol) AS symbol, price * qty AS total,
       CASE WHEN price > 900 THEN 'HIGH' WHEN price > 100 THEN 'MID' ELSE 'LOW' END AS level,
       coalesce(qty, 0) AS qty
FROM trades
INTO totals WITH ('totals.type' = 'file', 'totals.path' = '$DIR/expected.json', 'totals.format' = 'json', 'batch.size' = '$BATCH');

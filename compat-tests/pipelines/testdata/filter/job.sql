CREATE STREAM trades (id bigint, symbol text, price numeric, qty int, at timestamptz)
WITH ('type' = 'file', 'path' = '$DIR/input.json', 'format' = 'json');
START JOB cheap AS SELECT * FROM trades WHERE price < 500 AND symbol <> 'GOOG'
INTO cheap, again WITH (
  'cheap.type' = 'file', 'cheap.path' = '$DIR/expected.json', 'cheap.format' = 'json',
  'again.type' = 'file', 'again.path' = '$DIR/expected.csv', 'again.format' = 'csv', 'batch.size' = '$BATCH'
);

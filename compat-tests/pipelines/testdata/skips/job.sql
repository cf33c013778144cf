-- Records that do not decode, and rows that cannot be computed, are left out.
CREATE STREAM numbers (id bigint, d bigint) WITH ('type' = 'file', 'path' = '$DIR/input.json', 'format' = 'json');
START JOB quotients AS SELECT id, id / d AS quotient FROM numbers
INTO quotients WITH ('quotients.type' = 'file', 'quotients.path' = '$DIR/expected.json', 'quotients.format' = 'json',
  'failure_strategy' = 'LogAndContinue', 'batch.size' = '$BATCH');

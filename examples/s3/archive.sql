-- Orders come as objects, are checked, and go into an archive that has a folder for
-- each month and region. What is not an order goes to rejected/.
CREATE STREAM incoming (id bigint, region text, total numeric(12,2), at timestamptz) WITH (
  type = 's3', path = 's3://shop/incoming/', follow = 'true', poll_interval = '200ms',
  endpoint = 'http://127.0.0.1:9000', access_key_id = 'shop', secret_access_key = 'shop-secret'
);

CREATE SINK archive (id bigint, region text, total numeric(12,2), at timestamptz) WITH (
  type = 's3', path = 's3://shop/archive/{year}/{month}/', time_column = 'at', partition_columns = 'region',
  format = 'csv', has_headers = 'true', compression = 'gzip', 'roll.interval' = '1s',
  endpoint = 'http://127.0.0.1:9000', access_key_id = 'shop', secret_access_key = 'shop-secret'
);

CREATE SINK rejected (id bigint, why text) WITH (
  type = 's3', path = 's3://shop/rejected/', 'roll.interval' = '1s',
  endpoint = 'http://127.0.0.1:9000', access_key_id = 'shop', secret_access_key = 'shop-secret'
);

START JOB archiving AS SELECT id, region, total, at FROM incoming WHERE total > 0 INTO archive;
START JOB rejecting AS SELECT id, 'total is ' || coalesce(total::text, 'missing') AS why FROM incoming WHERE total IS NULL OR total <= 0 INTO rejected;

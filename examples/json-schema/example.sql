-- JSON framed by a schema registry. With a registry at localhost:8081, which ferris.yaml allows, in this directory:
--   ferris-sql serve --dev --config ferris.yaml
--   psql -f example.sql postgres://ferris@localhost:7432/ferris

-- The sink's columns become a JSON Schema, registered for the subject purchases-value.
CREATE SINK written (id bigint NOT NULL, customer text, total numeric(10,2), placed timestamptz, items jsonb)
  WITH (type = 'kafka', topic = 'purchases', format = 'json-schema', 'schema.registry.url' = 'http://localhost:8081');

SELECT * FROM (VALUES
    (1::bigint, 'Ann', 19.99::numeric(10,2), '2026-01-15 10:30:00+00'::timestamptz, '[{"sku": "a-1", "n": 2}]'::jsonb),
    (2, 'Bob', 5.25, '2026-01-15 10:31:00+00', NULL)) o (id, customer, total, placed, items)
  INTO written;

-- A stream without columns takes them from the newest schema of the subject.
CREATE STREAM purchases WITH (type = 'kafka', topic = 'purchases', format = 'json-schema', 'schema.registry.url' = 'http://localhost:8081');

SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'purchases' ORDER BY ordinal_position;

SELECT id, customer, total, placed, items->0->>'sku' AS sku FROM purchases ORDER BY id;

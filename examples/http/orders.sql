-- Orders are asked of a shop's API, each once, by a cursor; a customer service says whose
-- they are; the payments come as events. A paid order goes to a webhook.
CREATE STREAM orders (id bigint, customer bigint, total numeric(12,2)) WITH (
  type = 'http', url = 'http://127.0.0.1:9100/orders', records = 'data.items',
  'cursor.param' = 'after', 'cursor.path' = 'data.next', poll_interval = '100ms', auth_token_env = 'SHOP_TOKEN'
);

CREATE STREAM customers (id bigint, name text, tier text) WITH (
  type = 'http', endpoint = 'http://127.0.0.1:9100/customers/{id}', 'lookup.cache.ttl' = '1 minute', auth_token_env = 'SHOP_TOKEN'
);

CREATE STREAM payments (order_id bigint, paid numeric(12,2)) WITH (
  type = 'http', mode = 'sse', url = 'http://127.0.0.1:9100/payments', event = 'payment', request_backoff = '20ms'
);

CREATE TABLE known (id bigint PRIMARY KEY, name text, tier text, total numeric(12,2));
CREATE TABLE received (order_id bigint PRIMARY KEY, paid numeric(12,2));

START JOB knowing AS SELECT o.id, c.name, c.tier, o.total FROM orders o JOIN customers c ON o.customer = c.id INTO known;
START JOB receiving AS SELECT order_id, paid FROM payments INTO received;
START JOB telling AS SELECT id, total FROM orders WHERE total >= 100
INTO hook WITH ('hook.type' = 'http', 'hook.url' = 'http://127.0.0.1:9100/large', 'hook.body' = 'lines', 'hook.auth_token_env' = 'SHOP_TOKEN');

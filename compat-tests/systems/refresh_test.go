package systems

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// TestRefreshedSnapshot reads a view again and again: what differs goes out as changes,
// also after a restart, and nobody sees rows of two snapshots.
func TestRefreshedSnapshot(t *testing.T) {
	p := start(t)
	p.there("CREATE TABLE $schema.rates (currency text PRIMARY KEY, rate numeric); INSERT INTO $schema.rates VALUES ('EUR', 1), ('USD', 1.1), ('CHF', 0.9);" +
		"CREATE VIEW $schema.current AS SELECT currency, rate, (SELECT sum(rate) FROM $schema.rates) AS total FROM $schema.rates")
	p.here("CREATE STREAM rates (currency text PRIMARY KEY, rate numeric, total numeric) WITH (type = 'postgres', connection = '$db', 'table' = '$schema.current', 'snapshot.interval' = '50ms')")
	p.same(p.here("SELECT currency, rate FROM rates ORDER BY 1"), "CHF|0.9", "EUR|1", "USD|1.1")
	p.here("CREATE MATERIALIZED VIEW mirror AS SELECT currency, rate FROM rates")
	p.here("CREATE MATERIALIZED VIEW totals AS SELECT total, count(*) AS n, sum(rate) AS added FROM rates GROUP BY total")
	p.soon(&p.ours, "SELECT * FROM mirror ORDER BY 1", "CHF|0.9", "EUR|1", "USD|1.1")
	p.there("BEGIN; UPDATE $schema.rates SET rate = 1.2 WHERE currency = 'USD'; DELETE FROM $schema.rates WHERE currency = 'CHF'; INSERT INTO $schema.rates VALUES ('JPY', 160); COMMIT")
	p.soon(&p.ours, "SELECT * FROM mirror ORDER BY 1", "EUR|1", "JPY|160", "USD|1.2")
	p.soon(&p.ours, "SELECT total, n, added FROM totals", "162.2|3|162.2")
	p.gateway.Kill()
	p.there("DELETE FROM $schema.rates WHERE currency = 'EUR'; UPDATE $schema.rates SET rate = 161 WHERE currency = 'JPY'")
	p.gateway = gateway.Start(t, p.options)
	p.ours = p.connect(p.gateway.URL())
	p.soon(&p.ours, "SELECT * FROM mirror ORDER BY 1", "JPY|161", "USD|1.2")
	p.soon(&p.ours, "SELECT total, n, added FROM totals", "162.2|2|162.2")
	p.here("CREATE STREAM q (k int, n bigint, PRIMARY KEY (k)) WITH (type = 'postgres', connection = '$db', query = 'SELECT length(currency) AS k, count(*) AS n FROM $schema.rates GROUP BY 1', 'snapshot.interval' = '50ms')")
	p.here("CREATE MATERIALIZED VIEW lengths AS SELECT k, n FROM q")
	p.soon(&p.ours, "SELECT k, n FROM lengths", "3|2")
	p.there("INSERT INTO $schema.rates VALUES ('X', 1)")
	p.soon(&p.ours, "SELECT k, n FROM lengths ORDER BY k", "1|1", "3|2")

	with := "WITH (type = 'postgres', connection = '$db', 'table' = '$schema.rates', 'snapshot.interval' = '1s'"
	p.fails("CREATE STREAM x "+with+", cdc = 'true')", "22023", "nothing beside cdc")
	p.fails("CREATE STREAM x "+with+", on_data_loss = 'snapshot')", "22023", "on_data_loss")
	p.fails("CREATE STREAM x (currency text) "+with+")", "22023", "PRIMARY KEY")
	p.fails("CREATE STREAM x WITH (type = 'postgres', connection = '$db', 'table' = '$schema.current', 'snapshot.interval' = '1s')", "42P16", "has no primary key")
}

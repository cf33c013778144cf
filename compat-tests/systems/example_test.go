package systems

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// TestExample runs examples/postgres, and kills the gateway once.
func TestExample(t *testing.T) {
	p := start(t)
	read := func(name string) string {
		root, err := gateway.Root()
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(root, "examples", "postgres", name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(b), "postgresql://postgres@127.0.0.1:5432/postgres", p.server.DSN())
	}
	p.there(read("shop.sql"))
	p.here(read("revenue.sql"))
	revenue := "SELECT tier, orders, revenue FROM shop.revenue ORDER BY tier"
	p.soon(&p.theirs, revenue, "blue|900|450100.00", "gold|100|50400.00")
	p.here(read("balances.sql"))
	balances := "SELECT count(*), sum(accounts), sum(balance), max(balance) FROM balances"
	p.same(p.here(balances), "100|200|20000.00|200.00")
	p.there("INSERT INTO shop.orders (customer, amount) VALUES (10, 99.90)")
	p.gateway.Kill()
	p.there("INSERT INTO shop.orders (customer, amount) VALUES (11, 0.10); UPDATE shop.accounts SET balance = balance + 50 WHERE id = 7; DELETE FROM shop.accounts WHERE id = 8")
	p.gateway = gateway.Start(t, p.options)
	p.ours = p.connect(p.gateway.URL())
	p.soon(&p.theirs, revenue, "blue|901|450100.10", "gold|101|50499.90")
	p.soon(&p.ours, balances, "100|199|19950.00|250.00")
}

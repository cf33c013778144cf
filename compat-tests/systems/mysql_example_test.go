package systems

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// TestMySQLExample runs examples/mysql, and kills the gateway once.
func TestMySQLExample(t *testing.T) {
	p := startMaria(t)
	read := func(name string) string {
		root, err := gateway.Root()
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(root, "examples", "mysql", name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(b), "mysql://root@127.0.0.1:3306/shop", p.maria.URL(p.name))
	}
	p.there(read("shop.sql"))
	p.here(read("revenue.sql"))
	revenue := "SELECT tier, orders, revenue FROM revenue ORDER BY tier"
	p.thereSoon(revenue, "blue|900|450100.00", "gold|100|50400.00")
	p.here(read("balances.sql"))
	balance := "SELECT accounts, balance FROM balances WHERE customer = 10"
	p.soon(&p.ours, balance, "2|200.00")
	p.there("UPDATE accounts SET balance = balance + 50 WHERE customer = 10")
	p.soon(&p.ours, balance, "2|300.00")
	p.there("INSERT INTO orders (customer, amount) VALUES (10, 99.90)")
	p.gateway.Kill()
	p.there("INSERT INTO orders (customer, amount) VALUES (11, 0.10)")
	p.there("DELETE FROM accounts WHERE customer = 10 LIMIT 1")
	p.again()
	p.thereSoon(revenue, "blue|901|450100.10", "gold|101|50499.90")
	p.soon(&p.ours, balance, "1|150.00")
}

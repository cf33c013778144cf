package tables

import (
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// TestPgbench: pgbench's own initialisation, with foreign keys too, and its three
// scripts run unchanged in every protocol mode, and the sums that TPC-B asks for
// are equal.
func TestPgbench(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a gateway")
	}
	path, err := exec.LookPath("pgbench")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
		if len(found) == 0 {
			t.Fatal("pgbench is missing: make deps installs it")
		}
		path = found[len(found)-1]
	}
	g := gateway.Start(t, gateway.Options{})
	host, port, err := net.SplitHostPort(g.Listen)
	if err != nil {
		t.Fatal(err)
	}
	pgbench := func(args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), path, append([]string{"-h", host, "-p", port, "-U", "postgres"}, append(args, "postgres")...)...).CombinedOutput()
		return string(out), err
	}
	c := connect(t, g.Listen)
	for _, steps := range []string{"dtGvp", "dtgvpf"} {
		if out, err := pgbench("-i", "-q", "-s", "1", "-I", steps); err != nil {
			t.Fatalf("pgbench -i -I %s: %v\n%s", steps, err, out)
		}
		if got := run(c, "SELECT count(*) FROM pgbench_accounts"); got != "100000 SELECT 1" {
			t.Errorf("-I %s: there are %s accounts", steps, got)
		}
	}
	if got := run(c, "SELECT count(*) FROM pg_constraint WHERE contype = 'f'"); got != "5 SELECT 1" {
		t.Errorf("-I f made %s foreign keys, want 5", got)
	}
	for _, mode := range []string{"simple", "extended", "prepared"} {
		for _, script := range []string{"tpcb-like", "simple-update", "select-only"} {
			out, err := pgbench("-n", "-c", "2", "-t", "20", "-M", mode, "-b", script)
			if err != nil || !strings.Contains(out, "number of transactions actually processed: 40/40") {
				t.Errorf("pgbench -M %s -b %s: %v\n%s", mode, script, err, out)
			}
		}
	}
	sums := run(c, "SELECT (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(tbalance) FROM pgbench_tellers),"+
		" (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history), (SELECT count(*) FROM pgbench_history)")
	if sums != "t,t,240 SELECT 1" {
		t.Errorf("sums of branches and tellers, accounts and history, and rows of history: %s, want t,t,240", sums)
	}
	if got := run(c, "DELETE FROM pgbench_branches"); got != "ERROR 23503" {
		t.Errorf("deleting branches that are referenced: %s, want 23503", got)
	}
	if out, err := pgbench("-i", "-q", "--partitions", "2"); err == nil || !strings.Contains(out, "PARTITION BY is not supported") {
		t.Errorf("pgbench --partitions: %v\n%s\nwant it refused", err, out)
	}
}

package faults

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// ip runs the command of that name.
func ip(t *testing.T, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s(the test needs root and the ip of iproute2)", args, err, out)
	}
}

// TestHalfOpen: clients in another network namespace whose link goes down are noticed
// within thirty seconds while nothing flows: one that is idle, one that listens, one
// whose statement runs, and one that waits for rows.
func TestHalfOpen(t *testing.T) {
	if os.Getenv("FERRIS_TIER") != "long" {
		t.Skip("takes half a minute, root and network namespaces; FERRIS_TIER=long runs it")
	}
	id := os.Getpid() % 10000
	space, here, there := fmt.Sprintf("ferris%d", id), fmt.Sprintf("fh%d", id), fmt.Sprintf("ft%d", id)
	subnet := fmt.Sprintf("10.231.%d", id%250)
	ip(t, "netns add "+space)
	t.Cleanup(func() { ip(t, "netns del "+space) })
	ip(t, fmt.Sprintf("link add %s type veth peer name %s netns %s", here, there, space))
	ip(t, fmt.Sprintf("addr add %s.1/24 dev %s", subnet, here))
	ip(t, fmt.Sprintf("link set %s up", here))
	ip(t, fmt.Sprintf("-n %s addr add %s.2/24 dev %s", space, subnet, there))
	ip(t, fmt.Sprintf("-n %s link set %s up", space, there))

	_, port, err := net.SplitHostPort(gateway.FreeAddr())
	if err != nil {
		t.Fatal(err)
	}
	g := gateway.Start(t, gateway.Options{Listen: subnet + ".1:" + port, Args: []string{"--insecure-trust-remote"}})
	watch := connect(t, g)
	if _, err := run(t, watch, "CREATE TABLE quiet (a int PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"", "LISTEN news;", "SELECT pg_sleep(600);", "COPY (SELECT * FROM quiet EMIT CHANGES) TO STDOUT;"} {
		cmd := exec.Command("ip", "netns", "exec", space, "psql", "-XAt", g.URL())
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		if _, err := fmt.Fprintf(in, "SELECT 'there';\n%s\n", sql); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "there\n" {
			t.Fatalf("psql in the namespace says %q, %v", line, err)
		}
	}
	others := func(where string) string {
		got, err := run(t, watch, "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"+where)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(got)
	}
	for end := time.Now().Add(time.Minute); others(" AND state = 'active'") != "[2]"; {
		if time.Now().After(end) {
			t.Fatal("the statements do not run")
		}
	}
	// What is not acknowledged would be sent again, and not noticed by probes.
	for end := time.Now().Add(time.Minute); unacknowledged(t, port); {
		if time.Now().After(end) {
			t.Fatal("the gateway's answers are not acknowledged")
		}
	}
	ip(t, fmt.Sprintf("-n %s link set %s down", space, there))
	began := time.Now()
	for others("") != "[0]" {
		if late := time.Since(began); late > 40*time.Second {
			left, err := watch.Query(t.Context(), "SELECT state || ': ' || query FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
			if err != nil {
				t.Fatal(err)
			}
			queries, err := pgx.CollectRows(left, pgx.RowTo[string])
			t.Fatalf("sessions of a dead link are there after %v: %q, %v", late, queries, err)
		}
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the dead link was noticed after %v, want 30 s", took)
	} else {
		t.Logf("noticed after %v", took)
	}
}

// unacknowledged reports whether connections to a port of this machine's have sent what
// their peers have not acknowledged.
func unacknowledged(t *testing.T, port string) bool {
	t.Helper()
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if strings.HasSuffix(f[1], fmt.Sprintf(":%04X", n)) && f[3] == "01" && !strings.HasPrefix(f[4], "00000000:") {
			return true
		}
	}
	return false
}

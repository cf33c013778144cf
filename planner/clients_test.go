package planner_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/ferrisstreams/ferrisstreams/planner"
)

// TestClients binds every statement that real clients were seen to send
// (testdata/clients, one file a client). The golden names the ones that do not
// bind, and why.
func TestClients(t *testing.T) {
	s := newSession(t, signatures(t))
	s.exec(`CREATE STREAM events (id bigint, name text, ts timestamptz, amount numeric(10,2), payload jsonb, d date, ok boolean, u uuid)
		WITH ('type' = 'kafka', 'topic' = 'events');
		CREATE SCHEMA streams;
		CREATE STREAM streams.s1 (id bigint, name text) WITH ('type' = 'kafka', 'topic' = 's1')`)
	datadriven.RunTest(t, "testdata/golden_clients", func(t *testing.T, d *datadriven.TestData) string {
		text, err := os.ReadFile(filepath.Join("testdata/clients", d.CmdArgs[0].Key))
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		good := 0
		for _, sql := range strings.Split(string(text), ";\n") {
			if strings.TrimSpace(sql) == "" {
				continue
			}
			stmts, err := planner.Parse(sql)
			for i := 0; err == nil && i < len(stmts); i++ {
				_, err = planner.Plan(context.Background(), s.context(), stmts[i])
			}
			if err != nil {
				fmt.Fprintf(&out, "%s\n%s\n", strings.TrimSpace(sql), showError(err))
				continue
			}
			good++
		}
		return out.String() + fmt.Sprintf("%d bind\n", good)
	})
}

package systems

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/objects"
)

// TestS3Example runs examples/s3, and kills the gateway once.
func TestS3Example(t *testing.T) {
	p, server := withStore(t)
	root, err := gateway.Root()
	if err != nil {
		t.Fatal(err)
	}
	sql, err := os.ReadFile(filepath.Join(root, "examples", "s3", "archive.sql"))
	if err != nil {
		t.Fatal(err)
	}
	server.Put(t, "shop", "incoming/1.json", `{"id":1,"region":"eu","total":10.50,"at":"2026-11-01T00:00:00Z"}`+"\n"+`{"id":2,"region":"us","total":-1,"at":"2026-11-02T00:00:00Z"}`+"\n")
	p.here(strings.NewReplacer("http://127.0.0.1:9000", server.URL(), "'shop'", "'"+objects.Key+"'", "'shop-secret'", "'"+objects.Secret+"'").Replace(string(sql)))
	p.here("CREATE STREAM archived (id bigint, total numeric, region text) WITH (type = 's3', path = 's3://shop/archive/**/*.csv.gz', $s3)")
	archived := func() []string {
		rows, err := run(p.ctx, p.ours, "SELECT id, region, total FROM archived ORDER BY id")
		if err != nil {
			return []string{err.Error()} // there is none yet
		}
		return rows
	}
	p.eventually(archived, "1|eu|10.50")
	p.eventually(func() []string { return lines(t, server, "rejected/") }, `{"id":2,"why":"total is -1.00"}`)
	p.gateway.Kill()
	server.Put(t, "shop", "incoming/2.json", `{"id":3,"region":"eu","total":5,"at":"2026-12-01T00:00:00Z"}`+"\n")
	p.again()
	p.eventually(archived, "1|eu|10.50", "3|eu|5.00")
	p.same(keys(t, server, "archive/"), "archive/2026/11/region=eu/ID.csv.gz", "archive/2026/12/region=eu/ID.csv.gz")
}

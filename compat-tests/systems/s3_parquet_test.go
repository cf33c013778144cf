package systems

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/objects"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/parquet"
)

// TestS3ParquetFetches: of a Parquet object hardly more is fetched than the column chunks
// that a query asks for, of the row groups that its filter leaves, and its footer.
func TestS3ParquetFetches(t *testing.T) {
	server := objects.Start(t)
	server.Bucket(t, "shop")
	proxy := server.Before(t)
	p := alone(t, "http.allow: [127.0.0.1]\n", "$s3", keysOf(proxy.URL()))
	const rows, perGroup = 200_000, 20_000
	p.here(fmt.Sprintf("SELECT g AS id, (g * 7919 %% 100003)::numeric(12,2) AS total, md5(g::text) AS name, repeat(md5(g::text), 4) AS filler, g %% 7 AS kind FROM generate_series(1, %d) g"+
		" INTO k WITH ('k.type' = 's3', 'k.path' = 's3://shop/in/', 'k.format' = 'parquet', 'k.parquet.row_group_rows' = '%d', 'k.roll.interval' = '1h', ", rows, perGroup) + prefixed("k", p.expand("$s3")) + ")")
	all := server.All(t, "shop", "in/")
	if len(all) != 1 {
		t.Fatalf("%d objects, want 1", len(all))
	}
	var file *parquet.File
	var whole int64
	for _, b := range all {
		var err error
		if file, err = parquet.Open(bytes.NewReader(b), int64(len(b)), parquet.Settings{}); err != nil {
			t.Fatal(err)
		}
		whole = int64(len(b))
	}
	if file.Groups() != rows/perGroup {
		t.Fatalf("%d row groups, want %d", file.Groups(), rows/perGroup)
	}
	p.here("CREATE STREAM x WITH (type = 's3', path = 's3://shop/in/*.parquet', $s3)")
	for _, c := range []struct {
		query   string
		columns string
		from    int // row groups, from 0
		to      int // that behind the last
		want    string
	}{
		{"SELECT count(*), sum(id), max(kind) FROM x", "id kind", 0, 10, "200000|20000100000|6"},
		{"SELECT count(*), min(name) IS NOT NULL FROM x WHERE id > 40000 AND id <= 100000", "id name", 2, 5, "60000|t"},
		{"SELECT count(*), sum(total) > 0 FROM x WHERE id BETWEEN 150001 AND 160000", "id total", 7, 8, "10000|t"},
		{"SELECT count(*), sum(total) FROM x WHERE id > 200000", "", 0, 0, "0|NULL"},
	} {
		proxy.Sent()
		proxy.Requests()
		p.same(p.here(c.query), c.want)
		var asked int64
		for g := c.from; g < c.to; g++ {
			for _, column := range strings.Fields(c.columns) {
				_, length, ok := file.Chunk(g, column)
				if !ok || length == 0 {
					t.Fatalf("row group %d has no column %q", g, column)
				}
				asked += length
			}
		}
		sent, gets := proxy.Sent(), 0
		for _, r := range proxy.Requests() {
			if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".parquet") {
				gets++
			}
		}
		t.Logf("%s: %d bytes by %d requests, of an object of %d; its chunks are %d", c.query, sent, gets, whole, asked)
		if asked == 0 {
			if sent > whole/100 {
				t.Errorf("%s: %d bytes are fetched, where the footer is all that is asked for", c.query, sent)
			}
			continue
		}
		if sent < asked {
			t.Errorf("%s: %d bytes are fetched, fewer than the %d of its chunks: what is counted is wrong", c.query, sent, asked)
		}
		if float64(sent) > 1.05*float64(asked) {
			t.Errorf("%s: %d bytes are fetched for chunks of %d, %.3f of them, want 1.05 at most", c.query, sent, asked, float64(sent)/float64(asked))
		}
	}
}

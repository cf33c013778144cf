package systems

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/minio/minio-go/v7"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/objects"
)

// withStore is a gateway and a store with one bucket, "shop".
func withStore(t *testing.T) (*pair, *objects.Server) {
	t.Helper()
	server := objects.Start(t)
	server.Bucket(t, "shop")
	return alone(t, "http.allow: [127.0.0.1]\n", "$s3", keysOf(server.URL())), server
}

// keysOf are the options of an endpoint, for a WITH list.
func keysOf(endpoint string) string {
	o := s3Options(endpoint)
	var list []string
	for i := 0; i < len(o); i += 2 {
		list = append(list, fmt.Sprintf("'%s' = '%s'", o[i], o[i+1]))
	}
	return strings.Join(list, ", ")
}

func gzipped(t *testing.T, s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestS3Source reads objects of formats and compressions, by prefix, pattern and
// folder, with the columns that folders give.
func TestS3Source(t *testing.T) {
	p, server := withStore(t)
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	server.Put(t, "shop", "orders/year=2026/month=10/a.json.gz", gzipped(t, "{\"id\":1,\"total\":10.50}\n{\"id\":2,\"total\":20}\n"))
	server.Put(t, "shop", "orders/year=2026/month=11/b.json.zst", string(z.EncodeAll([]byte("{\"id\":3,\"total\":7.25}\n"), nil)))
	server.Put(t, "shop", "orders/year=2026/month=11/_SUCCESS", "")
	server.Put(t, "shop", "orders/year=2027/month=01/c.json", "[{\"id\":4,\"total\":1},{\"id\":5,\"total\":2}]")
	server.Put(t, "shop", "csv/x.csv", "id,name\n1,\"a, b\"\n2,c\n")
	server.Put(t, "shop", "csv/deep/er/y.csv", "id,name\n3,d\n")
	server.Put(t, "shop", "csv/deep/z.txt", "no\n")

	p.here("CREATE STREAM orders WITH (type = 's3', path = 's3://shop/orders/', $s3)")
	p.same(p.here("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'orders' AND column_name NOT LIKE '\\_%' ORDER BY ordinal_position"),
		"id|bigint", "total|numeric", "year|bigint", "month|bigint")
	p.same(p.here("SELECT year, month, count(*), sum(total) FROM orders GROUP BY 1, 2 ORDER BY 1, 2"), "2026|10|2|30.50", "2026|11|1|7.25", "2027|1|2|3")

	p.here("CREATE STREAM parts (id int, month text, total numeric(10,2), year int) WITH (type = 's3_source', bucket = 'shop', prefix = 'orders/year=2026/', partition_columns = 'year, month', $s3)")
	p.same(p.here("SELECT * FROM parts ORDER BY id"), "1|10|10.50|2026", "2|10|20.00|2026", "3|11|7.25|2026")

	p.here("CREATE STREAM tables WITH (path = 's3://shop/csv/**/*.csv', $s3)") // the type is told by the path
	p.same(p.here("SELECT id, name FROM tables ORDER BY id"), "1|a, b", "2|c", "3|d")
	p.here("CREATE STREAM one WITH (type = 's3', path = 's3://shop/csv/?.csv', $s3)")
	p.same(p.here("SELECT id, _offset FROM one ORDER BY id"), "1|8", "2|17")

	// What no one can see.
	p.same(p.here("SELECT count(*) FROM ferris.streams WHERE options::text LIKE '%"+objects.Secret+"%' OR options::text LIKE '%"+objects.Key+"%'"), "0")
}

// TestS3Refusals: what cannot be is said with system, object and remedy, and without a
// secret.
func TestS3Refusals(t *testing.T) {
	p, server := withStore(t)
	server.Put(t, "shop", "a.json", "{\"id\":1}\n")
	declare := func(options string) string { return "CREATE STREAM x WITH (type = 's3', " + options + ")" }
	p.fails(declare("path = 's3://shop/none/*.json', $s3"), "42P16", `no object that matches "s3://shop/none/*.json"`)
	p.here("CREATE STREAM none (id int) WITH (type = 's3', path = 's3://shop/none/*.json', $s3)")
	p.fails("SELECT * FROM none", "58P01", `no object matches "s3://shop/none/*.json"`)
	p.fails(declare("path = 's3://shop/none.json', $s3"), "58P01", `looking for object "s3://shop/none.json"`)
	p.fails(declare("path = 's3://nosuch/a.json', $s3"), "42P01", `looking for object "s3://nosuch/a.json"`)
	p.fails(declare("path = 's3://nosuch/*.json', $s3"), "42P01", "Create bucket nosuch")
	wrong := strings.Replace(p.expand("$s3"), objects.Secret, "not-the-secret", 1)
	p.fails(declare("path = 's3://shop/*.json', "+wrong), "28P01", "Check access_key_id, secret_access_key and region")
	p.fails(declare("path = 's3://shop/a.json', endpoint = 'http://localhost:1', access_key_id = 'a', secret_access_key = 'b'"), "42501", "it is not in http.allow")
	p.fails(declare("path = 's3://shop/a.json', endpoint = 'http://user:pass@127.0.0.1:1'"), "22023", `invalid value for parameter "endpoint"`)
	p.fails(declare("path = 's3://shop/a.json', access_key_id = 'a'"), "22023", "Give both, or neither")
	p.fails(declare("path = 'shop/a.json'"), "22023", "s3://bucket/key")
	p.fails(declare("path = 's3://shop/[a.json', $s3"), "22023", "invalid pattern")
	p.fails(declare("path = 's3://shop/a.json', sse = 'customer', 'sse.customer_secret_key' = 'c2hvcnQ=', $s3"), "22023", "32 bytes in base64")
	p.fails(declare("path = 's3://shop/a.json', sse = 'customer', 'sse.customer_secret_key' = 'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=', $s3"), "22023", "in the clear")
	p.fails("CREATE SINK k (id int) WITH (type = 's3', path = 's3://shop/{moon}/', $s3)", "22023", "{moon}")
	p.fails("CREATE SINK k (id int) WITH (type = 's3', path = 's3://shop/*.json', $s3)", "22023", "path")
	p.fails("CREATE SINK k (id int) WITH (type = 's3', path = 's3://shop/', partition_columns = 'id', $s3)", "22023", "names every column")
	p.fails("CREATE SINK k (id int, a text) WITH (type = 's3', path = 's3://shop/', partition_columns = 'b', $s3)", "42703", `column "b"`)
	p.here(declare("path = 's3://shop/*.json', $s3"))
	server.Put(t, "shop", "b.json", "{\"id\":\"q\"}\n")
	p.fails("SELECT sum(id) FROM x", "22P02", `object "s3://shop/b.json", offset 0`)
}

// TestS3Follow reads the objects that come to be, each once, whatever their names are
// and whoever is killed meanwhile.
func TestS3Follow(t *testing.T) {
	p, server := withStore(t)
	rows := 0
	put := func(name string) {
		var b strings.Builder
		for range 50 {
			rows++
			fmt.Fprintf(&b, "{\"id\":%d}\n", rows)
		}
		server.Put(t, "shop", "in/"+name, b.String())
	}
	put("m.json")
	p.here("CREATE STREAM arrivals (id bigint) WITH (type = 's3', path = 's3://shop/in/', follow = 'true', poll_interval = '30ms', $s3)")
	p.here("CREATE TABLE seen (id bigint)")
	p.here("START JOB arriving AS SELECT id FROM arrivals INTO seen")
	exact := func() {
		t.Helper()
		p.soon(&p.ours, "SELECT count(*), count(DISTINCT id), max(id) FROM seen", fmt.Sprintf("%d|%d|%d", rows, rows, rows))
	}
	exact()
	put("z.json")
	put("a.json") // an earlier name that comes late
	exact()
	for i := range 3 {
		put(fmt.Sprintf("k%d.json", i))
		p.gateway.Kill()
		put(fmt.Sprintf("b%d.json", i))
		p.again()
		exact()
	}
	// One that was read is not read again, nor missed when it goes.
	server.Remove(t, "shop", "in/m.json")
	server.Put(t, "shop", "in/z.json", "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n")
	put("y.json")
	exact()
}

// TestS3Broken reads objects whose requests are refused and break off in the middle:
// every row comes once.
func TestS3Broken(t *testing.T) {
	server := objects.Start(t)
	server.Bucket(t, "shop")
	proxy := server.Before(t)
	p := alone(t, "http.allow: [127.0.0.1]\n", "$s3", keysOf(proxy.URL()))
	var b strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&b, "{\"id\":%d,\"text\":\"%s\"}\n", i, strings.Repeat("x", 40))
	}
	server.Put(t, "shop", "big.json", b.String())
	p.here("CREATE STREAM big (id bigint) WITH (type = 's3', path = 's3://shop/big.json', request_timeout = '2s', $s3)")
	var gets atomic.Int64
	proxy.Fail(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/big.json") {
			return false
		}
		switch n := gets.Add(1); {
		case n%3 == 1:
			objects.Refuse(w, http.StatusServiceUnavailable, "SlowDown")
			return true
		case n < 12: // some of it, and then nothing more
			at := int64(0)
			if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &at); err != nil {
				at = 0
			}
			o, err := server.API.StatObject(r.Context(), "shop", "big.json", minio.StatObjectOptions{})
			if err != nil {
				return false
			}
			w.Header().Set("ETag", `"`+o.ETag+`"`)
			w.Header().Set("Last-Modified", o.LastModified.UTC().Format(http.TimeFormat))
			w.Header().Set("Content-Length", fmt.Sprint(o.Size-at))
			w.WriteHeader(http.StatusOK)
			_, _ = w.Write([]byte(b.String()[at:min(at+100_003, o.Size)]))
			panic(http.ErrAbortHandler)
		}
		return false
	})
	p.same(p.here("SELECT count(*), count(DISTINCT id), sum(id) FROM big"), "60000|60000|1799970000")
	if gets.Load() < 12 {
		t.Errorf("%d requests: none was broken off", gets.Load())
	}
}

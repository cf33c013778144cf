package systems

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/objects"
)

// lines are those of every object below a prefix, sorted.
func lines(t *testing.T, server *objects.Server, prefix string) []string {
	t.Helper()
	var all []string
	for _, b := range server.All(t, "shop", prefix) {
		for l := range strings.Lines(string(b)) {
			all = append(all, strings.TrimSuffix(l, "\n"))
		}
	}
	slices.Sort(all)
	return all
}

// keys are those of the objects below a prefix, without what is random in a name.
func keys(t *testing.T, server *objects.Server, prefix string) []string {
	t.Helper()
	random := regexp.MustCompile(`\d{8}T\d{12}-f[0-9a-f]{12}-[a-z0-9]{10}`)
	var all []string
	for k := range maps.Keys(server.All(t, "shop", prefix)) {
		all = append(all, random.ReplaceAllString(k, "ID"))
	}
	slices.Sort(all)
	return all
}

// TestS3Sink writes objects by template and by column, in transactions and jobs; what
// is rolled back leaves nothing.
func TestS3Sink(t *testing.T) {
	p, server := withStore(t)
	p.here("CREATE SINK archive (id int, region text, at timestamptz, total numeric(10,2)) WITH (type = 's3', " +
		"path = 's3://shop/archive/{year}/{month}/orders-{date}.json', time_column = 'at', partition_columns = 'region', $s3)")
	p.here("INSERT INTO archive VALUES (1, 'eu', '2026-11-30 23:30+00', 1.50), (2, 'us/ca', '2026-12-01 00:30+00', 2), (3, NULL, '2026-12-01 08:00+00', 3), (4, 'eu', '2026-11-30 01:00+00', 4)")
	p.same(keys(t, server, "archive/"), "archive/2026/11/region=eu/orders-2026-11-30-ID.json",
		"archive/2026/12/region=__HIVE_DEFAULT_PARTITION__/orders-2026-12-01-ID.json", "archive/2026/12/region=us%2Fca/orders-2026-12-01-ID.json")
	p.same(lines(t, server, "archive/2026/11/"), `{"id":1,"at":"2026-11-30T23:30:00.000000Z","total":1.50}`, `{"id":4,"at":"2026-11-30T01:00:00.000000Z","total":4.00}`)
	p.here("CREATE STREAM back (id int, region text, total numeric) WITH (type = 's3', path = 's3://shop/archive/**/*.json', $s3)")
	p.same(p.here("SELECT * FROM back ORDER BY id"), "1|eu|1.50", "2|us/ca|2.00", "3|NULL|3.00", "4|eu|4.00")

	p.here("BEGIN; INSERT INTO archive VALUES (9, 'eu', now(), 9); ROLLBACK")
	p.fails("INSERT INTO archive VALUES (9, 'eu', NULL, 9)", "23502", "time_column")
	p.same(p.here("SELECT count(*) FROM back"), "4")
	p.same(server.Uploads(t, "shop"))

	p.here("SELECT g AS id, 'x' || g AS name FROM generate_series(1, 3) g INTO csvs WITH ('csvs.type' = 's3_sink', 'csvs.bucket' = 'shop', 'csvs.prefix' = 'csv', 'csvs.format' = 'csv', 'csvs.has_headers' = 'true', 'csvs.compression' = 'gzip', " + prefixed("csvs", p.expand("$s3")) + ")")
	p.same(keys(t, server, "csv"), "csv/ID.csv.gz")
	p.here("CREATE STREAM csvback WITH (type = 's3', path = 's3://shop/csv/', format = 'csv', $s3)")
	p.same(p.here("SELECT id, name FROM csvback ORDER BY id"), "1|x1", "2|x2", "3|x3")
	p.here("SELECT g AS id, 'x' || g AS name FROM generate_series(1, 3) g INTO avros WITH ('avros.type' = 's3', 'avros.path' = 's3://shop/avro/{batch_id}.avro', " + prefixed("avros", p.expand("$s3")) + ")")
	p.here("CREATE STREAM avroback WITH (type = 's3', path = 's3://shop/avro/*.avro', $s3)")
	p.same(p.here("SELECT id, name FROM avroback ORDER BY id"), "1|x1", "2|x2", "3|x3")

	p.here("SELECT g AS id, (g * 1.5)::numeric(10,1) AS x, CASE WHEN g % 2 = 0 THEN 'even' ELSE 'odd' END AS kind FROM generate_series(1, 4000) g INTO parquets WITH ('parquets.type' = 's3', 'parquets.path' = 's3://shop/parquet/', 'parquets.format' = 'parquet', 'parquets.partition_columns' = 'kind', " + prefixed("parquets", p.expand("$s3")) + ")")
	p.same(keys(t, server, "parquet/"), "parquet/kind=even/ID.parquet", "parquet/kind=odd/ID.parquet")
	p.here("CREATE STREAM parquetback WITH (type = 's3', path = 's3://shop/parquet/', format = 'parquet', $s3)")
	p.same(p.here("SELECT kind, count(*), sum(x), max(id) FROM parquetback GROUP BY kind ORDER BY kind"), "even|2000|6003000.0|4000", "odd|2000|6000000.0|3999")

	// A job that ends leaves every row, in objects of the size that was asked for.
	p.here("CREATE STREAM g (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', 'rows' = '60000')")
	p.here("START JOB rolled AS SELECT id, repeat('x', 200) AS filler FROM g INTO k WITH ('k.type' = 's3', 'k.path' = 's3://shop/rolled/', 'k.roll.size' = '4MB', 'k.roll.interval' = '1h', " + prefixed("k", p.expand("$s3")) + ")")
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'rolled'", "finished")
	if n := len(server.All(t, "shop", "rolled/")); n < 3 || n > 5 {
		t.Errorf("%d objects of 4 MB for 13 MB", n)
	}
	p.here("CREATE STREAM rolledback (id bigint) WITH (type = 's3', path = 's3://shop/rolled/', $s3)")
	p.same(p.here("SELECT count(*), count(DISTINCT id), max(id) FROM rolledback"), "60000|60000|59999")
	p.same(server.Uploads(t, "shop"))
	p.here("START JOB grown AS SELECT id, repeat('y', 50) AS filler FROM g INTO k2 WITH ('checkpoint.interval' = '10ms', 'k2.type' = 's3', 'k2.path' = 's3://shop/grown/', 'k2.format' = 'parquet', 'k2.roll.interval' = '1h', " + prefixed("k2", p.expand("$s3")) + ")")
	p.soon(&p.ours, "SELECT state FROM ferris.jobs WHERE job_name = 'grown'", "finished")
	p.here("CREATE STREAM grownback (id bigint) WITH (type = 's3', path = 's3://shop/grown/*.parquet', $s3)")
	p.same(p.here("SELECT count(*), count(DISTINCT id), max(id) FROM grownback"), "60000|60000|59999")
	p.fails("START JOB round AS SELECT id FROM rolledback INTO r WITH ('r.type' = 's3', 'r.path' = 's3://shop/rolled/', "+prefixed("r", p.expand("$s3"))+")", "42P17", "which it reads")
}

// prefixed writes a name before each key of a WITH list.
func prefixed(name, list string) string {
	return regexp.MustCompile(`'([a-z_]+)' = `).ReplaceAllString(list, "'"+name+".$1' = ")
}

// TestS3SinkIdle: a job whose source is silent ends its objects after roll.interval, and
// one that is stopped at once.
func TestS3SinkIdle(t *testing.T) {
	p, server := withStore(t)
	p.here("CREATE TABLE input (id int PRIMARY KEY)")
	p.here("START JOB quick AS SELECT id FROM input EMIT CHANGES INTO q WITH ('q.type' = 's3', 'q.path' = 's3://shop/quick/', 'q.roll.interval' = '200ms', " + prefixed("q", p.expand("$s3")) + ")")
	p.here("START JOB slow AS SELECT id FROM input EMIT CHANGES INTO s WITH ('s.type' = 's3', 's.path' = 's3://shop/slow/', 's.roll.interval' = '1h', " + prefixed("s", p.expand("$s3")) + ")")
	p.here("INSERT INTO input VALUES (1), (2)")
	p.eventually(func() []string { return lines(t, server, "quick/") }, `{"_op":"+","id":1}`, `{"_op":"+","id":2}`)
	p.eventually(func() []string { return []string{strconv.Itoa(len(server.Uploads(t, "shop")))} }, "1")
	p.same(lines(t, server, "slow/"))
	p.here("STOP JOB slow")
	p.same(lines(t, server, "slow/"), `{"_op":"+","id":1}`, `{"_op":"+","id":2}`)
	// Whoever takes the objects away does not hinder a start.
	p.here("INSERT INTO input VALUES (3)")
	p.eventually(func() []string { return lines(t, server, "quick/") }, `{"_op":"+","id":1}`, `{"_op":"+","id":2}`, `{"_op":"+","id":3}`)
	p.here("START JOB slow")
	p.eventually(func() []string { return []string{strconv.Itoa(len(server.Uploads(t, "shop")))} }, "1")
	p.gateway.Kill()
	p.again()
	// Whether the row was committed before the kill is not known: it is there once it has
	// been read, again or not, and the job is stopped.
	p.eventually(func() []string {
		p.eventually(func() []string {
			return []string{fmt.Sprint(len(server.Uploads(t, "shop")) > 0 || len(lines(t, server, "slow/")) == 3)}
		}, "true")
		p.here("STOP JOB slow")
		got := lines(t, server, "slow/")
		if len(got) < 3 {
			p.here("START JOB slow")
		}
		return got
	}, `{"_op":"+","id":1}`, `{"_op":"+","id":2}`, `{"_op":"+","id":3}`)
	p.same(server.Uploads(t, "shop"))
}

// TestS3SinkFaults: a store that refuses, hangs and loses its bucket in the middle of
// uploads delays rows, and each comes once.
func TestS3SinkFaults(t *testing.T) {
	server := objects.Start(t)
	server.Bucket(t, "shop")
	proxy := server.Before(t)
	p := alone(t, "http.allow: [127.0.0.1]\njobs: {restart_delay_ms: 50}\n", "$s3", keysOf(proxy.URL()))
	p.here("CREATE STREAM g (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '2000')")
	p.here("START JOB hindered AS SELECT id FROM g INTO k WITH (retry_backoff = '20ms', 'k.type' = 's3', 'k.path' = 's3://shop/out/', 'k.roll.interval' = '100ms', 'k.request_timeout' = '1s', 'k.request_retries' = '1', " + prefixed("k", p.expand("$s3")) + ")")
	moves := func() {
		t.Helper()
		n := len(server.All(t, "shop", "out/"))
		p.eventually(func() []string { return []string{fmt.Sprint(len(server.All(t, "shop", "out/")) > n)} }, "true")
	}
	moves()
	waits := func(text string) {
		t.Helper()
		p.soon(&p.ours, "SELECT count(*) FROM ferris.jobs WHERE job_name = 'hindered' AND error LIKE '%"+text+"%'", "1")
	}
	for _, fault := range []struct {
		method string
		status int
		code   string
		says   string
	}{
		{http.MethodPut, http.StatusServiceUnavailable, "SlowDown", "SlowDown"},
		{http.MethodPost, http.StatusInternalServerError, "InternalError", "writing object"},
		{http.MethodPut, http.StatusBadRequest, "ExpiredToken", "ExpiredToken"},
		{http.MethodPut, http.StatusNotFound, "NoSuchBucket", "NoSuchBucket"},
	} {
		var n atomic.Int64
		proxy.Fail(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != fault.method {
				return false
			}
			n.Add(1)
			objects.Refuse(w, fault.status, fault.code)
			return true
		})
		waits(fault.says)
		proxy.Fail(nil)
		moves()
	}
	// A store that does not answer.
	release := make(chan struct{})
	proxy.Fail(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
		return false
	})
	waits("writing object")
	close(release)
	proxy.Fail(nil)
	moves()
	// One that restarts.
	server.Stop()
	waits("S3 at")
	server.Restart(t)
	moves()
	p.here("STOP JOB hindered")
	exactly(t, server, "out/")
	if left := server.Uploads(t, "shop"); len(left) > 0 {
		t.Errorf("uploads are left: %q", left)
	}
}

// exactly checks that the rows below a prefix are 0, 1, 2, ..., each once.
func exactly(t *testing.T, server *objects.Server, prefix string) int {
	t.Helper()
	seen := map[string]bool{}
	for _, l := range lines(t, server, prefix) {
		if seen[l] {
			t.Fatalf("%s is there twice", l)
		}
		seen[l] = true
	}
	for i := range len(seen) {
		if !seen[fmt.Sprintf(`{"id":%d}`, i)] {
			t.Fatalf("of %d rows, %d is not there", len(seen), i)
		}
	}
	return len(seen)
}

// TestS3SinkKills kills the gateway at random while a job writes objects of many sizes.
func TestS3SinkKills(t *testing.T) {
	p, server := withStore(t)
	p.here("CREATE STREAM g (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '3000')")
	p.here("START JOB killed AS SELECT id FROM g INTO k WITH ('checkpoint.interval' = '20ms', 'k.type' = 's3', 'k.path' = 's3://shop/out/{minute}/', 'k.roll.interval' = '150ms', 'k.roll.size' = '4KB', " + prefixed("k", p.expand("$s3")) + ")")
	rows := 0
	for range p.kills() {
		p.eventually(func() []string { return []string{fmt.Sprint(len(lines(t, server, "out/")) > rows)} }, "true")
		rows = len(lines(t, server, "out/"))
		p.wait(time.Duration(rand.IntN(120)) * time.Millisecond)
		p.gateway.Kill()
		p.again()
	}
	p.eventually(func() []string { return []string{fmt.Sprint(len(lines(t, server, "out/")) > rows)} }, "true")
	p.here("STOP JOB killed")
	if n := exactly(t, server, "out/"); n <= rows {
		t.Errorf("%d rows, and there were %d", n, rows)
	}
	if left := server.Uploads(t, "shop"); len(left) > 0 {
		t.Errorf("uploads are left: %q", left)
	}
}

package systems

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestAskedAway stops and drops jobs whose look-up hangs in the middle of an epoch, and
// whose source does: that ends soon, and each row is there once when they have gone on.
func TestAskedAway(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T, options string) *away{"postgres": awayPostgres, "mysql": awayMySQL} {
		t.Run(name, func(t *testing.T) {
			a := begin(t, "")
			a.path = filepath.Join(filepath.Dir(a.options.DataDir), "lines.json")
			a.add(1)
			a.into(0) // makes a table
			with := "type = '" + name + "', connection = '$line', 'table' = 'out0'"
			if name == "postgres" {
				with = strings.Replace(with, "out0", "$schema.out0", 1)
			}
			a.here("CREATE STREAM lines (id bigint) WITH (type = 'file', path = '" + a.path + "', follow = 'true')")
			a.here("CREATE STREAM there (id bigint) WITH (" + with + ", 'lookup.cache.ttl' = '0s')")
			a.here("CREATE STREAM grows (id bigint) WITH (" + with + ", 'incremental.column' = 'id', poll_interval = '20ms')")
			a.here("CREATE TABLE asked (id bigint, other bigint)")
			a.here("CREATE TABLE read (id bigint)")
			a.here("START JOB asks AS SELECT l.id, t.id FROM lines l LEFT JOIN there t ON t.id = l.id INTO asked WITH (stop_timeout = '1s', retry_backoff = '50ms')")
			a.here("START JOB reads AS SELECT id FROM grows INTO read WITH (stop_timeout = '1s', retry_backoff = '50ms')")
			a.got = func(int) []string { return a.here("SELECT id FROM asked") }
			a.arrives(0)
			a.line.hold()
			read := a.read()
			a.add(20)
			a.eventually(func() []string { return []string{fmt.Sprint(a.read() >= read+20)} }, "true")
			if said := a.ends("STOP JOB asks"); !strings.Contains(said, "look-up in there") {
				t.Errorf("STOP JOB says %q", said)
			}
			a.ends("STOP JOB reads")
			a.line.release()
			a.here("START JOB asks")
			a.here("START JOB reads")
			a.arrives(0)
			a.line.hold()
			a.add(20)
			a.ends("DROP JOB asks")
			a.ends("DROP JOB reads")
		})
	}
}

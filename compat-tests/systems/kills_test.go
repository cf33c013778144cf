package systems

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/mariadb"
)

// TestSinkKills kills the gateway at random while jobs write to sinks of every kind that
// no test of its own kills: a row that is put by its key, and a row of a file whatever
// its format, is there once, others at least once.
func TestSinkKills(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for half a minute")
	}
	p := start(t)
	maria := mariadb.MariaDB.Start(t)
	if err := maria.Exec(t.Context(), "", "CREATE DATABASE "+p.schema); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(p.options.DataDir)
	if err := os.Mkdir(filepath.Join(dir, "rolled"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.words = []string{"$maria", maria.URL(p.schema), "$dir", dir}
	p.there("CREATE TABLE $schema.put (id bigint PRIMARY KEY); CREATE TABLE $schema.inserted (id bigint); CREATE TABLE $schema.copied (id bigint)")
	sinks := []struct {
		name  string
		into  string
		from  string // what the sink's rows are read of; "": of what it writes to
		exact bool
	}{
		{"put", "type = 'postgres', connection = '$db', table = '$schema.put', mode = 'upsert'", "", true},
		{"inserted", "type = 'postgres', connection = '$db', table = '$schema.inserted'", "", false},
		{"copied", "type = 'postgres', connection = '$db', table = '$schema.copied', mode = 'copy'", "", false},
		{"maria_put", "type = 'mysql', connection = '$maria', table = 'put', create = 'true', key = 'id'", "", true},
		{"maria_inserted", "type = 'mysql', connection = '$maria', table = 'inserted', create = 'true'", "", false},
		{"lite_put", "type = 'sqlite', connection = 'sqlite:$dir/put.db', table = 'put', create = 'true', key = 'id'", "", true},
		{"lite_inserted", "type = 'sqlite', connection = 'sqlite:$dir/inserted.db', table = 'inserted', create = 'true'", "", false},
		{"rolled", "type = 'file', path = '$dir/rolled/r.json', rotation = '20KB'", "type = 'file', path = '$dir/rolled/*.json'", true},
		{"packed", "type = 'file', path = '$dir/rows.json.gz'", "", true},
		{"csv", "type = 'file', path = '$dir/rows.csv'", "", true},
		{"parquet", "type = 'file', path = '$dir/rows.parquet'", "", true},
		{"avro", "type = 'file', path = '$dir/rows.avro'", "", true},
	}
	p.here("CREATE STREAM g (id bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rate = '400')")
	for _, s := range sinks {
		var own []string
		for _, o := range strings.Split(s.into, ", ") {
			key, value, _ := strings.Cut(o, " = ")
			own = append(own, fmt.Sprintf("'%s.%s' = %s", s.name, key, value))
		}
		p.here(fmt.Sprintf("START JOB j_%s AS SELECT id FROM g INTO %[1]s WITH (retry_backoff = '50ms', %s)", s.name, strings.Join(own, ", ")))
	}
	for range p.kills() {
		before := p.there("SELECT count(*) FROM $schema.put")[0]
		p.soon(&p.theirs, "SELECT count(*) > "+before+" FROM $schema.put", "t")
		p.wait(time.Duration(rand.IntN(150)) * time.Millisecond)
		p.gateway.Kill()
		p.again()
	}
	for _, s := range sinks {
		p.soon(&p.ours, "SELECT rows_out > 0 AND error IS NULL FROM ferris.jobs WHERE job_name = 'j_"+s.name+"'", "t")
		p.here("STOP JOB j_" + s.name)
		from := s.from
		if from == "" {
			from, _, _ = strings.Cut(s.into, ", mode")
			from, _, _ = strings.Cut(from, ", create")
		}
		from = strings.Replace(from, ", table =", ", 'table' =", 1)
		p.here("CREATE STREAM back_" + s.name + " (id bigint) WITH (" + from + ")")
		got := p.here("SELECT count(*), count(DISTINCT id), max(id) + 1, count(*) > 100 FROM back_" + s.name)[0]
		n := strings.Split(got, "|")
		if n[1] != n[2] || n[3] != "t" || s.exact && n[0] != n[1] {
			t.Errorf("%s has (rows, ids, end) %s", s.name, got)
		}
		t.Logf("%s: %s rows of %s", s.name, n[0], n[1])
	}
}

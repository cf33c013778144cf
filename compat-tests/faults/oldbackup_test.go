package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/twmb/franz-go/pkg/kgo"
)

// backedUp are ways to put back what a data directory was: copied while no gateway runs on
// it, and as ferris-sql says.
var backedUp = map[string]struct {
	keep, restore func(data, backup string) error
}{
	"copied": {
		func(data, backup string) error { return os.CopyFS(backup, os.DirFS(data)) },
		func(data, backup string) error { return errors.Join(os.RemoveAll(data), os.Rename(backup, data)) },
	},
	"restored": {
		func(data, backup string) error { return ferris("backup", "--data-dir", data, backup) },
		func(data, backup string) error {
			return errors.Join(os.RemoveAll(data), ferris("restore", "--data-dir", data, backup))
		},
	},
}

func ferris(args ...string) error {
	binary, err := gateway.Binary()
	if err != nil {
		return err
	}
	if out, err := exec.Command(binary, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ferris-sql %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// TestOldBackupGoesOn: jobs whose data directory is put back to an older epoch go on from
// there: topics and files get the rows since then again, after all that is there, and a table,
// which was put back too, has each once. One whose topic knows of later epochs fails, names
// both, and writes nothing.
func TestOldBackupGoesOn(t *testing.T) {
	t.Parallel() // it mostly waits
	for name, way := range backedUp {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			oldBackup(t, way.keep, way.restore)
		})
	}
}

func oldBackup(t *testing.T, keep, restore func(data, backup string) error) {
	broker, dir := gateway.StartBroker(t), t.TempDir()
	config := filepath.Join(dir, "ferris.yaml")
	write(t, config, "file: {roots: ["+dir+"]}\n")
	o := gateway.Options{DataDir: filepath.Join(dir, "data"), Brokers: broker, Listen: gateway.FreeAddr(), Args: []string{"--config", config}}
	p := gateway.Start(t, o)
	conn := connect(t, p)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic("input"), kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const some = 300
	next := 0
	produce := func() {
		t.Helper()
		var records []*kgo.Record
		for range some {
			records = append(records, kgo.StringRecord(fmt.Sprintf(`{"id":%d}`, next)))
			next++
		}
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	produce()
	const options = "'checkpoint.interval' = '20ms', retry_backoff = '50ms'"
	file := func(name string) string { return filepath.Join(dir, name+".csv") }
	statements := `CREATE STREAM input (id bigint) WITH (type = 'kafka', topic = 'input');
		CREATE TABLE totals (g bigint PRIMARY KEY, n bigint, s numeric);
		START JOB sums AS INSERT INTO totals SELECT id % 7, count(*), sum(id) FROM input GROUP BY id % 7 WITH (` + options + `);
		START JOB least AS SELECT id FROM input INTO l WITH (type = 'kafka_sink', topic = 'least', ` + options + `);
		START JOB once AS SELECT id FROM input INTO o WITH (type = 'kafka_sink', topic = 'once', use_transactions = 'true', ` + options + `)`
	for _, job := range []string{"plain", "transactions"} {
		statements += fmt.Sprintf(`; START JOB %[1]s AS SELECT id FROM input INTO %[1]s_file WITH (type = 'file', path = '%[2]s', format = 'csv', use_transactions = '%[3]t', %[4]s)`, job, file(job), job == "transactions", options)
	}
	if _, err := run(t, conn, statements); err != nil {
		t.Fatal(err)
	}
	again := func(meanwhile func(data, backup string) error) {
		t.Helper()
		if err := p.Stop(30 * time.Second); err != nil {
			t.Fatal(err)
		}
		if err := meanwhile(o.DataDir, filepath.Join(dir, "backup")); err != nil {
			t.Fatal(err)
		}
		p = gateway.Start(t, o)
		conn = connect(t, p)
	}
	const read = "SELECT count(*) FROM ferris.jobs WHERE state = 'running' AND rows_in = %d"
	eventually(t, conn, fmt.Sprintf(read, next), "[5]")
	again(keep)
	produce()
	eventually(t, conn, fmt.Sprintf(read, next), "[5]")
	again(restore)
	produce()
	eventually(t, conn, fmt.Sprintf(read, next), "[4]")
	eventually(t, conn, "SELECT job_name || ' ' || state || ' ' || sqlstate FROM ferris.jobs WHERE error LIKE '%job \"once\" cannot go on: the state store has committed epoch %names epoch%'", "[once failed 55000]")
	lines := map[string][]string{"least": committed(t, broker, "least", next+some), "once": committed(t, broker, "once", 2*some)}
	for _, job := range []string{"plain", "transactions"} {
		text, err := os.ReadFile(file(job))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			lines[job] = append(lines[job], strings.TrimSpace(line))
		}
	}
	for where, lines := range lines {
		times := map[string]int{}
		for _, line := range lines {
			times[strings.TrimSuffix(strings.TrimPrefix(line, `{"id":`), "}")]++
		}
		for id := range next {
			want := 1
			switch {
			case where == "once" && id >= 2*some:
				want = 0
			case where != "once" && id >= some && id < 2*some:
				want = 2
			}
			if n := times[strconv.Itoa(id)]; n != want {
				t.Fatalf("%s has row %d %d times, want %d", where, id, n, want)
			}
		}
	}
	want := fmt.Sprintf("[%d %d]", next, next*(next-1)/2)
	if got, err := run(t, conn, "SELECT sum(n) || ' ' || sum(s) FROM totals"); err != nil || fmt.Sprint(got) != want {
		t.Errorf("the groups come to %v, %v; want %s", got, err, want)
	}
}

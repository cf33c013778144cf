package exec

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// exportQuery keeps groups, a DISTINCT inside one, and windows.
const exportQuery = "SELECT name, count(*), sum(id), count(DISTINCT id % 3) AS d FROM e GROUP BY name"

// exportJoin keeps the rows of a join, and reads its stream twice.
const exportJoin = "SELECT a.id, b.name FROM e a LEFT JOIN e b ON a.id = b.id + 10"

// reads is how often a query reads its stream.
func reads(query string) int64 { return int64(1 + strings.Count(query, "JOIN")) }

// exported runs a job over some events and returns its state, which it gives while it
// runs, and the events.
func exported(t *testing.T, query string, n int64, options ...string) (state []byte, out []string) {
	t.Helper()
	f := newFixture(t)
	e := f.events("e")
	if err := f.sqlJob("j", query, options...); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		e.add(0, event(i, string(rune('a'+i%3)), float64(i)))
	}
	f.reachedRows("j", n*reads(query))
	f.committedMore("j", 2)
	var b bytes.Buffer
	if err := f.ExportState(f.context(), "j", &b); err != nil {
		t.Fatal(err)
	}
	kept := (jobsProvider{f.Engine}).Jobs()[0]
	if kept.StateBytes == 0 || kept.Checkpoint == 0 {
		t.Errorf("the job says that it holds %d bytes, and that its checkpoint took %v", kept.StateBytes, kept.Checkpoint)
	}
	f.alter("j", plan.JobStop, catalog.JobStopped)
	return b.Bytes(), f.topics.file("j_out").read()
}

// TestExportedState: a job of another data directory and of other tasks goes on from
// the state that a file has, which it says itself where it begins to read.
func TestExportedState(t *testing.T) {
	const before, after = 40, 30
	for i, options := range [][]string{nil, {"'state.memory_limit_mb' = '0'"}, {"'parallelism' = '2'"}, {"'state.memory_limit_mb' = '0'"}} {
		query := exportQuery
		if i == 3 {
			query = exportJoin
		}
		t.Run(query+strings.Join(options, ""), func(t *testing.T) {
			file, out := exported(t, query, before, options...)
			f := newFixture(t)
			e := f.events("e")
			if err := f.sqlJob("j", query, "'parallelism' = '3'"); err != nil {
				t.Fatal(err)
			}
			if err := f.ImportState(f.context(), "j", bytes.NewReader(file)); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
				t.Fatalf("import into a job that runs: %v", err)
			}
			f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStop})
			f.waitState("j", catalog.JobStopped)
			for i := range int64(before + after) {
				e.add(0, event(i, string(rune('a'+i%3)), float64(i)))
			}
			e.end()
			if err := f.ImportState(f.context(), "j", bytes.NewReader(file)); err != nil {
				t.Fatal(err)
			}
			f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
			f.waitState("j", catalog.JobFinished)
			if in := (jobsProvider{f.Engine}).Jobs()[0].RowsIn; in != (before+after)*reads(query) {
				t.Errorf("the job has read %d rows in all, want %d", in, (before+after)*reads(query))
			}
			want, err := f.sql(query, -1)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(want)
			got := accumulated(t, append(out, f.topics.file("j_out").read()...))
			equal(t, "rows", got, want)
		})
	}
}

// TestImportRefused: a file that is cut short or damaged anywhere, and the state of
// another plan, are refused, and the job keeps what it has.
func TestImportRefused(t *testing.T) {
	file, _ := exported(t, exportQuery, 20)
	other, _ := exported(t, "SELECT name, count(*) FROM e GROUP BY name", 20)
	windows, _ := exported(t, "SELECT window_end, count(*) FROM e WINDOW TUMBLING (INTERVAL '10 seconds') EMIT CHANGES", 20)
	f := newFixture(t)
	e := f.events("e")
	if err := f.sqlJob("j", exportQuery); err != nil {
		t.Fatal(err)
	}
	e.add(0, event(1, "z", 1))
	if err := f.topics.file("j_out").wait(f.context(), 1); err != nil {
		t.Fatal(err)
	}
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStop})
	f.waitState("j", catalog.JobStopped)
	try := func(b []byte) error { return f.ImportState(f.context(), "j", bytes.NewReader(b)) }
	for n := 0; n < len(file); n += 1 + n/20 {
		if err := try(file[:n]); sqlerr.CodeOf(err) != sqlerr.DataCorrupted {
			t.Fatalf("%d of %d bytes: %v", n, len(file), err)
		}
		b := slices.Clone(file)
		b[n] ^= 0x10
		if err := try(b); err == nil {
			t.Fatalf("byte %d is another: no error", n)
		}
	}
	for _, c := range []struct {
		file  []byte
		names string
	}{{other, `operator "Changelog Aggregate; Group Key: name; Aggregates: count(*), sum(id)`}, {windows, `operator "`}} {
		err := try(c.file)
		if sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState || !strings.Contains(err.Error(), c.names) {
			t.Errorf("the state of another plan: %v, want %s", err, c.names)
		}
	}
	if err := f.ImportState(f.context(), "nobody", bytes.NewReader(file)); sqlerr.CodeOf(err) != sqlerr.UndefinedObject {
		t.Errorf("a job that is not there: %v", err)
	}
	e.add(0, event(2, "z", 2))
	e.end()
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
	f.waitState("j", catalog.JobFinished)
	equal(t, "rows", accumulated(t, f.topics.file("j_out").read()), []string{"z|2|3|2"})
}

// TestStateFiles: EXPORT STATE and IMPORT STATE keep to the folders of the server.
func TestStateFiles(t *testing.T) {
	f := newFixture(t)
	dir := t.TempDir()
	f.o.ResolveFile = func(path string) (string, error) {
		if filepath.Dir(path) != dir {
			return "", sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for path %q", path)
		}
		return path, nil
	}
	e := f.events("e")
	if err := f.sqlJob("j", exportQuery); err != nil {
		t.Fatal(err)
	}
	if _, err := f.try(&plan.StateFile{Job: "j", Path: filepath.Join(dir, "f")}); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
		t.Errorf("a job without an epoch: %v", err)
	}
	e.add(0, event(1, "a", 1))
	if err := f.topics.file("j_out").wait(f.context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := f.try(&plan.StateFile{Job: "j", Path: "/etc/f"}); sqlerr.CodeOf(err) != sqlerr.InsufficientPrivilege {
		t.Errorf("a file elsewhere: %v", err)
	}
	f.exec(&plan.StateFile{Job: "j", Path: filepath.Join(dir, "f")})
	_, err := f.try(&plan.StateFile{Job: "j", Path: filepath.Join(dir, "g"), Import: true})
	if said := sqlerr.From(err); said == nil || said.Code != sqlerr.UndefinedFile || !strings.HasSuffix(said.Message, "/g\": No such file or directory") || !strings.Contains(said.Hint, "gateway's machine") {
		t.Errorf("a file that is not there: %+v", said)
	}
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStop})
	f.waitState("j", catalog.JobStopped)
	f.exec(&plan.StateFile{Job: "j", Path: filepath.Join(dir, "f"), Import: true})
	cut := filepath.Join(dir, "f")
	whole, err := os.ReadFile(cut)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, whole[:len(whole)-9], 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = f.try(&plan.StateFile{Job: "j", Path: cut, Import: true})
	if said := sqlerr.From(err); said == nil || said.Code != sqlerr.DataCorrupted || !strings.Contains(said.Message, cut) || !strings.Contains(said.Message, "at byte ") || said.Hint == "" {
		t.Errorf("a file that is cut short: %+v, want its path, the place and a hint", said)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 1 {
		t.Errorf("%d files are left, want the export: %v", len(names), err)
	}
}

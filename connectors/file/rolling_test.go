package file

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// contents lists the files below a directory with the ids that they hold, marks left out.
func contents(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		rows, err := open(t, relation(path), dir, stream.Scan{Bounded: true}, nil).rest()
		var ids []string
		for _, r := range rows {
			id, _, _ := strings.Cut(r, " ")
			ids = append(ids, id)
		}
		name, _ := filepath.Rel(dir, path)
		out = append(out, name+": "+strings.Join(ids, " "))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// clocked opens a rolling sink whose clock is the test's.
func clocked(t *testing.T, clock *time.Time, path string, o stream.SinkOptions, options ...string) *rolling {
	t.Helper()
	s := openSink(t, path, o, options...).(*rolling)
	s.now = func() time.Time { return *clock }
	s.names = names{epoch: o.Committed, start: s.expand(o.Committed + 1), plan: s.expand(o.Committed + 2)}
	if o.Token != nil {
		tok, err := decodeRollingToken(o.Token)
		if err != nil {
			t.Fatal(err)
		}
		s.names.start, s.names.plan = tok.start, tok.plan
	}
	s.past = []names{s.names}
	return s
}

func equal(t *testing.T, when string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: the files hold\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestBatches: a file for each epoch, exactly once through a rollback, a crash with an
// epoch prepared and the next one begun, and a crash before the first commit.
func TestBatches(t *testing.T) {
	for _, ext := range []string{"json", "parquet", "csv.gz"} {
		dir := t.TempDir()
		path := filepath.Join(dir, "in", "part-{batch_id}."+ext)
		job := stream.SinkOptions{Job: "j", ID: "j"}
		options := []string{"format", strings.TrimSuffix(ext, ".gz")}
		s := openRoot(t, dir, path, job, options...)
		put(t, s, 1)
		prepare(t, s, 1)
		put(t, s, 2) // of an epoch that is never decided
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openRoot(t, dir, path, job, options...)
		put(t, s, 11, 12)
		commit(t, s, 1, prepare(t, s, 1))
		put(t, s, 13)
		token := prepare(t, s, 2)
		put(t, s, 14) // the next epoch goes on meanwhile
		commit(t, s, 2, token)
		if err := s.Rollback(t.Context(), 3, prepare(t, s, 3)); err != nil {
			t.Fatal(err)
		}
		put(t, s, 15)
		token = prepare(t, s, 3)
		commit(t, s, 3, token)
		put(t, s, 16)
		prepare(t, s, 4)
		put(t, s, 17)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		job.Committed, job.Token = 3, token
		s = openRoot(t, dir, path, job, options...)
		put(t, s, 18)
		token = prepare(t, s, 4)
		commit(t, s, 4, token)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		equal(t, ext, contents(t, dir), "in/part-1."+ext+": 11 12", "in/part-2."+ext+": 13", "in/part-3."+ext+": 15", "in/part-4."+ext+": 18")
	}
}

func openRoot(t *testing.T, root, path string, o stream.SinkOptions, options ...string) stream.Sink {
	t.Helper()
	rel := relation(path, options...)
	rel.Kind = catalog.Sink
	s, err := Connector{}.Sink(t.Context(), env(root), rel, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestRotation: files end by the hour, by the day, by their size, at the second commit
// after that, and the oldest go.
func TestRotation(t *testing.T) {
	clock := time.Date(2026, 1, 2, 22, 30, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		path    string
		options []string
		want    []string
	}{
		"hourly": {"a.json", []string{"rotation", "hourly"}, []string{"a-2026-01-02_22.json: 1 2 3 4", "a-2026-01-02_23.json: 5 6", "a-2026-01-03_00.json: 7 8 9"}},
		"daily":  {"a.json", []string{"rotation", "daily"}, []string{"a-2026-01-02.json: 1 2 3 4 5 6", "a-2026-01-03.json: 7 8 9"}},
		"fields": {"{date}-h{hour}.json", nil, []string{"2026-01-02-h22.json: 1 2 3 4", "2026-01-02-h23.json: 5 6", "2026-01-03-h00.json: 7 8 9"}},
		"kept":   {"a.json", []string{"rotation", "hourly", "max_files", "2"}, []string{"a-2026-01-02_23.json: 5 6", "a-2026-01-03_00.json: 7 8 9"}},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "a-other.json"), "")
		now := clock
		s := clocked(t, &now, filepath.Join(dir, c.path), stream.SinkOptions{Job: "j", ID: "j"}, c.options...)
		var token []byte
		for e := range 9 {
			put(t, s, int64(e+1))
			token = prepare(t, s, stream.Epoch(e+1))
			commit(t, s, stream.Epoch(e+1), token)
			now = now.Add(20 * time.Minute)
			if e == 3 { // a start in between goes on with the file
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = clocked(t, &now, filepath.Join(dir, c.path), stream.SinkOptions{Job: "j", ID: "j", Committed: 4, Token: token}, c.options...)
				now = now.Add(20 * time.Minute)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(contents(t, dir), func(s string) bool { return strings.HasPrefix(s, "a-other") })
		equal(t, name, got, c.want...)
		if _, err := os.Stat(filepath.Join(dir, "a-other.json")); err != nil {
			t.Errorf("%s: a file of another name is gone: %v", name, err)
		}
	}
	dir := t.TempDir()
	now := clock
	s := clocked(t, &now, filepath.Join(dir, "a.json"), stream.SinkOptions{Job: "j", ID: "j"}, "rotation", "1KB")
	n := int64(0)
	for e := range 10 {
		var ids []int64
		for range 20 {
			n++
			ids = append(ids, n)
		}
		put(t, s, ids...)
		commit(t, s, stream.Epoch(e+1), prepare(t, s, stream.Epoch(e+1)))
		now = now.Add(time.Second)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files := contents(t, dir)
	var all []string
	for _, f := range files {
		_, ids, _ := strings.Cut(f, ": ")
		all = append(all, strings.Fields(ids)...)
	}
	if len(files) < 3 || len(all) != 200 || all[0] != "1" || all[199] != "200" {
		t.Errorf("by size: %d files, %d rows", len(files), len(all))
	}
}

// TestRotationOfTwo: a file that another job is writing is none of the oldest, whose
// names the template makes.
func TestRotationOfTwo(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a-{minute}.json")
	early := time.Date(2026, 1, 2, 22, 10, 0, 0, time.UTC)
	other := clocked(t, &early, path, stream.SinkOptions{Job: "other", ID: "other"})
	put(t, other, 100)
	commit(t, other, 1, prepare(t, other, 1))
	now := early.Add(20 * time.Minute)
	s := clocked(t, &now, path, stream.SinkOptions{Job: "j", ID: "j"}, "max_files", "1")
	for e := range 6 {
		put(t, s, int64(e+1))
		commit(t, s, stream.Epoch(e+1), prepare(t, s, stream.Epoch(e+1)))
		now = now.Add(time.Minute)
	}
	put(t, other, 101)
	commit(t, other, 2, prepare(t, other, 2))
	for _, s := range []*rolling{s, other} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := contents(t, dir); len(got) == 0 || got[0] != "a-10.json: 100 101" {
		t.Errorf("the other job's file is gone: %q", got)
	}
}

// TestRotationOptions: what is no rotation, and no field.
func TestRotationOptions(t *testing.T) {
	for _, c := range [][]string{{"a.json", "rotation", "weekly"}, {"a-{nope}.json"}, {"a-{date.json"}, {"a.json", "max_files", "3"}, {"a.json", "rotation", "1"}} {
		rel := relation(filepath.Join(t.TempDir(), c[0]), c[1:]...)
		rel.Kind = catalog.Sink
		if err := (Connector{}).Check(env("/"), rel, stream.RoleSink); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
			t.Errorf("%v: %v, want 22023", c, err)
		}
	}
}

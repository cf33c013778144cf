package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func openSink(t *testing.T, path string, o stream.SinkOptions, options ...string) stream.Sink {
	t.Helper()
	rel := relation(path, options...)
	rel.Kind = catalog.Sink
	s, err := Connector{}.Sink(t.Context(), env(filepath.Dir(path)), rel, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t *testing.T, s stream.Sink, ids ...int64) {
	t.Helper()
	b := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Text)})
	for _, id := range ids {
		b.Cols[0].(*vec.Fixed[int64]).Append(id)
		b.Cols[1].(*vec.Bytes).AppendString(fmt.Sprint("n", id))
	}
	b.Rows = len(ids)
	if _, err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func prepare(t *testing.T, s stream.Sink, e stream.Epoch) []byte {
	t.Helper()
	token, err := s.Prepare(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func commit(t *testing.T, s stream.Sink, e stream.Epoch, token []byte) {
	t.Helper()
	if err := s.Commit(t.Context(), e, token); err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, path, want string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := object.Auto.For(path).Reader(f)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil || string(got) != want {
		t.Fatalf("the file holds %q, %v, want %q", got, err, want)
	}
}

const (
	row1 = `{"id":1,"name":"n1"}` + "\n"
	row2 = `{"id":2,"name":"n2"}` + "\n"
	row3 = `{"id":3,"name":"n3"}` + "\n"
	row4 = `{"id":4,"name":"n4"}` + "\n"
)

// TestSinkEpochs leaves the sink at every step as a crash would, and opens it as
// the engine does then.
func TestSinkEpochs(t *testing.T) {
	for _, name := range []string{"a.json", "a.json.gz", "a.json.zst"} {
		t.Run(name, func(t *testing.T) {
			p := filepath.Join(t.TempDir(), name)
			// Killed within the first epoch, before and after it prepared.
			s := openSink(t, p, stream.SinkOptions{Job: "j"})
			put(t, s, 1)
			s.Close()
			s = openSink(t, p, stream.SinkOptions{Job: "j"})
			put(t, s, 2)
			prepare(t, s, 1)
			s.Close()
			s = openSink(t, p, stream.SinkOptions{Job: "j"})
			put(t, s, 1)
			token := prepare(t, s, 1)
			put(t, s, 3) // of the next epoch, before the decision
			commit(t, s, 1, token)
			prepare(t, s, 2)
			s.Close()
			// Committed: 1. Epoch 2 prepared and was not decided.
			s = openSink(t, p, stream.SinkOptions{Job: "j", Committed: 1, Token: token})
			commit(t, s, 1, token)
			if err := s.Rollback(t.Context(), 2, nil); err != nil {
				t.Fatal(err)
			}
			put(t, s, 2)
			token = prepare(t, s, 2)
			put(t, s, 4)
			if err := s.Rollback(t.Context(), 3, nil); err != nil {
				t.Fatal(err)
			}
			s.Close()
			// Decided, but Commit was not reached.
			s = openSink(t, p, stream.SinkOptions{Job: "j", Committed: 2, Token: token})
			commit(t, s, 2, token)
			put(t, s, 3)
			token = prepare(t, s, 3)
			commit(t, s, 3, token)
			commit(t, s, 3, token)
			if err := s.Rollback(t.Context(), 3, token); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatalf("closed twice: %v", err)
			}
			holds(t, p, row1+row2+row3)
			if _, err := os.Stat(filepath.Join(filepath.Dir(p), "."+name+".ferris")); err == nil {
				t.Error("the mark is left behind")
			}
		})
	}
}

func TestSinkRollsBackWhatWasPrepared(t *testing.T) {
	p := filepath.Join(t.TempDir(), "a.json")
	s := openSink(t, p, stream.SinkOptions{Job: "j"})
	put(t, s, 1)
	token := prepare(t, s, 1)
	commit(t, s, 1, token)
	put(t, s, 2)
	token = prepare(t, s, 2)
	put(t, s, 3)
	if err := s.Rollback(t.Context(), 2, token); err != nil {
		t.Fatal(err)
	}
	put(t, s, 4)
	commit(t, s, 3, prepare(t, s, 3))
	holds(t, p, row1+row4)
}

func TestSinkLeavesNothing(t *testing.T) {
	p := filepath.Join(t.TempDir(), "a.json")
	s := openSink(t, p, stream.SinkOptions{})
	put(t, s, 1)
	prepare(t, s, 1)
	if err := s.Rollback(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(p))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSinkKeepsWhatWasThere(t *testing.T) {
	p := filepath.Join(t.TempDir(), "a.csv")
	write(t, p, "id,name\n0,zero\n")
	s := openSink(t, p, stream.SinkOptions{}, "format", "csv", "has_headers", "true")
	put(t, s, 1)
	commit(t, s, 1, prepare(t, s, 1))
	holds(t, p, "id,name\n0,zero\n1,n1\n")
	s.Close()
	s = openSink(t, p, stream.SinkOptions{}, "format", "csv", "has_headers", "true", "append", "false")
	put(t, s, 2)
	commit(t, s, 1, prepare(t, s, 1))
	holds(t, p, "id,name\n2,n2\n")
}

func TestSinkErrors(t *testing.T) {
	dir := t.TempDir()
	held := filepath.Join(dir, "held.json")
	openSink(t, held, stream.SinkOptions{})
	short := filepath.Join(dir, "short.json")
	write(t, short, "{}")
	for _, c := range []struct {
		path    string
		o       stream.SinkOptions
		options []string
		code    sqlerr.Code
		text    string
	}{
		{filepath.Join(dir, "none", "a.json"), stream.SinkOptions{}, nil, "58P01", `could not open file "` + dir + `/none/a.json": No such file or directory`},
		{"/etc/ferris.json", stream.SinkOptions{}, nil, "42501", "is not under file.roots"},
		{dir, stream.SinkOptions{}, nil, "58030", "is a directory"},
		{held, stream.SinkOptions{}, nil, "55006", "is being written by another job"},
		{short, stream.SinkOptions{Committed: 1, Token: encodeToken(5)}, nil, "XX001", "has 2 bytes, and 5 were committed"},
		{filepath.Join(dir, "*.json"), stream.SinkOptions{}, nil, "22023", "is a pattern"},
		{filepath.Join(dir, "{date.json"), stream.SinkOptions{}, nil, "22023", "has a brace without its other one"},
		{filepath.Join(dir, "a.json"), stream.SinkOptions{}, []string{"encryption", "AES256"}, "22023", `"encryption.passphrase"`},
		{filepath.Join(dir, "b.json"), stream.SinkOptions{Job: "j", ID: "j"}, []string{"encryption", "AES256", "encryption.passphrase", "x"}, "22023", "ends at each commit"},
		{filepath.Join(dir, "a.json"), stream.SinkOptions{Changelog: true}, []string{"changelog", "append"}, "22023", "takes appended rows only"},
	} {
		rel := relation(c.path, c.options...)
		rel.Kind = catalog.Sink
		_, err := Connector{}.Sink(t.Context(), env(dir), rel, c.o)
		if e := sqlerr.From(err); e == nil || e.Code != c.code || !strings.Contains(e.Message, c.text) {
			t.Errorf("%s %v: %+v, want %s %s", c.path, c.options, e, c.code, c.text)
		} else if c.code == sqlerr.UndefinedFile && !strings.Contains(e.Hint, "not the folder") {
			t.Errorf("%s: the hint is %q, and it is the folder that is missing", c.path, e.Hint)
		}
	}
}

// TestProbeSink: what would keep a job's sink from being opened is known before.
func TestProbeSink(t *testing.T) {
	dir := t.TempDir()
	held := filepath.Join(dir, "held.json")
	openSink(t, held, stream.SinkOptions{Job: "j", ID: "1"})
	inserted := filepath.Join(dir, "inserted.json")
	openSink(t, inserted, stream.SinkOptions{})
	for _, c := range []struct {
		path, id string
		options  []string
		code     sqlerr.Code
	}{
		{path: filepath.Join(dir, "a.json")},
		{path: filepath.Join(dir, "none", "a.json"), code: sqlerr.UndefinedFile},
		{path: filepath.Join(dir, "none", "{batch_id}.json")}, // its folder is made
		{path: filepath.Join(dir, "{date}", "a.json")},
		{path: filepath.Join(dir, "{batch_id}.json")},
		{path: filepath.Join(inserted, "{batch_id}.json"), code: sqlerr.WrongObjectType}, // below a file
		{path: "/etc/{date}/ferris.json", code: sqlerr.InsufficientPrivilege},
		{path: "/etc/ferris.json", code: sqlerr.InsufficientPrivilege},
		{path: dir, code: sqlerr.WrongObjectType},
		{path: held, code: sqlerr.ObjectInUse},
		{path: held, id: "2", code: sqlerr.ObjectInUse},
		{path: held, id: "1"},
		{path: inserted},
	} {
		rel := relation(c.path, c.options...)
		rel.Kind = catalog.Sink
		err := Connector{}.ProbeSink(t.Context(), env(dir), rel, c.id)
		if c.code == "" && err != nil || c.code != "" && sqlerr.CodeOf(err) != c.code {
			t.Errorf("%s for %q: %v, want %q", c.path, c.id, err, c.code)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "a.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}

// TestDiskFull writes to /dev/full, whose every write fails as a full disk's.
func TestDiskFull(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has /dev/full")
	}
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := openSink(t, filepath.Join(t.TempDir(), "a.json"), stream.SinkOptions{}).(*sink)
	s.f.Close()
	s.f = f
	put(t, s, 1)
	_, err = s.Prepare(t.Context(), 1)
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.DiskFull || !strings.Contains(e.Message, "No space left on device") {
		t.Errorf("a full disk: %v", err)
	}
}

func TestChangelog(t *testing.T) {
	p := filepath.Join(t.TempDir(), "a.json")
	s := openSink(t, p, stream.SinkOptions{Changelog: true})
	b := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Text)})
	b.Cols[0].(*vec.Fixed[int64]).Values = []int64{1, 2, 3}
	for range 3 {
		b.Cols[1].(*vec.Bytes).AppendNull()
	}
	b.Rows, b.Ops, b.Sel = 3, []vec.Op{vec.Insert, vec.Insert, vec.Delete}, []int32{0, 2}
	if _, err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	commit(t, s, 1, prepare(t, s, 1))
	holds(t, p, `{"_op":"+","id":1,"name":null}`+"\n"+`{"_op":"-","id":3,"name":null}`+"\n")
}

// TestLargeEpoch is more than one frame of a compressed file.
func TestLargeEpoch(t *testing.T) {
	p := filepath.Join(t.TempDir(), "a.json.gz")
	s := openSink(t, p, stream.SinkOptions{})
	var want bytes.Buffer
	b := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Text)})
	long := strings.Repeat("x", 1<<20)
	for i := range int64(20) {
		b.Reset()
		b.Cols[0].(*vec.Fixed[int64]).Append(i)
		b.Cols[1].(*vec.Bytes).AppendString(long)
		b.Rows = 1
		if _, err := s.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&want, "{\"id\":%d,\"name\":\"%s\"}\n", i, long)
	}
	commit(t, s, 1, prepare(t, s, 1))
	holds(t, p, want.String())
}

// TestSinkLineWithoutEnd appends to files whose last line somebody else has left without
// an end: also again, after what was appended has been cut off.
func TestSinkLineWithoutEnd(t *testing.T) {
	const stray = `{"id":0,"name":"n0"}`
	p := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(p, []byte(stray), 0o644); err != nil {
		t.Fatal(err)
	}
	s := openSink(t, p, stream.SinkOptions{})
	put(t, s, 1)
	token := prepare(t, s, 1)
	if err := s.Rollback(t.Context(), 1, token); err != nil {
		t.Fatal(err)
	}
	holds(t, p, stray)
	put(t, s, 2)
	commit(t, s, 1, prepare(t, s, 1))
	put(t, s, 3)
	commit(t, s, 2, prepare(t, s, 2))
	s.Close()
	holds(t, p, stray+"\n"+row2+row3)

	p = filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(p, []byte("id,name\n0,n0"), 0o644); err != nil {
		t.Fatal(err)
	}
	s = openSink(t, p, stream.SinkOptions{})
	put(t, s, 1)
	commit(t, s, 1, prepare(t, s, 1))
	s.Close()
	holds(t, p, "id,name\n0,n0\n1,n1\n")
}

// TestSinkOtherHeader refuses rows whose columns do not stand as the file's header has them:
// they would be read back in each other's places.
func TestSinkOtherHeader(t *testing.T) {
	for _, c := range []struct {
		holds   string
		changes bool
		refused bool
	}{
		{"name,id\nn0,0\n", false, true},
		{"id,name,more\n0,n0,x\n", false, true},
		{"\xef\xbb\xbf\"name\",ID\r\nn0,0\r\n", false, true},
		{"name,id", false, true},
		{"id,name\n0,n0\n", false, false},
		{"\xef\xbb\xbfID,\"name\"\r\n0,n0\r\n", false, false},
		{"0,n0\n", false, false},
		{"id\n0\n", false, false}, // no header of these columns: a record like any other
		{"_op,id,name\n+,0,n0\n", true, false},
		{"_op,id,name\n+,0,n0\n", false, true},
	} {
		p := filepath.Join(t.TempDir(), "a.csv")
		if err := os.WriteFile(p, []byte(c.holds), 0o644); err != nil {
			t.Fatal(err)
		}
		rel := relation(p)
		rel.Kind = catalog.Sink
		s, err := Connector{}.Sink(t.Context(), env(filepath.Dir(p)), rel, stream.SinkOptions{Changelog: c.changes})
		if refused := err != nil && sqlerr.From(err).Code == sqlerr.InvalidTableDefinition; refused != c.refused || err != nil && !refused {
			t.Errorf("a file of %q: error %v, want one: %v", c.holds, err, c.refused)
		}
		if err == nil {
			s.Close()
		}
		holds(t, p, c.holds)
	}
}

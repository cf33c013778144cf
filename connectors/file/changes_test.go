package file

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/avro"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// opRows are rows of id and name with an op before them: "+1 a".
func opRows(list ...string) *vec.Batch {
	b := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Text)})
	for _, s := range list {
		var id int64
		var name string
		fmt.Sscanf(s[1:], "%d %s", &id, &name)
		b.Cols[0].(*vec.Fixed[int64]).Append(id)
		b.Cols[1].(*vec.Bytes).AppendString(name)
		op := vec.Insert
		if s[0] == '-' {
			op = vec.Delete
		}
		b.Ops = append(b.Ops, op)
		b.Rows++
	}
	return b
}

// changed is a relation whose records are changes.
func changed(path, format string, options ...string) *catalog.Relation {
	rel := relation(path, append([]string{"format", format}, options...)...)
	rel.Key, rel.Hidden = []string{"id"}, Connector{}.Hidden(rel)
	return rel
}

// changesIn are the rows of a source of changes as "op id name @offset file"; a NULL is -.
func changesIn(t *testing.T, rel *catalog.Relation, dir string, policy stream.Policy) ([]string, []stream.Reject, error) {
	t.Helper()
	src, err := Connector{}.Source(t.Context(), env(dir), rel)
	if err != nil {
		t.Fatal(err)
	}
	splits, err := src.Splits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, scan := rel.AllColumns(), stream.Scan{Bounded: true, OnReject: policy}
	b := &vec.Batch{}
	for _, name := range []string{"_op", "id", "name", "_offset", "_file"} {
		i := slices.IndexFunc(all, func(c catalog.Column) bool { return c.Name == name })
		scan.Columns, b.Cols = append(scan.Columns, i), append(b.Cols, vec.New(all[i].Type))
	}
	var from []stream.Position
	for _, s := range splits {
		from = append(from, stream.Position{Split: s})
	}
	r, err := src.Open(t.Context(), from, scan)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	var rows []string
	var rejects []stream.Reject
	for {
		read, err := r.Read(t.Context(), b)
		if errors.Is(err, io.EOF) {
			return rows, rejects, nil
		}
		if err != nil {
			return rows, rejects, err
		}
		rejects = append(rejects, read.Rejects...)
		for i := range b.Rows {
			var f []any
			for k, c := range b.Cols {
				v := vec.Get(c, i, all[scan.Columns[k]].Type)
				if text := "-"; v.Null {
					f = append(f, text)
				} else {
					f = append(f, string(types.AppendText(nil, v, types.DefaultFormat())))
				}
			}
			rows = append(rows, fmt.Sprintf("%s %s %s @%s %s", f[0], f[1], f[2], f[3], filepath.Base(f[4].(string))))
		}
	}
}

// TestChangesSink writes epochs of rows that change, of which one is taken back and one is
// not decided when the process ends, and reads them as changes.
func TestChangesSink(t *testing.T) {
	for _, c := range []struct {
		name    string
		format  string
		options []string
		key     []string // of the query
		epochs  [][]string
		want    string // without offsets
	}{
		{"out.json", "debezium-json", nil, []string{"id"}, [][]string{
			{"+1 a", "+2 b", "-1 a", "+1 c"}, {"-1 c", "+1 d", "-2 b"}, {"-1 d", "+1 d"}, {"+3 z", "-1 d", "-3 z"},
		}, "c 1 c, c 2 b, u 1 d, d 2 b, d 1 d"},
		{"out.json.gz", "json", []string{"changelog", "debezium"}, []string{"id"}, [][]string{{"+1 b", "-1 a"}, {"-1 b"}}, "u 1 b, d 1 b"},
		{"out.avro", "debezium-avro", nil, []string{"id"}, [][]string{
			{"+1 a", "+2 b", "-1 a", "+1 c"}, {"-1 c", "+1 d", "-2 b"}, {"-1 d", "+1 d"}, {"+3 z", "-1 d", "-3 z"},
		}, "c 1 c, c 2 b, u 1 d, d 2 b, d 1 d"},
		{"plain.avro", "avro", []string{"changelog", "debezium", "avro.codec", "none"}, []string{"id"}, [][]string{{"+1 a"}, {"-1 a"}}, "c 1 a, d 1 a"},
		{"unkeyed.json", "debezium-json", nil, nil, [][]string{{"+1 a"}, {"-1 a", "+1 c"}}, "c 1 a, d 1 a, c 1 c"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, c.name)
		o := stream.SinkOptions{Job: "j", ID: "j", Changelog: true, Key: c.key}
		opened := func() stream.Sink {
			rel := relation(path, append([]string{"format", c.format}, c.options...)...)
			rel.Kind = catalog.Sink
			s, err := Connector{}.Sink(t.Context(), env(dir), rel, o)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		}
		take := func(s stream.Sink, rows ...string) {
			if rejects, err := s.Write(t.Context(), opRows(rows...)); err != nil || len(rejects) > 0 {
				t.Fatalf("%s: %v %v", c.name, rejects, err)
			}
		}
		s := opened()
		for i, rows := range c.epochs {
			e := stream.Epoch(i + 1)
			take(s, "+7 undone")
			if err := s.Rollback(t.Context(), e, nil); err != nil {
				t.Fatal(err)
			}
			take(s, "+8 undone")
			if err := s.Rollback(t.Context(), e, prepare(t, s, e)); err != nil {
				t.Fatal(err)
			}
			take(s, rows...)
			o.Committed, o.Token = e, prepare(t, s, e)
			commit(t, s, e, o.Token)
			take(s, "+9 lost")
			if i%2 == 0 {
				prepare(t, s, e+1)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = opened()
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		format := "debezium-json"
		if strings.HasSuffix(c.name, ".avro") {
			format = "debezium-avro"
		}
		rows, rejects, err := changesIn(t, changed(path, format), dir, stream.Fail)
		for i, r := range rows {
			rows[i], _, _ = strings.Cut(r, " @")
		}
		if got := strings.Join(rows, ", "); err != nil || len(rejects) > 0 || got != c.want {
			t.Errorf("%s: %s, %v, want %s", c.name, got, err, c.want)
		}
	}
}

// TestChangesInserted writes rows that only come to be, as INSERT does, into a stream.
func TestChangesInserted(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "t.json")
	s, err := Connector{}.Sink(t.Context(), env(dir), changed(path, "debezium-json"), stream.SinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b := opRows("+1 a", "+2 b")
	b.Ops = nil
	b.Cols[0].Nulls().Set(1)
	rejects, err := s.Write(t.Context(), b)
	if err != nil || len(rejects) != 1 || sqlerr.CodeOf(rejects[0].Err) != sqlerr.NotNullViolation {
		t.Errorf("a row without its key: %v, %v", rejects, err)
	}
	commit(t, s, 1, prepare(t, s, 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	holds(t, path, `{"before":null,"after":{"id":1,"name":"a"},"op":"c"}`+"\n")
	for _, c := range []struct {
		options []string
		code    sqlerr.Code
	}{
		{[]string{"format", "debezium-json", "changelog", "ops"}, sqlerr.InvalidParameterValue},
		{[]string{"format", "csv", "changelog", "debezium"}, sqlerr.InvalidParameterValue},
		{[]string{"format", "debezium-avro", "compression", "gzip"}, sqlerr.FeatureNotSupported},
		{[]string{"format", "debezium-json", "changelog", "append"}, ""},
	} {
		rel := relation(path, c.options...)
		rel.Kind = catalog.Sink
		if err := (Connector{}).Check(env(dir), rel, stream.RoleSink); c.code == "" && err != nil || c.code != "" && sqlerr.CodeOf(err) != c.code {
			t.Errorf("%q: %v, want %q", c.options, err, c.code)
		}
	}
}

// TestChangesRead reads envelopes: those of an update that moves a row to another key are
// two rows, and what is no change does what the scan says.
func TestChangesRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "t.json")
	lines := []string{
		`{"before":null,"after":{"id":1,"name":"a"},"op":"r","source":{"ts_ms":1577836800000}}`,
		`{"before":{"id":1,"name":"a"},"after":{"id":2,"name":"a"},"op":"u"}`,
		`{"op":"t"}`,
		`null`,
		`{"schema":{"type":"struct","fields":[]},"payload":{"before":{"id":2},"after":null,"op":"d"}}`,
		`{"after":{"id":3,"name":"c"},"op":"c"}`,
	}
	offset := func(k int) int { return len(strings.Join(lines[:k], "\n")) + min(k, 1) }
	write(t, path, strings.Join(lines, "\n"))
	want := []string{"r 1 a @0 t.json", fmt.Sprintf("d 1 a @%d t.json", offset(1)), fmt.Sprintf("u 2 a @%d t.json", offset(1)),
		fmt.Sprintf("d 2 - @%d t.json", offset(4)), fmt.Sprintf("c 3 c @%d t.json", offset(5))}
	rel := changed(path, "debezium-json")
	rows, rejects, err := changesIn(t, rel, dir, stream.Skip)
	if err != nil || !slices.Equal(rows, want) || len(rejects) != 1 || rejects[0].At != int64(offset(2)) || string(rejects[0].Raw) != lines[2] {
		t.Errorf("%q, %+v, %v, want %q and the TRUNCATE", rows, rejects, err, want)
	}
	rows, _, err = changesIn(t, rel, dir, stream.Fail)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("offset %d: a TRUNCATE", offset(2))) || !slices.Equal(rows, want[:3]) {
		t.Errorf("without a policy: %q, %v", rows, err)
	}
	rows, _, err = changesIn(t, rel, dir, stream.NullBad)
	if null := slices.Insert(slices.Clone(want), 3, fmt.Sprintf("- - - @%d t.json", offset(2))); err != nil || !slices.Equal(rows, null) {
		t.Errorf("as NULLs: %q, %v, want %q", rows, err, null)
	}
	// One that is too long is passed over as in other formats.
	long := `{"after":{"id":9,"name":"` + strings.Repeat("x", 2000) + `"},"op":"c"}`
	write(t, path, long+"\n"+lines[5])
	rel = changed(path, "debezium-json", "max_line_bytes", "1KB")
	rows, _, err = changesIn(t, rel, dir, stream.NullBad)
	if want := []string{"- - - @0 t.json", fmt.Sprintf("c 3 c @%d t.json", len(long)+1)}; err != nil || !slices.Equal(rows, want) {
		t.Errorf("a long one: %q, %v, want %q", rows, err, want)
	}
}

// TestChangesMany reads more changes than a batch has rows, each of which is two, of lines
// and of a container, and of an array.
func TestChangesMany(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&text, `{"before":{"id":%d},"after":{"id":%d},"op":"u"}`+"\n", i, i+1)
	}
	write(t, filepath.Join(dir, "t.json"), text.String())
	write(t, filepath.Join(dir, "array.json"), "["+strings.ReplaceAll(strings.TrimSpace(text.String()), "\n", ",")+"]")

	schema, err := avro.DeriveChange("t", relation("t").Columns, false)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := avro.Parse(schema)
	if err != nil {
		t.Fatal(err)
	}
	e, err := avro.NewChangeEncoder(parsed, relation("t").Columns, avro.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h := avro.Header{Codec: "deflate", Sync: [16]byte{9}}
	file := avro.AppendHeader(nil, schema, h.Codec, h.Sync)
	var block []byte
	rows := opRows()
	for i := range 1501 {
		rows.Cols[0].(*vec.Fixed[int64]).Append(int64(i))
		rows.Cols[1].(*vec.Bytes).AppendNull()
	}
	image := func(i int) []byte {
		b, err := e.Append(nil, rows, i)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for i := range 1500 {
		if block = e.AppendChange(block, image(i), image(i+1)); i%700 == 699 || i == 1499 {
			if file, err = h.AppendBlock(file, int64(i%700+1), block); err != nil {
				t.Fatal(err)
			}
			block = block[:0]
		}
	}
	write(t, filepath.Join(dir, "t.avro"), string(file))

	for name, format := range map[string]string{"t.json": "debezium-json", "array.json": "debezium-json", "t.avro": "debezium-avro"} {
		rows, rejects, err := changesIn(t, changed(filepath.Join(dir, name), format), dir, stream.Fail)
		if err != nil || len(rejects) > 0 || len(rows) != 3000 {
			t.Fatalf("%s: %d rows, %d rejects, %v", name, len(rows), len(rejects), err)
		}
		last := int64(-1)
		for i, row := range rows {
			op, id := "d", i/2
			if i%2 == 1 {
				op, id = "u", i/2+1
			}
			var at int64
			want := fmt.Sprintf("%s %d - @", op, id)
			if fmt.Sscanf(strings.TrimPrefix(row, want), "%d", &at); !strings.HasPrefix(row, want) || at < last || i%2 == 0 && at == last {
				t.Fatalf("%s: row %d is %s behind %d, want %s", name, i, row, last, want)
			}
			last = at
		}
	}
}

// TestContainerNumbers: the records of a container have numbers, also from a position that
// does not say how many lie before it.
func TestContainerNumbers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in.avro")
	s := openSink(t, path, stream.SinkOptions{})
	var want []string
	for e := range 3 {
		for i := range 700 {
			put(t, s, int64(e*700+i))
			want = append(want, fmt.Sprintf("%d n%[1]d @%[1]d", e*700+i))
		}
		commit(t, s, stream.Epoch(e+1), prepare(t, s, stream.Epoch(e+1)))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c := open(t, relation(path), dir, stream.Scan{Bounded: true}, nil)
	first, err := c.next()
	if err != nil {
		t.Fatal(err)
	}
	rest, err := c.rest()
	if got := append(first, rest...); err != nil || !slices.Equal(got, want) {
		t.Fatalf("%d rows, %v, want %d by their numbers", len(got), err, len(want))
	}
	c = open(t, relation(path), dir, stream.Scan{Bounded: true}, nil)
	first, err = c.next()
	if err != nil {
		t.Fatal(err)
	}
	for split, at := range c.at {
		block, done, before, err := readContainerPosition(split, at)
		if err != nil || before == 0 {
			t.Fatalf("block %d, %d done, %d before, %v: want a later block", block, done, before, err)
		}
		old := binary.AppendUvarint(binary.AppendUvarint([]byte{containerPosition}, uint64(block)), uint64(done))
		for _, at := range []stream.Offset{at, old} {
			rest, err := open(t, relation(path), dir, stream.Scan{Bounded: true}, map[stream.Split]stream.Offset{split: at}).rest()
			if err != nil || !slices.Equal(rest, want[len(first):]) {
				t.Errorf("from %x: %d rows, %v, want %d", at, len(rest), err, len(want)-len(first))
			}
		}
		for _, at := range []stream.Offset{{}, {containerNumbered}, {containerNumbered, 1, 1}, {containerNumbered, 1, 1, 1}, {7, 1, 1}, append(old, 0)[:1]} {
			if _, err := open(t, relation(path), dir, stream.Scan{Bounded: true}, map[stream.Split]stream.Offset{split: at}).rest(); sqlerr.CodeOf(err) != sqlerr.DataCorrupted {
				t.Errorf("from %x: %v", at, err)
			}
		}
	}
}

// TestContainerDamage: of a file that is damaged what can be read is read, and the rest
// does what the scan says.
func TestContainerDamage(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "b.avro"), filepath.Join(dir, "a.avro")
	for _, path := range []string{good, bad} {
		s := openSink(t, path, stream.SinkOptions{})
		for e := stream.Epoch(1); e < 3; e++ {
			put(t, s, int64(e))
			commit(t, s, e, prepare(t, s, e))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(bad)
	if err != nil {
		t.Fatal(err)
	}
	rel := relation(filepath.Join(dir, "*.avro"))
	for name, c := range map[string]struct {
		content, says string
		before        []string
	}{
		"cut":    {string(whole[:len(whole)-3]), "it ends in the block at byte", []string{"1 n1 @0"}},
		"marker": {string(whole[:len(whole)-1]) + "x", "marker", []string{"1 n1 @0"}},
		"header": {string(whole[:30]), "header", nil},
		"json":   {`{"id":1}`, "not with Obj", nil},
	} {
		write(t, bad, c.content)
		got, err := open(t, rel, dir, stream.Scan{Bounded: true}, nil).rest()
		if sqlerr.CodeOf(err) != sqlerr.DataCorrupted || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), `stream "orders", file "`+bad) || !slices.Equal(got, c.before) {
			t.Errorf("%s: %q, then %v, want %s", name, got, err, c.says)
		}
		cur := open(t, rel, dir, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
		got, err = cur.rest()
		want := append(slices.Clone(c.before), "1 n1 @0", "2 n2 @1")
		if err != nil || !slices.Equal(got, want) || len(cur.rejects) != 1 || !strings.Contains(sqlerr.From(cur.rejects[0].Err).Detail, "the rest of the file is lost") {
			t.Errorf("%s, passed over: %q, %v, %+v, want %q", name, got, err, cur.rejects, want)
		}
		if got, err := open(t, rel, dir, stream.Scan{Bounded: true, OnReject: stream.Skip}, cur.at).rest(); err != nil || len(got) != 0 {
			t.Errorf("%s, once more: %q, %v", name, got, err)
		}
	}
}

package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/text/encoding/unicode"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func env(root string) *stream.Env {
	return &stream.Env{FileRoots: []string{root}, Metrics: &stream.Metrics{}}
}

// relation declares columns id bigint and name text over the path.
func relation(path string, options ...string) *catalog.Relation {
	r := &catalog.Relation{
		Schema: "public", Name: "orders", Kind: catalog.Stream, Connector: "file", Hidden: Connector{}.PseudoColumns(),
		Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}, {Name: "name", Type: types.Of(types.Text)}},
		Options: catalog.Options{{Key: "path", Value: path}},
	}
	for i := 0; i < len(options); i += 2 {
		r.Options = append(r.Options, catalog.Option{Key: options[i], Value: options[i+1]})
	}
	return r
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func extend(t testing.TB, path, content string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(content); err != nil {
		t.Fatal(err)
	}
}

// cursor reads a relation's rows, columns id, name and _offset.
type cursor struct {
	t       *testing.T
	src     stream.Source
	known   map[stream.Split]bool
	poll    bool // look for new splits before every read
	r       stream.Reader
	b       *vec.Batch
	at      map[stream.Split]stream.Offset
	rejects []stream.Reject
}

func open(t *testing.T, rel *catalog.Relation, root string, scan stream.Scan, at map[stream.Split]stream.Offset) *cursor {
	t.Helper()
	src, err := Connector{}.Source(t.Context(), env(root), rel)
	if err != nil {
		t.Fatal(err)
	}
	splits, err := src.Splits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// As the engine does it: what is known, and the beginning of every other split.
	var from []stream.Position
	known, kept := map[stream.Split]bool{}, map[stream.Split]stream.Offset{}
	for s, o := range at {
		if kept[s] = o; o == nil {
			delete(kept, s)
		}
		known[s], from = true, append(from, stream.Position{Split: s, Offset: o})
	}
	for _, s := range splits {
		if !known[s] {
			known[s], from = true, append(from, stream.Position{Split: s})
		}
	}
	scan.Columns = []int{0, 1, 4}
	r, err := src.Open(t.Context(), from, scan)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); src.Close() })
	all := rel.AllColumns()
	return &cursor{t: t, src: src, known: known, poll: src.(*source).tracked() && !scan.Bounded, r: r, b: vec.NewBatch([]types.Type{all[0].Type, all[1].Type, all[4].Type}), at: kept}
}

// next returns the rows of one Read as "id name @offset".
func (c *cursor) next() ([]string, error) {
	if c.poll {
		splits, err := c.src.Splits(c.t.Context())
		if err != nil {
			return nil, err
		}
		for _, s := range splits {
			if c.known[s] {
				continue
			}
			c.known[s] = true
			if err := c.r.Add(c.t.Context(), []stream.Position{{Split: s}}); err != nil {
				return nil, err
			}
		}
	}
	read, err := c.r.Read(c.t.Context(), c.b)
	if err != nil {
		return nil, err
	}
	if read.Split != "" {
		if read.Next != nil {
			c.at[read.Split] = read.Next
		}
	}
	c.rejects = append(c.rejects, read.Rejects...)
	var rows []string
	for i := range c.b.Rows {
		id, name := "NULL", "NULL"
		if !c.b.Cols[0].Nulls().Get(i) {
			id = fmt.Sprint(c.b.Cols[0].(*vec.Fixed[int64]).Values[i])
		}
		if !c.b.Cols[1].Nulls().Get(i) {
			name = string(c.b.Cols[1].(*vec.Bytes).At(i))
		}
		rows = append(rows, fmt.Sprintf("%s %s @%d", id, name, c.b.Cols[2].(*vec.Fixed[int64]).Values[i]))
	}
	return rows, nil
}

// rest reads to the end.
func (c *cursor) rest() ([]string, error) {
	var all []string
	for {
		rows, err := c.next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, rows...)
	}
}

// want reads n rows of a source that does not end.
func (c *cursor) want(want ...string) {
	c.t.Helper()
	got := c.some(len(want))
	if !slices.Equal(got, want) {
		c.t.Fatalf("read %v, want %v", got, want)
	}
}

// some reads n rows, or more where they come together.
func (c *cursor) some(n int) []string {
	c.t.Helper()
	var got []string
	for len(got) < n {
		rows, err := c.next()
		if err != nil {
			c.t.Fatalf("%v, after %v", err, got)
		}
		got = append(got, rows...)
	}
	return got
}

func TestRead(t *testing.T) {
	gz := func(s ...string) string {
		var b bytes.Buffer
		for _, part := range s { // a frame each
			w := gzip.NewWriter(&b)
			w.Write([]byte(part))
			w.Close()
		}
		return b.String()
	}
	zst, err := object.Zstd.Append(nil, []byte(`{"id":1,"name":"z"}`+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, file, content string
		options, want       []string
	}{
		{"lines", "a.json", "{\"id\":1,\"name\":\"x\"}\n{\"id\":2,\"name\":\"y\"}\n", nil, []string{"1 x @0", "2 y @20"}},
		{"no line end", "a.json", "{\"id\":1}\r\n\n  \n{\"id\":2}", nil, []string{"1 NULL @0", "2 NULL @14"}},
		{"mark", "a.json", "\xef\xbb\xbf{\"id\":1}\n", nil, []string{"1 NULL @3"}},
		{"empty", "a.json", "", nil, nil},
		{"array", "a.json", " [ {\"id\":1},\n\n {\"id\":2,\"name\":\"]},{\"} ]\n", nil, []string{"1 NULL @3", "2 ]},{ @15"}},
		{"empty array", "a.json", "[]", nil, nil},
		{"csv", "a.csv", "id,name\n1,x\n2,\"a\nb\"\n3,\n", []string{"format", "csv"}, []string{"1 x @8", "2 a\nb @12", "3 NULL @20"}},
		{"csv by its name", "a.csv", "id,name\n1,x\n", nil, []string{"1 x @8"}},
		{"csv other order", "a.csv", "name,other,ID\nx,7,1\n", []string{"format", "csv"}, []string{"1 x @14"}},
		{"csv without header", "a.csv", "1,x\n2,y", []string{"format", "csv"}, []string{"1 x @0", "2 y @4"}},
		{"csv no header", "a.csv", "1;'x;''y'\n", []string{"format", "csv", "has_headers", "false", "delimiter", ";", "quote", "'"}, []string{"1 x;'y @0"}},
		{"gzip", "a.json.gz", gz("{\"id\":1}\n{\"id\":2", "}\n"), nil, []string{"1 NULL @0", "2 NULL @9"}},
		{"zstd", "a.json.zst", string(zst), nil, []string{"1 z @0"}},
		{"latin1", "a.csv", "id,name\n1,K\xf6ln\n2,x\n", []string{"encoding", "latin1"}, []string{"1 Köln @8", "2 x @16"}},
		{"utf-16", "a.json", "\xfe\xff\x00{\x00\"\x00i\x00d\x00\"\x00:\x001\x00}\x00\n", []string{"encoding", "utf-16"}, []string{"1 NULL @3"}},
		{"latin1 gzip", "a.csv.gz", gz("id,name\n1,K\xf6ln\n"), []string{"encoding", "ISO_8859_1", "format", "csv"}, []string{"1 Köln @8"}},
		{"named gzip", "a", gz("{\"id\":1}"), []string{"compression", "gzip"}, []string{"1 NULL @0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, c.file)
			write(t, path, c.content)
			rel := relation(path, c.options...)
			got, err := open(t, rel, dir, stream.Scan{Bounded: true}, nil).rest()
			if err != nil || !slices.Equal(got, c.want) {
				t.Fatalf("read %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

// TestResume stops after every read and goes on with a new reader.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	var lines, array, csv strings.Builder
	array.WriteString("[")
	csv.WriteString("name,id\n")
	for i := range 5000 {
		fmt.Fprintf(&lines, "{\"id\":%d,\"name\":\"n%d\"}\n", i, i)
		fmt.Fprintf(&array, "%s{\"id\":%d,\"name\":\"n%d\"}", []string{",\n", ""}[btoi(i == 0)], i, i)
		fmt.Fprintf(&csv, "\"n%d\",%d\n", i, i)
	}
	array.WriteString("\n]\n")
	write(t, filepath.Join(dir, "lines.json"), lines.String())
	write(t, filepath.Join(dir, "array.json"), array.String())
	write(t, filepath.Join(dir, "rows.csv"), csv.String())
	packed, err := object.Gzip.Append(nil, []byte(lines.String()))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "lines.json.gz"), string(packed))
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(csv.String())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "wide.csv"), wide)
	for file, options := range map[string][]string{"wide.csv": {"encoding", "utf-16"}, "lines.json": nil, "array.json": nil, "lines.json.gz": nil, "rows.csv": {"format", "csv"}} {
		rel := relation(filepath.Join(dir, file), options...)
		var got []string
		at := map[stream.Split]stream.Offset{}
		for ended := false; !ended; {
			c := open(t, rel, dir, stream.Scan{Bounded: true}, at)
			rows, err := c.next()
			if rows == nil && err == nil {
				rows, err = c.next()
			}
			c.r.Close()
			if ended = errors.Is(err, io.EOF); err != nil && !ended {
				t.Fatal(err)
			}
			got = append(got, rows...)
			if len(c.at) > 0 {
				at = c.at
			}
			ended = ended || len(got) > 5000
		}
		if len(got) != 5000 || !strings.HasPrefix(got[4999], "4999 n4999 ") {
			t.Errorf("%s: %d rows, the last %q", file, len(got), got[len(got)-1])
		}
	}
}

// TestRFC4180 reads what the RFC says of CSV, and what files hold beside it.
func TestRFC4180(t *testing.T) {
	for _, c := range []struct {
		name, content string
		want          []string
		code          sqlerr.Code // of the record behind them
	}{
		{"CRLF", "id,name\r\n1,x\r\n2,y\r\n", []string{"1 x", "2 y"}, ""},
		{"LF", "id,name\n1,x\n2,y\n", []string{"1 x", "2 y"}, ""},
		{"the last line without an end", "id,name\r\n1,x\r\n2,y", []string{"1 x", "2 y"}, ""},
		{"line ends in quotes", "id,name\r\n1,\"a\r\nb\"\r\n2,\"a\n\n,b\"\r\n", []string{"1 a\r\nb", "2 a\n\n,b"}, ""},
		{"doubled quotes", "id,name\n1,\"a\"\"b\"\n2,\"\"\"\"\n", []string{"1 a\"b", "2 \""}, ""},
		{"commas in quotes", "id,name\n1,\"a,b\"\n\"2\",\",\"\n", []string{"1 a,b", "2 ,"}, ""},
		{"blanks belong to a field", "id,name\n1, x \n", []string{"1  x "}, ""},
		{"nothing is NULL, quoted nothing is not", "id,name\n1,\n2,\"\"\n", []string{"1 NULL", "2 "}, ""},
		{"a mark", "\xef\xbb\xbfid,name\r\n1,x\r\n", []string{"1 x"}, ""},
		{"a mark before a quote", "\xef\xbb\xbf\"id\",\"name\"\n1,x\n", []string{"1 x"}, ""},
		{"a header in another order", "name,id\n\"x\",1\n", []string{"1 x"}, ""},
		{"empty lines", "id,name\n\n1,x\n\r\n\n2,y\n\n", []string{"1 x", "2 y"}, ""},
		{"a comma too many", "id,name\n1,x\n2,y,\n", []string{"1 x"}, sqlerr.BadCopyFileFormat},
		{"a field too few", "id,name\n1,x\n2\n", []string{"1 x"}, sqlerr.BadCopyFileFormat},
		{"a quote that stays open", "id,name\n1,x\n2,\"y\n", []string{"1 x"}, sqlerr.BadCopyFileFormat},
		{"wide text", "id,name\n1,\"Köln\n東京\"\n", []string{"1 Köln\n東京"}, ""},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.csv")
		write(t, path, c.content)
		got, err := open(t, relation(path, "has_headers", "true"), dir, stream.Scan{Bounded: true}, nil).rest()
		for i, row := range got {
			got[i] = row[:strings.LastIndex(row, " @")]
		}
		if !slices.Equal(got, c.want) || err == nil != (c.code == "") || err != nil && sqlerr.CodeOf(err) != c.code {
			t.Errorf("%s: %q, %v, want %q, %s", c.name, got, err, c.want, c.code)
		}
	}
}

func TestGlob(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "b.json"), `{"id":2}`)
	write(t, filepath.Join(dir, "a.json"), `{"id":1}`)
	write(t, filepath.Join(dir, "c.txt"), `{"id":3}`)
	os.Mkdir(filepath.Join(dir, "d.json"), 0o755)
	got, err := open(t, relation(filepath.Join(dir, "*.json")), dir, stream.Scan{}, nil).rest()
	if want := []string{"1 NULL @0", "2 NULL @0"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("read %q, %v, want %q", got, err, want)
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	path := func(name, content string) string {
		p := filepath.Join(dir, name)
		write(t, p, content)
		return p
	}
	os.Mkdir(filepath.Join(dir, "dir"), 0o755)
	os.Symlink("/etc", filepath.Join(dir, "out"))
	for _, c := range []struct {
		rel        *catalog.Relation
		code       sqlerr.Code
		text, hint string
	}{
		{relation(filepath.Join(dir, "none.json")), "58P01", `could not open file "` + dir + `/none.json": No such file or directory`, ""},
		{relation(filepath.Join(dir, "*.none")), "58P01", `no file matches`, ""},
		{relation("/etc/passwd"), "42501", `permission denied for path "/etc/passwd": it is not under file.roots`, "Allowed are"},
		{relation(filepath.Join(dir, "../passwd")), "42501", `permission denied`, ""},
		{relation(filepath.Join(dir, "out/passwd")), "42501", `permission denied`, ""},
		{relation("/etc/*"), "42501", `permission denied`, ""},
		{relation(filepath.Join(dir, "dir")), "42809", `is not a regular file`, ""},
		{relation(path("a", ""), "folow", "true"), "22023", `unrecognized parameter "folow" of source "orders"`, `Perhaps you meant "follow".`},
		{relation(path("a.gz", ""), "follow", "true"), "0A000", `a gzip file cannot be followed`, "Leave out follow"},
		{relation(path("a", ""), "format", "protobuf"), "22023", `format "protobuf" of source "orders" needs a schema`, "protobuf.schema"},
		{relation(path("a", ""), "format", "protobuf", "protobuf.schema", "message M {", "encoding", "latin1"), "22023", `"encoding"`, "utf-8 with format protobuf"},
		{relation(path("a", ""), "format", "protobuf", "protobuf.schema", "message M {", "protobuf.framing", "confluent"), "22023", `"protobuf.framing"`, "delimited or none in files"},
		{relation(path("a", ""), "format", "protobuf", "protobuf.schema", "message M {}", "protobuf.framing", "none", "follow", "true"), "0A000", `a Protobuf file cannot be followed`, "Leave out follow"},
		{relation(path("a", ""), "format", "protobuf-confluent"), "0A000", `whose records a schema registry frames`, "protobuf.schema"},
		{relation(path("a", ""), "format", "json-schema"), "0A000", `whose records a schema registry frames`, "format 'json'"},
		{relation(path("a", ""), "format", "debezium-avro-confluent"), "0A000", `whose records a schema registry frames`, "debezium-avro"},
		{relation(path("a", ""), "format", "debezium-json"), "0A000", `format "debezium-json" of stream "orders", which has no PRIMARY KEY`, "PRIMARY KEY"},
		{relation(path("a.avro", ""), "format", "debezium-avro"), "0A000", `format "debezium-avro" of stream "orders", which has no PRIMARY KEY`, "PRIMARY KEY"},
		{relation(path("a", ""), "format", "raw"), "0A000", `format "raw"`, "Write format"},
		{relation(path("h.csv", "order,name\n1,x\n"), "format", "csv"), "22P02", `field "id": invalid input syntax for type bigint: "order"`, `does not name column "id": it has order, name. If it is one, declare the columns as it names them.`},
		{relation(path("i.csv", "id,name\n1,x\no,y\n"), "format", "csv"), "22P02", `invalid input syntax for type bigint: "o"`, "Set on_error"},
		{relation(path("a", ""), "encoding", "ebcdic"), "22023", `invalid value for parameter "encoding" of "orders": "ebcdic"`, "windows-1250 to windows-1254"},
		{relation(path("a.avro", ""), "encoding", "latin1"), "22023", `"encoding"`, "utf-8 with format avro"},
		{relation(path("a", ""), "encoding", "utf-16", "follow", "true"), "0A000", `a utf-16 file cannot be followed`, "Leave out follow"},
		{relation(path("w.csv", "id,name\n1,a\x81b\n"), "encoding", "windows-1252"), "22021", `offset 8: invalid byte sequence for encoding "UTF8"`, ""},
		{relation(path("a", `{"id":1}`+"\n"+`{"id":"x"}`)), "22P02", `stream "orders", file "` + dir + `/a", offset 9, field "id": invalid input syntax for type bigint: "x"`, "on_error"},
		{relation(path("b", "{\"name\":\"\xff\"}")), "22021", `offset 0: invalid byte sequence for encoding "UTF8": 0xff`, ""},
		{relation(path("c.gz", strings.Repeat("{}", 100))), "XX001", `is not valid gzip data`, "Set compression"},
		{relation(path("d.csv", "name\nx\n"), "format", "csv", "has_headers", "true"), "42703", `the header has no column "id"`, "The header names name. Declare the columns as it does, or set has_headers = 'false'"},
		{relation(path("e.csv", "1,x,y\n"), "format", "csv"), "22P04", `extra data after the last expected column: the record has 3 fields, not 2`, ""},
		{relation(path("f.json", "[{\"id\":1}"), "format", "json"), "XX001", `ends inside its JSON array`, ""},
	} {
		err := func() error {
			src, err := Connector{}.Source(t.Context(), env(dir), c.rel)
			if err != nil {
				return err
			}
			splits, err := src.Splits(t.Context())
			if err != nil {
				return err
			}
			r, err := src.Open(t.Context(), []stream.Position{{Split: splits[0]}}, stream.Scan{Columns: []int{0, 1}, Bounded: true})
			if err != nil {
				return err
			}
			defer r.Close()
			b := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Text)})
			for err == nil {
				_, err = r.Read(t.Context(), b)
			}
			return err
		}()
		e := sqlerr.From(err)
		if e == nil || e.Code != c.code || !strings.Contains(e.Message, c.text) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%v: %+v, want %s %s (%s)", c.rel.Options, e, c.code, c.text, c.hint)
		}
	}
}

// TestLongLine has a line of 50 MB between two others.
func TestLongLine(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "a.json")
	write(t, p, `{"id":1}`+"\n"+`{"id":2,"name":"`+strings.Repeat("x", 50<<20)+"\"}\n"+`{"id":3}`+"\n")
	rel := relation(p)
	_, err := open(t, rel, dir, stream.Scan{Bounded: true}, nil).rest()
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.ProgramLimitExceeded || !strings.Contains(e.Message, `a.json", offset 9: the record is longer than max_line_bytes (16777216)`) {
		t.Errorf("fail: %v", err)
	}
	c := open(t, rel, dir, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
	got, err := c.rest()
	if want := []string{"1 NULL @0", fmt.Sprintf("3 NULL @%d", 9+18+50<<20+1)}; err != nil || len(got) != 2 || got[0] != want[0] || len(c.rejects) != 1 {
		t.Errorf("skip: %q, %v, %d rejects, want %q and one", got, err, len(c.rejects), want)
	}
}

func TestPolicies(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "a.json")
	write(t, p, `{"id":1}`+"\n"+`garbage`+"\n"+`{"id":"x","name":"y"}`+"\n"+`{"id":4}`+"\n")
	c := open(t, relation(p), dir, stream.Scan{OnReject: stream.Skip}, nil)
	got, err := c.rest()
	if want := []string{"1 NULL @0", "4 NULL @39"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("skip: %q, %v, want %q", got, err, want)
	}
	if len(c.rejects) != 2 || string(c.rejects[0].Raw) != "garbage" || string(c.rejects[1].Raw) != `{"id":"x","name":"y"}` {
		t.Errorf("rejects: %+v", c.rejects)
	}
	got, err = open(t, relation(p), dir, stream.Scan{OnReject: stream.NullBad}, nil).rest()
	if want := []string{"1 NULL @0", "NULL NULL @9", "NULL y @17", "4 NULL @39"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("null: %q, %v, want %q", got, err, want)
	}
}

func TestFollow(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "a.json")
	write(t, p, `{"id":1}`+"\n"+`{"id":`)
	rel := relation(p, "follow", "true")
	c := open(t, rel, dir, stream.Scan{}, nil)
	c.want("1 NULL @0")
	extend(t, p, "2}\n")
	c.want("2 NULL @9")
	// Rotated by rename; the old file gets one more line.
	old := p + ".1"
	if err := os.Rename(p, old); err != nil {
		t.Fatal(err)
	}
	extend(t, old, `{"id":3}`+"\n")
	c.want("3 NULL @18")
	write(t, p, `{"id":4}`+"\n")
	c.want("4 NULL @0")
	// Rotated by truncation.
	write(t, p, "")
	for {
		if _, err := c.next(); err != nil {
			t.Fatal(err)
		}
		at, err := decodePosition("", c.at[stream.Split(p)])
		if err != nil {
			t.Fatal(err)
		}
		if at.offset == 0 {
			break
		}
	}
	extend(t, p, `{"id":5}`+"\n")
	c.want("5 NULL @0")
}

// TestFollowRotatedTwice rotates a file twice while its reader is held back: the
// files between the one that is read and the newest are read, in their order, and
// those that were there before are not.
func TestFollowRotatedTwice(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "a.json")
	hour := func(name string, n int) {
		at := time.Now().Add(time.Duration(n) * time.Hour)
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write(t, p+".1", `{"id":0}`+"\n") // read long ago, and not by us
	write(t, p, `{"id":1}`+"\n"+`{"id":2}`+"\n")
	hour(p+".1", -9)
	hour(p, -4)
	c := open(t, relation(p, "follow", "true"), dir, stream.Scan{}, nil)
	c.want("1 NULL @0", "2 NULL @9")
	for n := range 3 {
		for i := 3; i > 0; i-- {
			if err := os.Rename(fmt.Sprint(p, ".", i), fmt.Sprint(p, ".", i+1)); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		if err := os.Rename(p, p+".1"); err != nil {
			t.Fatal(err)
		}
		write(t, p, fmt.Sprintf(`{"id":%d}`+"\n", 3+n))
		hour(p, n-3)
	}
	write(t, p+".copy", `{"id":9}`+"\n") // none of a rotation's
	hour(p+".copy", -2)
	c.want("3 NULL @0", "4 NULL @0")
	// And so does one that starts in the middle.
	d := open(t, relation(p, "follow", "true"), dir, stream.Scan{}, c.at)
	d.want("5 NULL @0")
	c.want("5 NULL @0")
	extend(t, p, `{"id":6}`+"\n")
	c.want("6 NULL @9")
	d.want("6 NULL @9")
}

// TestFollowResumed rotates the file while nobody reads it.
func TestFollowResumed(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "a.json")
	write(t, p, `{"id":1}`+"\n")
	rel := relation(p, "follow", "true")
	c := open(t, rel, dir, stream.Scan{}, nil)
	c.want("1 NULL @0")
	c.r.Close()
	extend(t, p, `{"id":2}`+"\n")
	if err := os.Rename(p, p+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, p, `{"id":3}`+"\n")
	d := open(t, rel, dir, stream.Scan{}, c.at)
	d.want("2 NULL @9", "3 NULL @0")
	d.r.Close()
	os.Remove(p + ".1")
	src, err := Connector{}.Source(t.Context(), env(dir), rel)
	if err != nil {
		t.Fatal(err)
	}
	_, err = src.Open(t.Context(), []stream.Position{{Split: stream.Split(p), Offset: c.at[stream.Split(p)]}}, stream.Scan{Columns: []int{0}})
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.SnapshotTooOld || !strings.Contains(e.Message, "was replaced while nobody read it: what followed byte 9 is lost") {
		t.Errorf("a lost file: %v", err)
	}
}

func TestFollowBounded(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "a.json")
	write(t, p, `{"id":1}`+"\n"+`{"id":2}`+"\n"+`{"id":`)
	c := open(t, relation(p, "follow", "true"), dir, stream.Scan{Bounded: true}, nil)
	extend(t, p, `3}`+"\n")
	got, err := c.rest()
	if want := []string{"1 NULL @0", "2 NULL @9"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("read %q, %v, want %q", got, err, want)
	}
}

// TestFollowShort: a followed file that is shorter than a byte order mark is read, and
// the beginning of a mark is waited for.
func TestFollowShort(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "a.csv")
	write(t, p, ",\n")
	options := []string{"follow", "true", "format", "csv", "header", "false"}
	open(t, relation(p, options...), dir, stream.Scan{}, nil).want("NULL NULL @0")
	marked := filepath.Join(dir, "b.csv")
	write(t, marked, "\xef\xbb")
	c := open(t, relation(marked, options...), dir, stream.Scan{}, nil)
	extend(t, marked, "\xbf7,x\n")
	c.want("7 x @3")
}

func TestTruncatedFile(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "a.json")
	write(t, p, strings.Repeat(`{"id":1}`+"\n", 3000))
	rel := relation(p)
	c := open(t, rel, dir, stream.Scan{}, nil)
	if _, err := c.next(); err != nil {
		t.Fatal(err)
	}
	c.r.Close()
	if err := os.Truncate(p, 900); err != nil {
		t.Fatal(err)
	}
	_, err := open(t, rel, dir, stream.Scan{}, c.at).rest()
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.DataCorrupted || !strings.Contains(e.Message, "was truncated: it ends before byte 9216") {
		t.Errorf("a file cut short: %v", err)
	}
}

func TestWake(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "a.json")
	write(t, p, "")
	c := open(t, relation(p, "follow", "true"), dir, stream.Scan{}, nil)
	c.r.Wake()
	if rows, err := c.next(); err != nil || rows != nil {
		t.Errorf("after Wake: %v, %v, want nothing", rows, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.r.Read(ctx, c.b); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestInfer(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "a.json")
	write(t, p, `{"i":1,"f":1.5,"mixed":1,"t":"2024-01-15T10:30:00Z","o":{"a":1},"n":null,"b":true,"big":123456789012345678901}`+"\n"+
		`{"i":2,"f":2,"mixed":"x","t":"2024-01-15T10:30:00.5+02:00","o":[1],"late":"s"}`+"\n")
	rel := relation(p)
	rel.Columns = nil
	cols, err := Connector{}.Inferrer(env(dir)).Infer(t.Context(), rel)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := describe(cols), "i bigint, f numeric, mixed text, t timestamp with time zone, o jsonb, n text, b boolean, big numeric, late text"; got != want {
		t.Errorf("inferred %s, want %s", got, want)
	}
	p = filepath.Join(dir, "a.csv")
	write(t, p, "i,f,s,d,e\n1,1.5,x,2024-01-15 10:30:00,\n2,2,3,2024-01-15 10:30:01,\n")
	rel = relation(p, "format", "csv")
	rel.Columns = nil
	if cols, err = (Connector{}).Inferrer(env(dir)).Infer(t.Context(), rel); err != nil {
		t.Fatal(err)
	}
	if got, want := describe(cols), "i bigint, f numeric, s text, d timestamp without time zone, e text"; got != want {
		t.Errorf("inferred %s, want %s", got, want)
	}
	p = filepath.Join(dir, "empty.json")
	write(t, p, "\n")
	rel = relation(p)
	rel.Columns = nil
	_, err = Connector{}.Inferrer(env(dir)).Infer(t.Context(), rel)
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.InvalidTableDefinition || !strings.Contains(e.Hint, "Write the columns") {
		t.Errorf("empty: %v", err)
	}
}

// TestInferCodes: digits that a number would not keep are text, or a postal code
// would lose its zero.
func TestInferCodes(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "a.csv")
	write(t, p, "zip,phone,hex,under,zero,fraction,less,exponent,decimal\n01234,+491,0x1F,1_000,0,0.5,-7,1e3,.5\n10115,+492,0x20,2_000,10,-0.25,0,2.5E-3,1.50\n")
	rel := relation(p, "format", "csv")
	rel.Columns = nil
	cols, err := Connector{}.Inferrer(env(dir)).Infer(t.Context(), rel)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := describe(cols), "zip text, phone text, hex text, under text, zero bigint, fraction numeric, less bigint, exponent numeric, decimal numeric"; got != want {
		t.Errorf("inferred %s, want %s", got, want)
	}
}

// TestInferPlace: what cannot be inferred from is named with the byte where it begins;
// a file that is of another format says which.
func TestInferPlace(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, content, message, hint string }{
		{"first.json", "not json\n", "offset 0: invalid input syntax for type json", "write the columns"},
		{"later.json", `{"a":1}` + "\n" + `{"a":2`, "offset 8: invalid input syntax for type json", "write the columns"},
		{"folder", "PAR1\x15\x04\n\n\n", "offset 0: the file is of format parquet, and is read as json", "Set format = 'parquet'."},
		{"rows", "Obj\x01\x04\x16\n", "offset 0: the file is of format avro, and is read as json", "Set format = 'avro'."},
	} {
		p := filepath.Join(dir, c.name)
		write(t, p, c.content)
		rel := relation(p)
		rel.Columns = nil
		_, err := Connector{}.Inferrer(env(dir)).Infer(t.Context(), rel)
		if e := sqlerr.From(err); e == nil || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%s: %v, want %q with the hint %q", c.name, err, c.message, c.hint)
		}
	}
}

func describe(cols []catalog.Column) string {
	var s []string
	for _, c := range cols {
		s = append(s, c.Name+" "+types.FormatType(c.Type))
	}
	return strings.Join(s, ", ")
}

func TestEveryOptionIsRead(t *testing.T) {
	for role, known := range map[stream.Role][]stream.Option{stream.RoleSource: sourceOptions, stream.RoleSink: sinkOptions} {
		rel := relation("/x")
		rel.Kind = catalog.Sink
		_, v, err := read(rel, role)
		if err != nil {
			t.Fatal(err)
		}
		if u := v.Unread(known); len(u) > 0 {
			t.Errorf("nobody reads the %v's options %v", role, u)
		}
	}
}

// TestGarbage is a file of nothing but bad records: rejects come in batches too.
func TestGarbage(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "a.json")
	write(t, p, strings.Repeat("garbage\n", 5000))
	c := open(t, relation(p), dir, stream.Scan{OnReject: stream.Skip}, nil)
	if _, err := c.next(); err != nil || len(c.rejects) != vec.MaxRows {
		t.Errorf("one read: %d rejects, %v, want %d", len(c.rejects), err, vec.MaxRows)
	}
	if got, err := c.rest(); err != nil || len(got) != 0 || len(c.rejects) != 5000 {
		t.Errorf("to the end: %d rows, %d rejects, %v, want 5000 rejects", len(got), len(c.rejects), err)
	}
}

package file

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/avro/ocf"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/avro"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// ids are those that a container holds, as another library reads it.
func containerIDs(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ocf.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		var v map[string]any
		if err := r.Decode(&v); errors.Is(err, io.EOF) {
			return got
		} else if err != nil {
			t.Fatalf("after %v: %v", got, err)
		}
		got = append(got, fmt.Sprint(v["id"], " ", v["name"]))
	}
}

// TestContainerSink writes epochs, of which one is taken back and one not decided
// when the process ends; another library reads the file.
func TestContainerSink(t *testing.T) {
	for _, codec := range []string{"none", "deflate", "snappy", "zstd"} {
		path := filepath.Join(t.TempDir(), "out.avro")
		s := openSink(t, path, stream.SinkOptions{Job: "j", ID: "j"}, "avro.codec", codec)
		put(t, s, 1, 2)
		token := prepare(t, s, 1)
		commit(t, s, 1, token)
		put(t, s, 3)
		if err := s.Rollback(t.Context(), 2, prepare(t, s, 2)); err != nil {
			t.Fatal(err)
		}
		put(t, s, 4, 5)
		token = prepare(t, s, 3)
		commit(t, s, 3, token)
		put(t, s, 6)
		prepare(t, s, 4)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openSink(t, path, stream.SinkOptions{Job: "j", ID: "j", Committed: 3, Token: token}, "avro.codec", codec)
		put(t, s, 7)
		token = prepare(t, s, 4)
		commit(t, s, 4, token)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		want := []string{"1 n1", "2 n2", "4 n4", "5 n5", "7 n7"}
		if got := containerIDs(t, path); !slices.Equal(got, want) {
			t.Errorf("codec %s: the file holds %v, want %v", codec, got, want)
		}
		rel := relation(path)
		rel.Columns = nil
		cols, err := inferrer{env(filepath.Dir(path))}.Infer(t.Context(), rel)
		if err != nil || len(cols) != 2 || cols[0].Type != types.Of(types.Int8) {
			t.Errorf("columns %v, %v", cols, err)
		}
		var got []string
		rows, err := open(t, relation(path), filepath.Dir(path), stream.Scan{Bounded: true}, nil).rest()
		for _, r := range rows {
			got = append(got, r[:strings.Index(r, " @")])
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("codec %s: read %v, %v, want %v", codec, got, err, want)
		}
	}
}

// TestContainerSinkErrors: rows without a form are rejects, and a file of another
// schema is not appended to.
func TestContainerSinkErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.avro")
	const narrow = `{"type":"record","name":"r","fields":[{"name":"id","type":"int"},{"name":"name","type":"string"}]}`
	s := openSink(t, path, stream.SinkOptions{Job: "j", ID: "j"}, "avro.schema", narrow)
	put(t, s, 1)
	commit(t, s, 1, prepare(t, s, 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	rel := relation(path)
	rel.Kind = catalog.Sink
	if _, err := (Connector{}).Sink(t.Context(), env(filepath.Dir(path)), rel, stream.SinkOptions{Job: "k", ID: "k"}); sqlerr.CodeOf(err) != sqlerr.InvalidTableDefinition {
		t.Errorf("appending by another schema: %v", err)
	}
}

// TestContainerResume reads on from each position that was told.
func TestContainerResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.avro")
	s := openSink(t, path, stream.SinkOptions{})
	var want []string
	for e := range 5 {
		var ids []int64
		for i := range 700 {
			ids = append(ids, int64(e*700+i))
			want = append(want, fmt.Sprintf("%d n%[1]d", e*700+i))
		}
		put(t, s, ids...)
		commit(t, s, stream.Epoch(e+1), prepare(t, s, stream.Epoch(e+1)))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	at := map[stream.Split]stream.Offset(nil)
	for {
		c := open(t, relation(path), filepath.Dir(path), stream.Scan{Bounded: true}, at)
		rows, err := c.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			got = append(got, r[:strings.Index(r, " @")])
		}
		if at = c.at; len(rows) == 0 {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("read %d rows in pieces, want %d", len(got), len(want))
	}
}

func TestContainerErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in.avro")
	s := openSink(t, path, stream.SinkOptions{}, "avro.codec", "none")
	put(t, s, 1, 2, 3)
	commit(t, s, 1, prepare(t, s, 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content string
		code    sqlerr.Code
		says    string
	}{
		"empty":    {"", sqlerr.DataCorrupted, "ends in its header"},
		"json":     {`{"id":1}`, sqlerr.DataCorrupted, "not with Obj"},
		"cut":      {string(whole[:len(whole)-1]), sqlerr.DataCorrupted, "it ends in the block at byte"},
		"head":     {string(whole[:40]), sqlerr.DataCorrupted, "header"},
		"marker":   {string(whole[:len(whole)-1]) + "x", sqlerr.DataCorrupted, "marker"},
		"trailing": {string(whole) + "x", sqlerr.DataCorrupted, "it ends in the block at byte"},
	} {
		write(t, path, c.content)
		_, err := open(t, relation(path), dir, stream.Scan{Bounded: true}, nil).rest()
		if sqlerr.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %s %s", name, err, c.code, c.says)
		}
	}
	for _, options := range [][]string{{"follow", "true"}, {"compression", "gzip"}} {
		if err := (Connector{}).Check(env(dir), relation(path, options...), stream.RoleSource); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
			t.Errorf("%v: %v", options, err)
		}
	}
}

// TestContainerClaims: room is made for what a file has, and not for what it says
// that its block has.
func TestContainerClaims(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.avro")
	head := avro.AppendHeader(nil, `"long"`, "null", [16]byte{})
	block := binary.AppendVarint(binary.AppendVarint(nil, 1), 250<<20)
	write(t, path, string(head)+string(block)+strings.Repeat("x", 300<<10))
	c := &container{path: path}
	defer c.close()
	h, err := c.begin(t.Context(), config{buffer: 64 << 10, store: object.Local{}})
	if err != nil {
		t.Fatal(err)
	}
	c.header, c.offset = h, int64(h.Size)
	if _, err := c.advance(); sqlerr.CodeOf(err) != sqlerr.DataCorrupted {
		t.Errorf("a block that breaks off: %v", err)
	}
	if got := cap(c.window); got > 8<<20 {
		t.Errorf("room for %d bytes was made of a file of 300 KB", got)
	}
}

// TestContainerBrokenRecord: a record that says it is longer than its block follows the
// policy, with what is left of the block, and the next block is read.
func TestContainerBrokenRecord(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in.avro")
	h := avro.Header{Codec: "null", Sync: [16]byte{7}}
	file := avro.AppendHeader(nil, `{"type":"record","name":"r","fields":[{"name":"id","type":"long"},{"name":"name","type":"string"}]}`, "null", h.Sync)
	add := func(n int64, data string) {
		var err error
		if file, err = h.AppendBlock(file, n, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	add(1, "\x02\x02a")
	add(4, "\x04\x02b\x06\x7ec\x08\x02d\x0a\x02e") // the second says 63 bytes
	add(1, "\x0c\x02f")
	add(1, "\x0e\x02gh") // more than its record
	add(1, "\x10\x02i")
	write(t, path, string(file))

	c := open(t, relation(path), dir, stream.Scan{Bounded: true}, nil)
	if _, err := c.rest(); err == nil || !strings.Contains(err.Error(), "record 2 of the block at byte") {
		t.Errorf("without a policy: %v", err)
	}
	ids := func(rows []string) string {
		var s []string
		for _, r := range rows {
			s = append(s, strings.Fields(r)[0])
		}
		return strings.Join(s, " ")
	}
	c = open(t, relation(path), dir, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
	rows, err := c.rest()
	if got, want := ids(rows), "1 2 6 7 8"; err != nil || got != want {
		t.Errorf("skipping: %s, %v, want %s", got, err, want)
	}
	if len(c.rejects) != 2 || !strings.Contains(sqlerr.From(c.rejects[0].Err).Detail, "the 3 records that are left") || string(c.rejects[0].Raw) != "\x06\x7ec\x08\x02d\x0a\x02e" || string(c.rejects[1].Raw) != "h" {
		t.Errorf("rejects %+v", c.rejects)
	}
	c = open(t, relation(path), dir, stream.Scan{Bounded: true, OnReject: stream.NullBad}, nil)
	rows, err = c.rest()
	if got, want := ids(rows), "1 2 NULL NULL NULL 6 7 8"; err != nil || got != want {
		t.Errorf("with NULLs: %s, %v, want %s", got, err, want)
	}
}

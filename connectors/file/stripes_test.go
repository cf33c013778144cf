package file

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/protobuf"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// long makes a file that is decoded in stripes, and its rows as a cursor gives
// them. Record bad, counted from 0, does not decode; -1: all do.
func long(format string, bad int) (content string, want []string) {
	var s strings.Builder
	for i := 0; s.Len() < stripesFrom+9*stripeBytes; i++ {
		id, name := fmt.Sprint(i), fmt.Sprintf("name %d of many", i)
		if i == bad {
			id = "none"
		}
		at := s.Len()
		switch {
		case format == formatJSON:
			fmt.Fprintf(&s, `{"id":%s,"name":%q}`+"\n", id, name)
		case format == formatDebeziumJSON:
			fmt.Fprintf(&s, `{"after":{"id":%s,"name":%q},"op":"c"}`+"\n", id, name)
		case format == formatProtobuf:
			s.Write(protobuf.AppendDelimited(nil, message(i, name, i == bad)))
		case i%7 == 0: // a quoted field that would end the record, and open another
			name = fmt.Sprintf("a, \"%d\"\n\"\"", i)
			fmt.Fprintf(&s, "%s,\"%s\"\n", id, strings.ReplaceAll(name, `"`, `""`))
		default:
			fmt.Fprintf(&s, "%s,%s\r\n", id, name)
		}
		if i != bad {
			want = append(want, fmt.Sprintf("%d %s @%d", i, name, at))
		}
	}
	return s.String(), want
}

// manyProcessors lets stripes be decoded side by side wherever the test runs.
func manyProcessors(t *testing.T) {
	before := runtime.GOMAXPROCS(4)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// striped is a file that long makes, as a relation.
func striped(path, format string) *catalog.Relation {
	options := []string{"format", format, "has_headers", "false"}
	if format == formatProtobuf {
		options = append(options, "protobuf.schema", orderProto)
	}
	rel := relation(path, options...)
	if format == formatDebeziumJSON {
		rel.Key = []string{"id"}
	}
	return rel
}

// stripedFormats are those that long writes.
var stripedFormats = []string{formatJSON, formatCSV, formatProtobuf, formatDebeziumJSON}

func TestStripesKeepTheOrder(t *testing.T) {
	manyProcessors(t)
	for _, format := range stripedFormats {
		dir := t.TempDir()
		path := filepath.Join(dir, "rows."+format)
		content, want := long(format, -1)
		write(t, path, content)
		c := open(t, striped(path, format), dir, stream.Scan{Bounded: true}, nil)
		var got []string
		seen := false
		var middle map[stream.Split]stream.Offset
		rest := 0
		for {
			rows, err := c.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rows...)
			seen = seen || c.r.(*reader).stripes != nil
			if middle == nil && len(got) > len(want)*3/4 {
				middle = map[stream.Split]stream.Offset{}
				for s, o := range c.at {
					middle[s] = o
				}
				rest = len(got)
			}
		}
		if !seen {
			t.Errorf("%s: the file was not decoded in stripes", format)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d rows, want %d in the file's order", format, len(got), len(want))
		}
		again := open(t, striped(path, format), dir, stream.Scan{Bounded: true}, middle)
		if got, err := again.rest(); err != nil || !slices.Equal(got, want[rest:]) {
			t.Errorf("%s, resumed: %d rows (%v), want %d", format, len(got), err, len(want)-rest)
		}
	}
}

func TestStripesRejects(t *testing.T) {
	manyProcessors(t)
	for _, format := range stripedFormats {
		dir := t.TempDir()
		path := filepath.Join(dir, "rows."+format)
		const bad = 100_000
		content, want := long(format, bad)
		write(t, path, content)
		rel := striped(path, format)
		c := open(t, rel, dir, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
		if got, err := c.rest(); err != nil || !slices.Equal(got, want) || len(c.rejects) != 1 {
			t.Errorf("%s: %d rows, %d rejects (%v), want %d and 1", format, len(got), len(c.rejects), err, len(want))
		}
		c = open(t, rel, dir, stream.Scan{Bounded: true}, nil)
		if got, err := c.rest(); sqlerr.CodeOf(err) == "" || !slices.Equal(got, want[:bad]) {
			t.Errorf("%s: error %v after %d rows, want one after %d", format, err, len(got), bad)
		}
	}
}

// TestStripesStop closes a reader in the middle of its stripes.
func TestStripesStop(t *testing.T) {
	manyProcessors(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "rows.csv")
	content, _ := long(formatCSV, -1)
	write(t, path, content)
	before := runtime.NumGoroutine()
	c := open(t, relation(path, "format", formatCSV, "has_headers", "false"), dir, stream.Scan{Bounded: true}, nil)
	for c.r.(*reader).stripes == nil {
		if _, err := c.next(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := c.r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// One that has said it is done may still be about to end.
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines run after Close, %d before the file was opened", runtime.NumGoroutine(), before)
		}
	}
}

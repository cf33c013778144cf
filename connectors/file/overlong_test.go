package file

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestOverlongQuotedRecord passes over a record with line breaks and quotes
// inside its quotes as a whole, however much of it the window holds.
func TestOverlongQuotedRecord(t *testing.T) {
	for _, format := range []string{"csv", "json"} {
		for _, n := range []int{1100, 3000, 5000, 9000, 70000} {
			dir := t.TempDir()
			p := filepath.Join(dir, "a")
			long := `2,"` + strings.Repeat("x\n3,\"\"y\n", n/8) + "\"\n"
			first, last := "1,a\n", "4,b\n"
			if format == "json" {
				long, first, last = `{"id":2,"name":"`+strings.Repeat("x", n)+"\"}\n", `{"id":1,"name":"a"}`+"\n", `{"id":4,"name":"b"}`+"\n"
			}
			write(t, p, first+long+last)
			for _, window := range []string{"4KB", "8KB", "1MB"} {
				rel := relation(p, "format", format, "has_headers", "false", "max_line_bytes", "1KB", "buffer_size_bytes", window)
				c := open(t, rel, dir, stream.Scan{OnReject: stream.Skip}, nil)
				got, err := c.rest()
				want := []string{"1 a @0", fmt.Sprintf("4 b @%d", len(first)+len(long))}
				if err != nil || !slices.Equal(got, want) || len(c.rejects) != 1 {
					t.Errorf("%s, %d bytes, window %s: %q, %d rejects, %v, want %q and one", format, n, window, got, len(c.rejects), err, want)
				}
			}
		}
	}
}

// TestOverlongHeader names the setting.
func TestOverlongHeader(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "a.csv")
	write(t, p, "id,"+strings.Repeat("x", 2000)+"\n1,a\n")
	rel := relation(p, "format", "csv", "max_line_bytes", "1KB")
	_, err := open(t, rel, dir, stream.Scan{Bounded: true}, nil).rest()
	rel.Columns = nil
	_, inferred := Connector{}.Inferrer(env(dir)).Infer(t.Context(), rel)
	for _, err := range []error{err, inferred} {
		var e *sqlerr.Error
		if !errors.As(err, &e) || e.Code != sqlerr.ProgramLimitExceeded || !strings.Contains(e.Message, "is longer than max_line_bytes (1024)") || e.Hint == "" {
			t.Errorf("%+v, want 54000", err)
		}
	}
}

// TestNULByte refuses a byte that no text may hold, as PostgreSQL does, in any
// column and whichever way the record is decoded.
func TestNULByte(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "a.csv")
	for _, bad := range []string{"2,a\x00b\n", "2,\"a\x00b\"\n", "2,\x00\n", "2,abcdefgh\x00\x01\n"} {
		write(t, p, "1,a\n"+bad+"3,c\n")
		rel := relation(p, "format", "csv", "has_headers", "false")
		_, err := open(t, rel, dir, stream.Scan{Bounded: true}, nil).rest()
		if e := sqlerr.From(err); e == nil || e.Code != sqlerr.CharacterNotInRepertoire || !strings.Contains(e.Message, `invalid byte sequence for encoding "UTF8": 0x00`) {
			t.Errorf("fail, %q: %v", bad, err)
		}
		c := open(t, rel, dir, stream.Scan{OnReject: stream.Skip}, nil)
		got, err := c.rest()
		if err != nil || len(got) != 2 || len(c.rejects) != 1 || string(c.rejects[0].Raw) != strings.TrimSuffix(bad, "\n") {
			t.Errorf("skip, %q: %q, %+v, %v", bad, got, c.rejects, err)
		}
		got, err = open(t, rel, dir, stream.Scan{OnReject: stream.NullBad}, nil).rest()
		if want := "NULL NULL @4"; err != nil || len(got) != 3 || got[1] != want {
			t.Errorf("null, %q: %q, %v, want %q", bad, got, err, want)
		}
	}
}

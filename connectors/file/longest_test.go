package file

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestLongestRecord: whether a record is too long does not hang on where it lies
// in the window.
func TestLongestRecord(t *testing.T) {
	for _, format := range []string{formatJSON, formatCSV} {
		dir := t.TempDir()
		p := filepath.Join(dir, "a."+format)
		fits, long := `{"id":1,"name":"`+strings.Repeat("x", 1024-19)+"\"}\n", `{"id":2,"name":"`+strings.Repeat("x", 2000)+"\"}\n"
		if format == formatCSV {
			fits, long = "1,"+strings.Repeat("x", 1021)+"\n", "2,"+strings.Repeat("x", 2000)+"\n"
		}
		write(t, p, strings.Repeat(fits+long, 400))
		c := open(t, relation(p, "format", format, "has_headers", "false", "max_line_bytes", "1KB", "buffer_size_bytes", "64KB"), dir, stream.Scan{OnReject: stream.Skip}, nil)
		got, err := c.rest()
		if err != nil || len(got) != 400 || len(c.rejects) != 400 {
			t.Errorf("%s: %d rows and %d rejects, %v, want 400 of each", format, len(got), len(c.rejects), err)
		}
	}
}

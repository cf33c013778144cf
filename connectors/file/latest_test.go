package file

import (
	"path/filepath"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestLatestReadsNewFilesWhole makes a file while a directory is read from its
// latest lines on.
func TestLatestReadsNewFilesWhole(t *testing.T) {
	dir := t.TempDir()
	old, fresh := filepath.Join(dir, "a.json"), filepath.Join(dir, "b.json")
	write(t, old, `{"id":1}`+"\n")
	rel := relation(filepath.Join(dir, "*.json"), "follow", "true")
	c := open(t, rel, dir, stream.Scan{Latest: true}, nil)
	write(t, fresh, `{"id":2}`+"\n")
	if err := c.r.Add(t.Context(), []stream.Position{{Split: stream.Split(fresh)}}); err != nil {
		t.Fatal(err)
	}
	c.want("2 NULL @0")
	extend(t, old, `{"id":3}`+"\n")
	c.want("3 NULL @9")
}

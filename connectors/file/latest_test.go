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

// TestPause: followed files that are left alone are read on where they were; of files
// that are read one after the other all wait.
func TestPause(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.json"), filepath.Join(dir, "b.json")
	write(t, a, `{"id":1}`+"\n")
	write(t, b, `{"id":11}`+"\n")
	for _, follow := range []string{"true", "false"} {
		c := open(t, relation(filepath.Join(dir, "[ab].json"), "follow", follow), dir, stream.Scan{}, nil)
		splits, err := c.src.Splits(t.Context())
		if err != nil || len(splits) != 2 {
			t.Fatalf("splits %v, %v", splits, err)
		}
		r := c.r.(*reader)
		r.Pause(splits[:1])
		if follow == "true" {
			c.want("11 NULL @0")
		}
		r.Wake()
		if rows, err := c.next(); err != nil || len(rows) > 0 {
			t.Fatalf("follow %s, paused and woken: %v, %v", follow, rows, err)
		}
		r.Pause(nil)
		if follow == "true" {
			c.want("1 NULL @0")
		} else {
			c.want("1 NULL @0", "11 NULL @0")
		}
	}
}

package file

import (
	"path/filepath"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestMeasure: places in files are bytes, and their ends are the files' sizes, of those of a
// pattern too; of a compressed one the size is no end.
func TestMeasure(t *testing.T) {
	dir := t.TempDir()
	path, rest := filepath.Join(dir, "a.json"), `{"id":2}`+"\n"
	for _, of := range []string{path, filepath.Join(dir, "*.json")} {
		write(t, path, `{"id":1}`+"\n")
		c := open(t, relation(of, "follow", "true"), dir, stream.Scan{}, nil)
		c.want("1 NULL @0")
		extend(t, path, rest)
		m := c.src.(stream.Measured)
		for split, at := range c.at {
			if place, end, ok := m.Measure(split, at); place != 9 || end != 18 || !ok {
				t.Errorf("%s: place %d, end %d, %v; want 9 of 18", of, place, end, ok)
			}
			if _, _, ok := m.Measure(split, []byte("?")); ok {
				t.Errorf("%s: what is no position was measured", of)
			}
		}
	}
	zipped := relation(path, "compression", "gzip")
	src, err := Connector{}.Source(t.Context(), env(dir), zipped)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if place, end, ok := src.(stream.Measured).Measure(stream.Split(path), position{offset: 7}.encode()); place != 7 || end != -1 || !ok {
		t.Errorf("compressed: place %d, end %d, %v; want 7 and no end", place, end, ok)
	}
}

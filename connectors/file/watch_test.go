package file

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestWatch: files that come to match a pattern are read, each once, also by a start that
// goes on.
func TestWatch(t *testing.T) {
	for _, ext := range []string{"parquet", "avro", "json.gz"} {
		dir := t.TempDir()
		add := func(name string, ids ...int64) {
			t.Helper()
			path := filepath.Join(dir, name+".tmp")
			options := []string{"format", strings.TrimSuffix(ext, ".gz")}
			if ext == "json.gz" {
				options = append(options, "compression", "gzip")
			}
			s := openSink(t, path, stream.SinkOptions{}, options...)
			put(t, s, ids...)
			commit(t, s, 1, prepare(t, s, 1))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path, filepath.Join(dir, name+"."+ext)); err != nil {
				t.Fatal(err)
			}
		}
		rel := relation(filepath.Join(dir, "*."+ext), "follow", "true")
		add("a", 1, 2)
		c := open(t, rel, dir, stream.Scan{}, nil)
		c.poll = true
		read := func(n int) []string {
			t.Helper()
			var got []string
			for range 1000 {
				if len(got) >= n {
					break
				}
				rows, err := c.next()
				if err != nil {
					t.Fatalf("%s: after %v: %v", ext, got, err)
				}
				got = append(got, plain(rows)...)
			}
			return got
		}
		if got := read(2); !slices.Equal(got, []string{"1 n1", "2 n2"}) {
			t.Errorf("%s: %v", ext, got)
		}
		add("b", 3)
		if got := read(1); !slices.Equal(got, []string{"3 n3"}) {
			t.Errorf("%s, a new file: %v", ext, got)
		}
		at := c.at
		add("c", 4)
		c = open(t, rel, dir, stream.Scan{}, at)
		c.poll = true
		if got := read(1); !slices.Equal(got, []string{"4 n4"}) {
			t.Errorf("%s, another start: %v", ext, got)
		}
	}
}

package file

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestFollowedFileIsRemoved removes a file that was read, while nobody reads it,
// and one that was found and not opened yet.
func TestFollowedFileIsRemoved(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.json"), filepath.Join(dir, "b.json")
	write(t, a, `{"id":1}`+"\n")
	write(t, b, `{"id":2}`+"\n")
	rel := relation(filepath.Join(dir, "*.json"), "follow", "true", "on_data_loss", "continue")
	c := open(t, rel, dir, stream.Scan{}, nil)
	c.want("1 NULL @0", "2 NULL @0")
	c.r.Close()
	if err := os.Remove(a); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "c.json"), `{"id":9}`+"\n")
	splits, err := c.src.Splits(t.Context())
	if err != nil || len(splits) != 2 {
		t.Fatalf("%v, %v, want b.json and c.json", splits, err)
	}
	at := maps.Clone(c.at)
	at[splits[1]] = nil
	if err := os.Remove(filepath.Join(dir, "c.json")); err != nil {
		t.Fatal(err)
	}
	again := open(t, rel, dir, stream.Scan{}, at)
	extend(t, b, `{"id":3}`+"\n")
	write(t, a, `{"id":4}`+"\n")
	write(t, filepath.Join(dir, "c.json"), `{"id":5}`+"\n")
	got := again.some(3)
	slices.Sort(got)
	if want := []string{"3 NULL @9", "4 NULL @0", "5 NULL @0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

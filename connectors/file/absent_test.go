package file

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestFollowedFileIsRemoved removes a file that was read, and one that was found
// and not opened yet.
func TestFollowedFileIsRemoved(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.json"), filepath.Join(dir, "b.json")
	write(t, a, `{"id":1}`+"\n")
	write(t, b, `{"id":2}`+"\n")
	rel := relation(filepath.Join(dir, "*.json"), "follow", "true", "on_data_loss", "continue")
	c := open(t, rel, dir, stream.Scan{}, nil)
	c.want("1 NULL @0", "2 NULL @0")
	at := c.at
	if err := os.Remove(a); err != nil {
		t.Fatal(err)
	}
	src := &source{env: env(dir), rel: rel, config: c.r.(*reader).source.config}
	again, err := src.Open(t.Context(), []stream.Position{
		{Split: stream.Split(a), Offset: at[stream.Split(a)]},
		{Split: stream.Split(b), Offset: at[stream.Split(b)]},
		{Split: stream.Split(filepath.Join(dir, "c.json"))},
	}, stream.Scan{Columns: []int{0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	extend(t, b, `{"id":3}`+"\n")
	write(t, a, `{"id":4}`+"\n")
	write(t, filepath.Join(dir, "c.json"), `{"id":5}`+"\n")
	rows := 0
	for rows < 3 {
		got := vec.NewBatch([]types.Type{rel.Columns[0].Type, rel.Columns[1].Type})
		if _, err := again.Read(t.Context(), got); err != nil {
			t.Fatal(err)
		}
		rows += got.Rows
	}
}

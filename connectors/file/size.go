package file

import (
	"os"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// sizedFiles is how many files of a pattern are asked for their size, so that
// planning stays quick; the others are taken to be like them.
const sizedFiles = 64

// inflated is how many bytes one byte of a compressed file is taken for.
const inflated = 5

// Rows guesses from the sizes of the files and the widths of the columns.
func (Connector) Rows(env *stream.Env, rel *catalog.Relation) (float64, bool) {
	c, _, err := read(rel, stream.RoleSource)
	if err != nil || c.follow {
		return 0, false
	}
	files, err := object.Glob(c.path, env.FileRoots)
	if err != nil {
		return 0, false // the statement says why when it reads them
	}
	var bytes float64
	asked := min(len(files), sizedFiles)
	for _, f := range files[:asked] {
		info, err := os.Stat(f)
		if err != nil {
			return 0, false
		}
		size := float64(info.Size())
		if c.codec.For(f) != object.None {
			size *= inflated
		}
		bytes += size
	}
	if asked > 0 {
		bytes *= float64(len(files)) / float64(asked)
	}
	return bytes / rowBytes(rel, c.format), true
}

// rowBytes guesses how long a record is.
func rowBytes(rel *catalog.Relation, format string) float64 {
	n := 1.0
	for _, col := range rel.Columns {
		if len(col.Generated) > 0 {
			continue
		}
		n += valueBytes(col.Type) + 1
		if format == formatJSON {
			n += float64(len(col.Name)) + 4
		}
	}
	return n
}

// valueBytes guesses how long a value's text is.
func valueBytes(t types.Type) float64 {
	switch t.OID {
	case types.Bool, types.Int2:
		return 3
	case types.Int4:
		return 5
	case types.Int8, types.Numeric, types.Float4, types.Float8:
		return 8
	case types.Date:
		return 10
	case types.Timestamp, types.Timestamptz:
		return 24
	case types.UUID:
		return 36
	case types.BPChar, types.Varchar:
		if t.Mod >= 4 {
			return float64(t.Mod-4)/2 + 1 // the modifier is the length and 4
		}
	}
	return 20
}

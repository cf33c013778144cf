package file

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/parquet"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// blocks is a format whose rows are written in blocks, and whose file has a beginning, or
// an end, of its own. What a flush takes lies between two places where the file may be
// cut.
type blocks interface {
	// Add takes a row; one that has no form is the error's, and is not taken.
	Add(b *vec.Batch, row int) error
	// Full reports whether the rows taken make a block.
	Full() bool
	// Pending reports whether rows were taken that no block has.
	Pending() bool
	// Block appends the rows taken to the bytes of a file that has so many. last: the file
	// may be cut behind it.
	Block(dst []byte, length int64, last bool) ([]byte, error)
	// Resume takes up a file that has rows already.
	Resume(ctx context.Context, path string) error
	// Cut forgets the rows taken, and blocks behind a length of the file.
	Cut(length int64)
	Close()
}

// parquetFile writes Parquet: a flush is a row group, the last of an epoch with a footer
// behind it, which names all row groups from the file's beginning on. So a file that was
// cut to what is committed ends in a footer.
type parquetFile struct {
	*parquet.Writer
	footed bool // nothing was written behind the last footer
}

func newParquetFile(env *stream.Env, rel *catalog.Relation, c *config, op bool) (*parquetFile, error) {
	o := c.parquet
	o.Op, o.Labels = op, env.Labels
	w, err := parquet.NewWriter(rel.Columns, o)
	if err != nil {
		return nil, err
	}
	return &parquetFile{Writer: w, footed: true}, nil
}

// Pending is blocks'.
func (w *parquetFile) Pending() bool { return w.Rows() > 0 || !w.footed }

// Block is blocks'.
func (w *parquetFile) Block(dst []byte, length int64, last bool) ([]byte, error) {
	dst, err := w.Group(dst, length)
	if err != nil {
		return dst, err
	}
	if w.footed = last; last {
		dst = w.Footer(dst)
	}
	return dst, nil
}

// Resume is blocks'.
func (w *parquetFile) Resume(ctx context.Context, path string) error {
	in := &parquetInput{path: path}
	defer in.close()
	c := &config{store: object.Local{}, buffer: 64 << 10}
	if err := in.begin(ctx, c); err != nil {
		return err
	}
	f, err := in.footer(c)
	if err == nil {
		err = w.Writer.Resume(f)
	}
	if err != nil {
		return (&source{config: *c}).named(path, err)
	}
	return nil
}

// Cut is blocks'.
func (w *parquetFile) Cut(length int64) {
	w.Writer.Cut(length)
	w.footed = true
}

// pageCodecs are the values of compression of a Parquet file.
var pageCodecs = map[object.Codec]parquet.Codec{
	object.Auto: parquet.Snappy, object.None: parquet.Uncompressed, object.Gzip: parquet.Gzip, object.Zstd: parquet.Zstd, object.Snappy: parquet.Snappy, object.LZ4: parquet.LZ4,
}

// readParquet reads the keys of Parquet. Its pages are compressed, and never the file.
func (c *config) readParquet(v *stream.Values, role stream.Role) {
	if role == stream.RoleSink {
		c.parquet = parquet.ReadSink(v)
	}
	if c.format == formatParquet {
		c.parquet.Codec, c.codec = pageCodecs[c.codec], object.None
	}
}

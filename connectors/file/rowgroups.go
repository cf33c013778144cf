package file

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/parquet"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// rowGroups reads Parquet files, one after the other. A position is a row of a row group.
type rowGroups struct {
	source *source
	scan   stream.Scan
	layout
	bound  []vec.Vec
	files  []*parquetInput
	wake   chan struct{}
	paused []stream.Split
}

// parquetInput is one file.
type parquetInput struct {
	split  stream.Split
	path   string
	number int32
	mtime  int64
	f      object.File
	reader *parquet.Reader
	from   stream.Offset
	ended  bool
	passed bool // nothing of it is read
	empty  bool // it has no byte
}

func (s *source) openRowGroups(ctx context.Context, from []stream.Position, scan stream.Scan) (stream.Reader, error) {
	r := &rowGroups{source: s, scan: scan, wake: make(chan struct{}, 1)}
	if err := r.Add(ctx, from); err != nil {
		return nil, err
	}
	for _, in := range r.files {
		// A file that is complete holds nothing later than what it holds.
		in.passed = in.passed || scan.Latest && !stream.Resumed(from)
	}
	return r, nil
}

// Add takes up files.
func (r *rowGroups) Add(_ context.Context, from []stream.Position) error {
	for _, p := range from {
		path, err := r.source.config.store.Resolve(string(p.Split))
		if err != nil {
			return err
		}
		in := &parquetInput{split: p.Split, path: path, number: int32(len(r.files)), from: p.Offset}
		in.passed = len(p.Offset) == 1 && p.Offset[0] == containerEnd
		r.files = append(r.files, in)
	}
	return nil
}

// Wake makes Read return.
func (r *rowGroups) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Pause is stream.Pauser's: files behind one that is left alone wait with it.
func (r *rowGroups) Pause(splits []stream.Split) { r.paused = splits }

// Ack does nothing: a file keeps no one's position.
func (r *rowGroups) Ack(context.Context, []stream.Position) error { return nil }

func (r *rowGroups) Close() error {
	for _, in := range r.files {
		in.close()
	}
	return nil
}

// Read decodes rows of one file.
func (r *rowGroups) Read(ctx context.Context, b *vec.Batch) (stream.Read, error) {
	b.Reset()
	select {
	case <-r.wake:
		return stream.Read{}, nil
	case <-ctx.Done():
		return stream.Read{}, ctx.Err()
	default:
	}
	if r.source.config.watch {
		r.files = slices.DeleteFunc(r.files, func(in *parquetInput) bool { return in.ended })
	}
	for _, in := range r.files {
		if in.ended {
			continue
		}
		if in.passed {
			in.ended = true
			return stream.Read{Split: in.split, Next: stream.Offset{containerEnd}, CaughtUp: true}, nil
		}
		if slices.Contains(r.paused, in.split) {
			select {
			case <-r.wake:
				return stream.Read{Split: in.split, Next: in.from}, nil
			case <-ctx.Done():
				return stream.Read{}, ctx.Err()
			}
		}
		return r.from(ctx, in, b)
	}
	if r.source.config.watch && !r.scan.Bounded {
		return stream.Read{}, waitFor(ctx, r.wake)
	}
	return stream.Read{}, io.EOF
}

// from reads the next rows of a file.
func (r *rowGroups) from(ctx context.Context, in *parquetInput, b *vec.Batch) (stream.Read, error) {
	read := stream.Read{Split: in.split}
	if in.f == nil {
		if err := r.open(ctx, in); err != nil {
			return r.lost(in, read, "", 0, err)
		}
	}
	if w, ok := in.f.(object.Waiting); ok {
		w.Under(ctx)
	}
	n, from := 0, parquet.Place{}
	var number int64
	err := io.EOF
	if !in.empty {
		for i, k := range r.out {
			r.bound[i] = b.Cols[k]
		}
		n, err = in.reader.Read(r.bound, vec.MaxRows)
		from = in.reader.Place()
		from.Row -= int64(n)
		number = in.reader.Number() - int64(n)
	}
	var damage *parquet.GroupError
	switch {
	case errors.Is(err, io.EOF):
		return r.finish(in, read), nil
	case errors.As(err, &damage):
		return r.lost(in, read, fmt.Sprintf(", row group %d, %d rows from row %d on", damage.Group+1, damage.Lost, damage.Row+1), in.reader.Number()-damage.Lost, damage.Err)
	case err != nil:
		return read, r.source.named(in.path, err)
	}
	numbers, err := r.settle(in, b, n, from, number, &read)
	if err != nil {
		return read, err
	}
	r.fillBeside(b, origin{numbers, in.mtime, in.number, in.path})
	read.Next = in.position()
	in.from = read.Next
	r.source.env.Metrics.RecordsRead.Add(int64(b.Rows))
	return read, nil
}

// settle does with the rows that do not convert what the scan says, and returns the
// numbers of those that stay.
func (r *rowGroups) settle(in *parquetInput, b *vec.Batch, n int, from parquet.Place, number int64, read *stream.Read) ([]int64, error) {
	bad := in.reader.Bad()
	if r.scan.OnReject == stream.NullBad {
		bad = nil
	}
	numbers := make([]int64, 0, n)
	keep := make([]int32, 0, n)
	for row := range n {
		if len(bad) == 0 || bad[0].Row != row {
			numbers, keep = append(numbers, number+int64(row)), append(keep, int32(row))
			continue
		}
		place := fmt.Sprintf("%s, row group %d, row %d", r.source.config.named(in.path), from.Group+1, from.Row+int64(row)+1)
		err := stream.RecordError(r.source.rel, place, bad[0].Err)
		if r.scan.OnReject == stream.Fail {
			if row == 0 {
				return nil, err
			}
			// The rows before it first, then the error.
			for _, v := range r.bound {
				vec.Truncate(v, row)
			}
			b.Rows = row
			return numbers, in.reader.Seek(parquet.Place{Group: from.Group, Row: from.Row + int64(row)})
		}
		r.source.env.Metrics.Rejects.Add(1)
		at := parquetPosition(parquet.Place{Group: from.Group, Row: from.Row + int64(row)})
		read.Rejects = append(read.Rejects, stream.Reject{Position: stream.Position{Split: in.split, Offset: at}, At: number + int64(row), Err: err})
		bad = bad[1:]
	}
	if b.Rows = len(keep); b.Rows < n {
		for i, v := range r.bound {
			all := vec.New(r.decoded()[i].Type)
			vec.CopyRows(all, v, keep)
			v.Reset()
			vec.CopyRows(v, all, nil)
		}
	}
	return numbers, nil
}

// lost is what cannot be read of a file: an error, or, where rows that do not decode are
// passed over, a reject for all of it.
func (r *rowGroups) lost(in *parquetInput, read stream.Read, where string, at int64, err error) (stream.Read, error) {
	switch sqlerr.CodeOf(err) {
	case sqlerr.DataCorrupted, sqlerr.ProgramLimitExceeded, sqlerr.FeatureNotSupported:
	default:
		return read, r.source.named(in.path, err)
	}
	e := *sqlerr.From(err)
	if e.Hint == "" {
		e.Hint = "Write the file again, or leave it out of the path."
	}
	failed := stream.RecordError(r.source.rel, r.source.config.named(in.path)+where, &e)
	if r.scan.OnReject != stream.Skip {
		return read, failed
	}
	r.source.env.Metrics.Rejects.Add(1)
	read.Rejects = append(read.Rejects, stream.Reject{Position: stream.Position{Split: in.split, Offset: in.from}, At: at, Err: failed})
	if in.reader == nil {
		return r.finish(in, read), nil
	}
	read.Next = in.position()
	in.from = read.Next
	return read, nil
}

func (r *rowGroups) finish(in *parquetInput, read stream.Read) stream.Read {
	in.ended, read.CaughtUp = true, true
	switch {
	case r.source.config.store.Whole() || r.source.config.watch:
		read.Next = stream.Offset{containerEnd}
	case in.reader != nil:
		read.Next = in.position()
	default:
		read.Next = in.from
	}
	in.close()
	return read
}

// parquetForm begins the position of a row in a Parquet file.
const parquetForm = 11

func (in *parquetInput) position() stream.Offset { return parquetPosition(in.reader.Place()) }

func parquetPosition(p parquet.Place) stream.Offset {
	b := binary.AppendUvarint([]byte{parquetForm}, uint64(p.Group))
	return binary.AppendUvarint(b, uint64(p.Row))
}

func readParquetPosition(split stream.Split, b stream.Offset) (parquet.Place, error) {
	if b == nil {
		return parquet.Place{}, nil
	}
	if len(b) > 2 && b[0] == parquetForm {
		group, n := binary.Uvarint(b[1:])
		if n > 0 && group < 1<<31 {
			if row, m := binary.Uvarint(b[1+n:]); m > 0 && row < 1<<62 {
				return parquet.Place{Group: int(group), Row: int64(row)}, nil
			}
		}
	}
	return parquet.Place{}, sqlerr.Errorf(sqlerr.DataCorrupted, "the position kept for %q is not one of a Parquet file", string(split))
}

// open opens the file, reads its footer and goes to where reading begins.
func (r *rowGroups) open(ctx context.Context, in *parquetInput) error {
	place, err := readParquetPosition(in.split, in.from)
	if err != nil {
		return err
	}
	config := &r.source.config
	values, err := config.folders.values(r.source.rel, in.path, config.named(in.path))
	if err != nil {
		return err
	}
	if err := in.begin(ctx, config); err != nil {
		return err
	}
	r.layout = newLayout(r.source.rel, &r.scan, values)
	r.bound = make([]vec.Vec, len(r.out))
	if in.empty {
		return nil
	}
	f, err := in.footer(config)
	if err != nil {
		return err
	}
	at := make([]int, len(r.scan.Columns))
	for i := range at {
		at[i] = slices.Index(r.out, i)
	}
	reader, err := parquet.NewReader(f, r.decoded(), parquet.Options{Filters: r.scan.Filters, At: at, Labels: r.source.env.Labels})
	if err != nil {
		return err
	}
	in.reader = reader
	return reader.Seek(place)
}

// begin opens the file.
func (in *parquetInput) begin(ctx context.Context, config *config) error {
	f, err := config.store.Open(ctx, in.path)
	if err != nil {
		return err
	}
	in.f = f
	info, err := f.Stat()
	if err != nil {
		return object.PathError("stat", in.path, err)
	}
	in.empty = info.Size() == 0
	in.mtime = info.ModTime().UnixMicro() + types.UnixEpoch
	return nil
}

func (in *parquetInput) footer(config *config) (*parquet.File, error) {
	info, err := in.f.Stat()
	if err != nil {
		return nil, object.PathError("stat", in.path, err)
	}
	// Elsewhere a read is a request.
	window := 4 * config.buffer
	if config.store.Whole() {
		window = max(window, 8<<20)
	}
	return parquet.Open(in.f, info.Size(), parquet.Settings{Window: window})
}

func (in *parquetInput) close() {
	if in.reader != nil {
		in.reader.Close()
	}
	if in.f != nil {
		in.f.Close()
	}
}

// named is an error of reading a file, with its name.
func (s *source) named(path string, err error) error {
	var own *sqlerr.Error
	if errors.As(err, &own) {
		e := *own
		e.Message = s.config.named(path) + ": " + e.Message
		return &e
	}
	return object.PathError("read", path, err)
}

// inferParquet takes the columns of the first file that has some.
func (i inferrer) inferParquet(ctx context.Context, rel *catalog.Relation, c config, files []string) ([]catalog.Column, error) {
	for _, path := range files {
		columns, err := parquetColumns(ctx, &c, path)
		if err != nil {
			return nil, stream.InferenceError(rel, c.named(path), err)
		}
		if columns != nil {
			return columns, nil
		}
	}
	return nil, sqlerr.Errorf(sqlerr.InvalidTableDefinition, "no %s that matches %q holds columns, so those of the stream cannot be told", c.store.Noun(), c.path).
		WithHint("Write the columns: CREATE STREAM %s (id bigint, ...) WITH (...).", rel.Name)
}

func parquetColumns(ctx context.Context, c *config, path string) ([]catalog.Column, error) {
	in := &parquetInput{path: path}
	defer in.close()
	if err := in.begin(ctx, c); err != nil || in.empty {
		return nil, err
	}
	f, err := in.footer(c)
	if err != nil {
		return nil, err
	}
	return f.Columns()
}

package file

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// pollInterval is how often followed files are looked at while they are quiet.
const pollInterval = 50 * time.Millisecond

type source struct {
	env    *stream.Env
	rel    *catalog.Relation
	config config
	files  registry // where splits are files
}

// Splits lists the files: by their paths, or, where a followed pattern may match
// one file under several, each by what it is. Compressed files that such a
// pattern matches are what rotation made of those that were read.
func (s *source) Splits(ctx context.Context) ([]stream.Split, error) {
	files, err := s.config.store.List(ctx, s.config.path)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 && !s.config.follow && !s.config.watch {
		return nil, sqlerr.Errorf(sqlerr.UndefinedFile, "no %s matches %q", s.config.store.Noun(), s.config.path)
	}
	splits := make([]stream.Split, 0, len(files))
	for _, f := range files {
		if !s.tracked() {
			splits = append(splits, stream.Split(f))
			continue
		}
		if id, _, err := stat(f); err == nil && s.config.codec.For(f) == object.None {
			splits = append(splits, s.files.name(f, id))
		}
	}
	return splits, nil
}

// Close closes what the files lie in, where that is to be closed.
func (s *source) Close() error {
	if c, ok := s.config.store.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

func (s *source) Open(ctx context.Context, from []stream.Position, scan stream.Scan) (stream.Reader, error) {
	if s.config.contained() {
		return s.openContainers(ctx, from, scan)
	}
	if s.config.format == formatParquet {
		return s.openRowGroups(ctx, from, scan)
	}
	r := &reader{source: s, scan: scan, wake: make(chan struct{}, 1)}
	r.place(nil)
	r.wantOffsets = r.wants("_offset")
	if err := r.add(ctx, from, scan.Latest && !stream.Resumed(from)); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// decoder is what the formats' decoders have in common.
type decoder interface {
	Bind(cols []vec.Vec)
	Decode(record []byte) error
	Null()
}

// changing is a decoder of which a record makes any number of rows, two at most.
type changing interface {
	// Rows is how many the last one made.
	Rows() int
	// NullRow appends a row of NULLs.
	NullRow()
}

// made is what the last record came to: rows of a decoder that may be changing.
func made(c changing) int {
	if c == nil {
		return 1
	}
	return c.Rows()
}

type reader struct {
	source *source
	scan   stream.Scan
	layout
	bound []vec.Vec
	// wantOffsets: _offset is read.
	wantOffsets bool

	inputs  []*input
	cur     int
	told    int // the input of which it was said last that it has no more
	decoder decoder
	of      *input // whose header the CSV decoder has
	offsets []int64
	bytes   int64  // read and not yet counted
	spare   []byte // the window of a file that needs none
	wake    chan struct{}
	placed  *input   // whose folders the layout has
	stripes *stripes // of the current input; nil: this goroutine decodes
	paused  []stream.Split
}

// Add takes up files that came to be since the stream is read: all that they
// hold is new.
func (r *reader) Add(ctx context.Context, from []stream.Position) error {
	return r.add(ctx, from, false)
}

// add takes up files. A position without an offset begins the file, or, latest,
// is its end. Followed files are opened at once, others when their turn comes.
func (r *reader) add(ctx context.Context, from []stream.Position, latest bool) error {
	if r.source.tracked() {
		return r.track(ctx, from, latest)
	}
	for _, p := range from {
		path, err := r.source.config.store.Resolve(string(p.Split))
		if err != nil {
			return err
		}
		in := &input{split: p.Split, path: path, number: int32(len(r.inputs)), config: &r.source.config, limit: -1, from: p.Offset, next: p.Offset,
			strict: r.scan.OnReject == stream.Fail}
		if r.source.config.store.Whole() {
			if err := in.whole(latest); err != nil {
				return err
			}
			r.inputs = append(r.inputs, in)
			continue
		}
		if latest && p.Offset == nil {
			if in.from, err = r.latest(ctx, path); err != nil {
				return err
			}
		}
		if r.source.config.follow {
			if err := r.activate(ctx, in); err != nil && !in.absent(err) {
				in.close()
				return err
			}
		}
		r.inputs = append(r.inputs, in)
	}
	return nil
}

// place arranges the scan's columns anew.
func (r *reader) place(values map[int]types.Value) {
	r.layout = newLayout(r.source.rel, &r.scan, values)
	r.bound = make([]vec.Vec, len(r.out))
	r.decoder, r.of = nil, nil
}

// arrange takes the values that the file's folders have.
func (r *reader) arrange(in *input) error {
	if r.placed == in {
		return nil
	}
	values, err := in.config.folders.values(r.source.rel, in.path, in.name())
	if err != nil {
		return err
	}
	if slices.Equal(givenBy(values), r.given) {
		r.layout = newLayout(r.source.rel, &r.scan, values) // the decoder stays: it reads the same columns
	} else {
		r.place(values)
	}
	r.placed = in
	return nil
}

// activate opens the file at the position it was given with.
func (r *reader) activate(ctx context.Context, in *input) error {
	if in.f != nil || in.ended {
		return nil
	}
	if in.label != "" {
		if err := r.find(in); err != nil {
			return err
		}
	} else if in.from == nil {
		if err := in.open(ctx, position{}); err != nil {
			return err
		}
	} else {
		at, err := decodePosition(in.split, in.from)
		if err != nil {
			return err
		}
		if err := in.resume(ctx, at); err != nil {
			return err
		}
	}
	if r.scan.Bounded && r.source.config.follow {
		info, err := in.f.Stat()
		if err != nil {
			return object.PathError("stat", in.path, err)
		}
		in.limit = info.Size()
	}
	return nil
}

// lastLine is the position after the last complete line.
func lastLine(path string) (stream.Offset, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, object.PathError("open", path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, object.PathError("stat", path, err)
	}
	at := position{offset: info.Size(), id: identityOf(info)}
	block := make([]byte, 64<<10)
	for at.offset > 0 {
		n := min(at.offset, int64(len(block)))
		if _, err := f.ReadAt(block[:n], at.offset-n); err != nil {
			return nil, object.PathError("read", path, err)
		}
		if k := bytes.LastIndexByte(block[:n], '\n'); k >= 0 {
			at.offset += int64(k) + 1 - n
			break
		}
		at.offset -= n
	}
	return at.encode(), nil
}

// Wake makes Read return.
func (r *reader) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Pause is stream.Pauser's. Files that are not followed are read one after the
// other: those behind one that is left alone wait with it.
func (r *reader) Pause(splits []stream.Split) { r.paused = splits }

// held reports whether an input is to be left alone.
func (r *reader) held(in *input) bool { return !in.ended && slices.Contains(r.paused, in.split) }

// Read decodes the next rows of one file. Files are read one after the other;
// followed ones in turn, each as far as it goes.
func (r *reader) Read(ctx context.Context, b *vec.Batch) (stream.Read, error) {
	b.Reset()
	select {
	case <-r.wake:
		return stream.Read{}, nil
	case <-ctx.Done():
		return stream.Read{}, ctx.Err()
	default:
	}
	if len(r.inputs) > 0 && !r.source.config.follow && r.held(r.inputs[r.cur]) {
		select {
		case <-r.wake:
			return r.quiet(), nil
		case <-ctx.Done():
			return stream.Read{}, ctx.Err()
		}
	}
	if r.stripes != nil {
		read, over, err := r.striped(ctx, b)
		if err != nil || !over {
			return read, err
		}
	}
	if (r.source.tracked() || r.source.config.watch) && !r.scan.Bounded {
		r.inputs = slices.DeleteFunc(r.inputs, func(in *input) bool { return in.ended })
		r.cur = min(r.cur, max(0, len(r.inputs)-1))
	}
	ended := 0
	for range r.inputs {
		in := r.inputs[r.cur]
		if in.ended {
			ended++
			r.cur = (r.cur + 1) % len(r.inputs)
			continue
		}
		if r.held(in) {
			r.cur = (r.cur + 1) % len(r.inputs)
			continue
		}
		read, err := r.from(ctx, in, b)
		if err != nil {
			return stream.Read{}, err
		}
		if read.CaughtUp {
			r.cur = (r.cur + 1) % len(r.inputs)
		}
		if b.Rows > 0 || len(read.Rejects) > 0 || in.ended {
			return read, nil
		}
	}
	if ended == len(r.inputs) {
		if !r.source.config.follow && !r.source.config.watch || r.scan.Bounded {
			return stream.Read{}, io.EOF
		}
	}
	t := time.NewTimer(pollInterval)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.wake:
	case <-ctx.Done():
		return stream.Read{}, ctx.Err()
	}
	if len(r.inputs) > 0 {
		r.told = (r.told + 1) % len(r.inputs)
		if in := r.inputs[r.told]; r.told != r.cur {
			return stream.Read{Split: in.split, CaughtUp: true}, nil // it has just been looked at
		}
	}
	return r.quiet(), nil
}

// quiet is a read of no rows.
func (r *reader) quiet() stream.Read {
	if len(r.inputs) == 0 {
		return stream.Read{}
	}
	in := r.inputs[r.cur]
	if in.f == nil {
		return stream.Read{Split: in.split, Next: in.next, CaughtUp: in.ended || in.config.follow}
	}
	return stream.Read{Split: in.split, Next: in.position().encode(), CaughtUp: in.eof}
}

// from decodes rows of one file until the batch is full or the file has no more.
func (r *reader) from(ctx context.Context, in *input, b *vec.Batch) (stream.Read, error) {
	if in.passed {
		in.ended = true
		return stream.Read{Split: in.split, Next: in.next, CaughtUp: true}, nil
	}
	if err := r.activate(ctx, in); in.absent(err) {
		return stream.Read{Split: in.split, Next: in.next, CaughtUp: true}, nil
	} else if err != nil {
		return stream.Read{}, err
	}
	if w, ok := in.f.(object.Waiting); ok {
		w.Under(ctx)
	}
	if in.eof && r.source.config.follow {
		if err := r.rotate(ctx, in); err != nil {
			return stream.Read{}, err
		}
	}
	if in.buf == nil {
		in.buf, r.spare = r.spare, nil
	}
	read := stream.Read{Split: in.split}
	if !in.started {
		if ok, err := in.start(); err != nil {
			return read, err
		} else if !ok {
			return r.finish(in, read), nil
		}
	}
	if err := r.arrange(in); err != nil {
		return read, err
	}
	if err := r.prepare(in); err != nil {
		return read, err
	}
	if size, ok := stripeable(in); ok && !r.scan.Raw {
		r.startStripes(ctx, in, size)
		read, _, err := r.striped(ctx, b)
		return read, err
	}
	more, err := r.fill(in, b, &read)
	if err != nil {
		return read, err
	}
	if !more {
		return r.finish(in, read), nil
	}
	read.Next = in.position().encode()
	return read, nil
}

// fill decodes rows into an empty batch. more: it did not stop for want of
// records.
func (r *reader) fill(in *input, b *vec.Batch, read *stream.Read) (more bool, err error) {
	for i, c := range r.out {
		r.bound[i] = b.Cols[c]
	}
	r.decoder.Bind(r.bound)
	r.offsets = r.offsets[:0]
	b.Rows, more, err = r.decode(in, read)
	if err != nil {
		return more, err
	}
	r.fillBeside(b, origin{r.offsets, in.mtime, in.number, in.first()})
	r.source.env.Metrics.RecordsRead.Add(int64(b.Rows))
	r.source.env.Metrics.BytesRead.Add(r.bytes)
	r.bytes = 0
	return more, nil
}

// decode appends up to a batch of records to the bound columns. more: it did not
// stop for want of records.
func (r *reader) decode(in *input, read *stream.Read) (n int, more bool, _ error) {
	// An empty line is no record, but where it may be a NULL of the only column.
	skipBlank := in.config.json() || in.config.format == formatCSV && len(r.source.rel.Columns) > 1
	policy := r.scan.OnReject
	plain := in.config.json() && !in.array
	quick, _ := r.decoder.(*csv.Decoder)
	if r.wantOffsets || r.scan.Raw {
		quick = nil // it does not say where records begin
	}
	changes, _ := r.decoder.(changing)
	most := vec.MaxRows
	if changes != nil {
		most-- // one record may make two
	}
	for n < most && len(read.Rejects) < vec.MaxRows {
		if quick != nil && in.searched == 0 && !in.overlong {
			rows, taken := quick.Lines(in.buf[in.r:in.w], vec.MaxRows-n, in.config.maxLine)
			n, in.r, r.bytes = n+rows, in.r+taken, r.bytes+int64(taken)
			if n == vec.MaxRows {
				break
			}
		}
		var rec []byte
		var ok bool
		var err error
		if plain && in.searched == 0 && !in.overlong {
			// Most lines lie whole in the window.
			if nl := bytes.IndexByte(in.buf[in.r:in.w], '\n'); nl >= 0 && nl <= in.config.maxLine {
				rec, ok = in.buf[in.r:in.r+nl+1], true
				in.r += nl + 1
			}
		}
		if !ok {
			rec, ok, err = in.record()
		}
		at := in.base + int64(in.r) - int64(len(rec))
		var bad *badRecord
		if errors.As(err, &bad) {
			if policy == stream.Fail && n > 0 {
				return n, true, nil // the rows before it first, then the error
			}
			at, rec, err = bad.at, bad.raw, bad.err
		} else if err != nil {
			if !errors.Is(err, errOverlong) {
				return n, false, err
			}
			at = in.skipFrom
			err = sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the record is longer than max_line_bytes (%d)", in.config.maxLine)
		} else if !ok {
			return n, false, nil
		} else {
			r.bytes += int64(len(rec))
			if skipBlank && len(rec) < 8 && blank(rec) {
				continue
			}
			if err = r.decoder.Decode(in.body(rec)); err == nil {
				for range made(changes) {
					n++
					r.keep(in, read, at, rec)
				}
				continue
			}
			if skipBlank && blank(rec) {
				continue
			}
		}
		err = stream.RecordError(r.source.rel, in.place(at), r.noHeader(in, rec, err))
		switch {
		case policy == stream.Fail && n > 0 && len(rec) > 0:
			in.r -= len(rec) // the rows before it first, then the error
			return n, true, nil
		case policy == stream.Fail:
			return n, false, err
		case policy == stream.NullBad:
			if changes != nil {
				changes.NullRow()
			} else {
				r.decoder.Null()
			}
			n++
			r.keep(in, read, at, rec)
			continue
		}
		r.source.env.Metrics.Rejects.Add(1)
		p := in.positionAt(at)
		read.Rejects = append(read.Rejects, stream.Reject{
			Position: stream.Position{Split: in.split, Offset: p.encode()},
			At:       at, Raw: in.raw(rec), Err: err,
		})
	}
	return n, true, nil
}

// noHeader is the error of a record; of the first one of a CSV file, which is no header
// of the columns, with what it may have been.
func (r *reader) noHeader(in *input, rec []byte, err error) error {
	d, ok := r.decoder.(*csv.Decoder)
	if !ok || in.header == nil || in.config.header != "auto" || !bytes.Equal(rec, in.header) {
		return err
	}
	e := *sqlerr.From(err)
	if why := d.NoHeader(rec, r.columns); e.Hint == "" {
		e.Hint = why
	}
	return &e
}

// keep notes where a row's record begins, and the record, where someone asks.
func (r *reader) keep(in *input, read *stream.Read, at int64, rec []byte) {
	if r.wantOffsets {
		r.offsets = append(r.offsets, at)
	}
	if r.scan.Raw {
		read.Raw = append(read.Raw, stream.Record{At: at, Value: in.raw(rec)})
	}
}

// prepare makes the decoder, for CSV a new one for each file: headers differ.
func (r *reader) prepare(in *input) error {
	c := in.config
	if c.format != formatCSV {
		var err error
		if r.decoder == nil {
			r.decoder, err = r.newDecoder()
		}
		return err
	}
	if r.of == in {
		return nil
	}
	o := c.csv
	o.NullBad, o.Labels = r.scan.OnReject == stream.NullBad, r.source.env.Labels
	d := csv.NewDecoder(r.columns, r.cols, o)
	if in.header != nil {
		isHeader := c.header == "true" || d.IsHeader(in.header, r.columns)
		if !isHeader {
			if in.fresh {
				in.r -= len(in.header) // it was the first record
			}
		} else if err := d.Header(in.header); err != nil {
			return stream.RecordError(r.source.rel, in.place(0), err)
		}
	}
	in.fresh = false
	r.decoder, r.of = d, in
	return nil
}

// finish says that the file holds no more, and ends one that will not grow.
func (r *reader) finish(in *input, read stream.Read) stream.Read {
	p := in.position()
	p.done = p.done || in.config.store.Whole()
	read.Next, read.CaughtUp = p.encode(), true
	in.next = read.Next
	if !in.config.follow || in.limit >= 0 {
		in.ended = true
		in.close()
	}
	if in.r == in.w || in.ended {
		in.base += int64(in.w)
		in.r, in.w = 0, 0
		r.spare, in.buf = in.buf, nil
	}
	return read
}

// rotate looks, at the end of a followed file, whether its path names another
// file by now, or a shorter one, and goes on with that from its beginning. What
// is still written to the old one within a second poll is read first.
func (r *reader) rotate(ctx context.Context, in *input) error {
	if in.limit >= 0 {
		return nil
	}
	if in.label != "" {
		return r.settle(in)
	}
	id, size, err := stat(in.path)
	if err != nil {
		return nil //nolint:nilerr // the path names nothing yet: the old file goes on
	}
	if id == in.id {
		in.rotated = 0
		if size < in.base+int64(in.w) {
			r.of = nil
			return in.open(ctx, position{})
		}
		return nil
	}
	if in.rotated++; in.rotated < quietPolls {
		return nil
	}
	r.of = nil
	return in.advance()
}

// Ack does nothing: a file keeps no one's position.
func (r *reader) Ack(context.Context, []stream.Position) error { return nil }

func (r *reader) Close() error {
	r.closeStripes()
	for _, in := range r.inputs {
		in.close()
	}
	return nil
}

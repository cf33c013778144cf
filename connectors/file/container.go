package file

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/avro"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// containers reads Avro container files, one after the other. A position is where a
// block begins, how many of its records were read, and how many records lie before it.
type containers struct {
	source *source
	scan   stream.Scan
	layout
	bound  []vec.Vec
	files  []*container
	wake   chan struct{}
	paused []stream.Split
}

// container is one file.
type container struct {
	split  stream.Split
	path   string
	noun   string // what messages call it
	number int32
	mtime  int64

	f       object.File
	header  avro.Header
	decoder blockDecoder
	changes changing // decoder, where it is one
	window  []byte   // of the file, from byte offset on
	offset  int64    // of the block in hand
	size    int      // bytes that it takes
	block   []byte   // its records; nil: none is in hand
	room    []byte   // for the next one
	next    int      // in block
	left    int64    // records of it
	done    int64    // records read of it
	before  int64    // records of the blocks before it
	broken  bool     // where the next of its records begins cannot be told
	from    stream.Offset
	fault   error // what reading on fails of
	ended   bool
	dropped bool // it ended where it is damaged
	passed  bool // nothing of it is read
}

// blockDecoder decodes records that lie one behind the other, and say themselves where
// they end.
type blockDecoder interface {
	Bind(cols []vec.Vec)
	// DecodeNext appends the record that begins at b[i] and returns where it ends;
	// negative: that is not known.
	DecodeNext(b []byte, i int) (next int, err error)
	// Pass returns where it ends.
	Pass(b []byte, i int) (next int, err error)
	Null()
}

func (s *source) openContainers(ctx context.Context, from []stream.Position, scan stream.Scan) (stream.Reader, error) {
	r := &containers{source: s, scan: scan, wake: make(chan struct{}, 1)}
	r.layout = newLayout(s.rel, &scan, nil)
	if err := r.Add(ctx, from); err != nil {
		return nil, err
	}
	for _, c := range r.files {
		// A file that is complete holds nothing later than what it holds.
		if latest := scan.Latest && !stream.Resumed(from); s.config.store.Whole() {
			c.passed = c.passed || latest
		} else {
			c.ended = latest
		}
	}
	return r, nil
}

// Add takes up files.
func (r *containers) Add(_ context.Context, from []stream.Position) error {
	for _, p := range from {
		path, err := r.source.config.store.Resolve(string(p.Split))
		if err != nil {
			return err
		}
		c := &container{split: p.Split, path: path, number: int32(len(r.files)), from: p.Offset}
		c.passed = len(p.Offset) == 1 && p.Offset[0] == containerEnd
		r.files = append(r.files, c)
	}
	return nil
}

// Wake makes Read return.
func (r *containers) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Pause is stream.Pauser's: files behind one that is left alone wait with it.
func (r *containers) Pause(splits []stream.Split) { r.paused = splits }

// Ack does nothing: a file keeps no one's position.
func (r *containers) Ack(context.Context, []stream.Position) error { return nil }

func (r *containers) Close() error {
	for _, c := range r.files {
		c.close()
	}
	return nil
}

// Read decodes records of one file.
func (r *containers) Read(ctx context.Context, b *vec.Batch) (stream.Read, error) {
	b.Reset()
	select {
	case <-r.wake:
		return stream.Read{}, nil
	default:
	}
	if r.source.config.watch {
		r.files = slices.DeleteFunc(r.files, func(c *container) bool { return c.ended })
	}
	for _, c := range r.files {
		if c.ended {
			continue
		}
		if c.passed {
			c.ended = true
			return stream.Read{Split: c.split, Next: stream.Offset{containerEnd}, CaughtUp: true}, nil
		}
		if slices.Contains(r.paused, c.split) {
			select {
			case <-r.wake:
				return stream.Read{Split: c.split, Next: c.from}, nil
			case <-ctx.Done():
				return stream.Read{}, ctx.Err()
			}
		}
		return r.from(ctx, c, b)
	}
	if r.source.config.watch && !r.scan.Bounded {
		return stream.Read{}, waitFor(ctx, r.wake)
	}
	return stream.Read{}, io.EOF
}

// waitFor waits for the next look at files that come to be.
func waitFor(ctx context.Context, wake <-chan struct{}) error {
	t := time.NewTimer(pollInterval)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func (r *containers) from(ctx context.Context, c *container, b *vec.Batch) (stream.Read, error) {
	read := stream.Read{Split: c.split}
	err := c.fault
	if c.f == nil && err == nil {
		if err = c.open(ctx, r); err != nil {
			c.close()
			c.f = nil
		}
	}
	if err != nil {
		if err = r.lost(c, &read, err); err != nil {
			return read, err
		}
		return r.finish(c, read), nil
	}
	if w, ok := c.f.(object.Waiting); ok {
		w.Under(ctx)
	}
	for i, k := range r.out {
		r.bound[i] = b.Cols[k]
	}
	c.decoder.Bind(r.bound)
	most := vec.MaxRows
	if c.changes != nil {
		most-- // one record may make two
	}
	var offsets []int64
	for b.Rows < most && len(read.Rejects) < vec.MaxRows && !c.ended {
		var err error
		switch {
		case c.left > 0:
			offsets, err = r.next(c, b, &read, offsets)
		case ctx.Err() != nil:
			return read, ctx.Err()
		default:
			more := false
			if more, err = c.advance(); err == nil && !more {
				c.ended, read.CaughtUp = true, true
			}
		}
		if err != nil && b.Rows > 0 && r.scan.OnReject != stream.Skip {
			c.fault = err // the rows before it first, then the error
			break
		}
		if err = r.lost(c, &read, err); err != nil {
			return read, err
		}
	}
	r.fillBeside(b, origin{offsets, c.mtime, c.number, c.path})
	r.source.env.Metrics.RecordsRead.Add(int64(b.Rows))
	return r.finish(c, read), nil
}

// finish says where reading stands, and closes a file that has ended.
func (r *containers) finish(c *container, read stream.Read) stream.Read {
	read.Next = c.position()
	if c.ended && (c.dropped || r.source.config.store.Whole()) {
		read.Next = stream.Offset{containerEnd}
	}
	c.from = read.Next
	if c.ended {
		c.close()
	}
	return read
}

// next takes a record of the block in hand, and adds its place to those of the rows.
func (r *containers) next(c *container, b *vec.Batch, read *stream.Read, offsets []int64) ([]int64, error) {
	number := c.before + c.done
	if c.broken {
		// Only where what does not decode is NULL: so are the records that are left.
		if c.changes != nil {
			c.changes.NullRow()
		} else {
			c.decoder.Null()
		}
		b.Rows++
		c.done, c.left = c.done+1, c.left-1
		return append(offsets, number), nil
	}
	next, err := c.decoder.DecodeNext(c.block, c.next)
	if err == nil {
		n := made(c.changes)
		b.Rows += n
		for range n {
			offsets = append(offsets, number)
		}
	} else {
		place := fmt.Sprintf("%s %q, record %d of the block at byte %d", c.noun, c.path, c.done+1, c.offset)
		err = stream.RecordError(r.source.rel, place, err)
		switch {
		case r.scan.OnReject == stream.Fail:
			return offsets, err
		case next < 0 && r.scan.OnReject == stream.NullBad:
			c.broken = true
			return offsets, nil
		case next < 0:
			// The rest of the block is one reject, and the next block is known.
			e := *sqlerr.From(err)
			e.Detail = strings.TrimSpace(fmt.Sprintf("%s With it the %d records that are left of the block are lost, as nothing says where they begin.", e.Detail, c.left))
			err = &e
			next = len(c.block)
			c.done, c.left = c.done+c.left-1, 1
		}
		r.reject(c, read, number, c.block[c.next:next], err)
	}
	c.next = next
	c.done++
	if c.left--; c.left > 0 || c.next == len(c.block) {
		return offsets, nil
	}
	d := c.damaged(errTrailing)
	switch r.scan.OnReject {
	case stream.Fail:
		return offsets, d
	case stream.Skip:
		r.reject(c, read, number, c.block[c.next:], stream.RecordError(r.source.rel, d.place, d.cause))
	}
	return offsets, nil
}

// reject passes over what does not decode.
func (r *containers) reject(c *container, read *stream.Read, at int64, raw []byte, err error) {
	r.source.env.Metrics.Rejects.Add(1)
	read.Rejects = append(read.Rejects, stream.Reject{
		Position: stream.Position{Split: c.split, Offset: c.position()}, At: at, Raw: slices.Clone(raw), Err: err,
	})
}

// lost is the error of a file that cannot be read on; nil where it is damaged, and what is
// bad is passed over: then the rest of it is.
func (r *containers) lost(c *container, read *stream.Read, err error) error {
	var d *damage
	if !errors.As(err, &d) {
		return err
	}
	failed := stream.RecordError(r.source.rel, d.place, d.cause)
	if r.scan.OnReject != stream.Skip {
		return failed
	}
	failed.Detail = strings.TrimSpace(failed.Detail + " With it the rest of the " + c.noun + " is lost.")
	r.reject(c, read, c.before+c.done, nil, failed)
	c.ended, c.dropped, read.CaughtUp = true, true, true
	return nil
}

// position names the version of its own form, the block's byte and the records read.
func (c *container) position() stream.Offset {
	b := []byte{containerNumbered}
	for _, x := range []int64{c.offset, c.done, c.before} {
		b = binary.AppendUvarint(b, uint64(x))
	}
	return b
}

// Positions begin with the number of their form: a place, or the end of a file that
// does not change. Those of containerPosition do not have the number of records before
// their block; they are read for ever and not written.
const (
	containerPosition = 9
	containerEnd      = 10
	containerNumbered = 12
)

// readContainerPosition reads where a block begins, how many records of it were read, and
// how many lie before it; before is -1 where it is not said.
func readContainerPosition(split stream.Split, b stream.Offset) (at, done, before int64, err error) {
	bad := sqlerr.Errorf(sqlerr.DataCorrupted, "the position kept for %q is not one of an Avro file", string(split))
	to := []*int64{&at, &done, &before}
	switch {
	case len(b) > 0 && b[0] == containerNumbered:
	case len(b) > 0 && b[0] == containerPosition:
		to, before = to[:2], -1
	default:
		return 0, 0, 0, bad
	}
	b = b[1:]
	for _, x := range to {
		u, n := binary.Uvarint(b)
		if n <= 0 || u > 1<<62 {
			return 0, 0, 0, bad
		}
		*x, b = int64(u), b[n:]
	}
	return at, done, before, nil
}

// open opens the file, reads its header and goes to where reading begins.
func (c *container) open(ctx context.Context, r *containers) error {
	h, err := c.begin(ctx, r.source.config)
	if err != nil {
		return err
	}
	c.header = h
	o := avro.Options{Writers: []*avro.Schema{h.Schema}, NullBad: r.scan.OnReject == stream.NullBad, Labels: r.source.env.Labels}
	values, err := r.source.config.folders.values(r.source.rel, c.path, r.source.config.named(c.path))
	if err != nil {
		return err
	}
	r.layout = newLayout(r.source.rel, &r.scan, values)
	r.bound = make([]vec.Vec, len(r.out))
	if o.Schema, _, err = r.source.config.avro.Load(r.source.config.reading(r.source.env)); err != nil {
		return err
	}
	if err := c.decodes(r, o); err != nil {
		return sqlerr.Errorf(sqlerr.CodeOf(err), "%s %q: %w", c.noun, c.path, err)
	}
	c.offset, c.before, c.size = int64(h.Size), 0, 0
	if c.from == nil {
		return nil
	}
	at, done, before, err := readContainerPosition(c.split, c.from)
	if err == nil && at < c.offset {
		err = sqlerr.Errorf(sqlerr.DataCorrupted, "the position kept for %q lies in the header of the file", string(c.split))
	}
	if err == nil && before < 0 {
		before, err = c.count(at)
	}
	if err != nil {
		return err
	}
	c.offset, c.before, c.window, c.size = at, before, nil, 0
	if _, err := c.f.Seek(c.offset, io.SeekStart); err != nil {
		return object.PathError("seek in", c.path, err)
	}
	if done == 0 {
		return nil
	}
	more, err := c.advance()
	if err == nil && (!more || done > c.left) {
		err = c.damaged(sqlerr.Errorf(sqlerr.DataCorrupted, "it ends before record %d of the block at byte %d, up to which it has been read", done, at))
	}
	for ; err == nil && c.done < done; c.done++ {
		c.left--
		if c.next, err = c.decoder.Pass(c.block, c.next); err != nil && r.scan.OnReject != stream.Fail {
			// It was met before, and passed over with what is left of the block.
			c.left, c.done = c.left+c.done+1-done, done-1
			c.next, c.broken, err = len(c.block), true, nil
		}
	}
	if err == nil && c.left == 0 && c.next != len(c.block) && r.scan.OnReject == stream.Fail {
		err = c.damaged(errTrailing)
	}
	return err
}

// decodes makes the decoder of the file's records.
func (c *container) decodes(r *containers, o avro.Options) error {
	if r.source.config.format == formatDebeziumAvro {
		d, err := avro.NewChanges(r.decoded(), r.source.rel.Key, o)
		c.decoder, c.changes = d, d
		return err
	}
	d, err := avro.NewDecoder(r.decoded(), o)
	c.decoder = d
	return err
}

// count is how many records lie before the block at a byte.
func (c *container) count(at int64) (int64, error) {
	for {
		more, err := c.advance()
		if err != nil || !more || c.offset >= at {
			n := c.before
			c.left, c.done, c.block = 0, 0, nil
			return n, err
		}
		c.done, c.left = c.left, 0
	}
}

// begin opens the file and reads its header.
func (c *container) begin(ctx context.Context, config config) (avro.Header, error) {
	var h avro.Header
	f, err := config.store.Open(ctx, c.path)
	if err != nil {
		return h, err
	}
	c.noun = config.store.Noun()
	c.f = f
	info, err := f.Stat()
	if err != nil {
		return h, object.PathError("stat", c.path, err)
	}
	c.mtime = info.ModTime().UnixMicro() + types.UnixEpoch
	for {
		n, err := c.more(config.buffer)
		if err != nil {
			return h, err
		}
		h, more, err := avro.ReadHeader(c.window)
		if err == nil && !more {
			c.window = c.window[h.Size:]
			return h, nil
		}
		if n == 0 && err == nil {
			err = sqlerr.Errorf(sqlerr.DataCorrupted, "it ends in its header")
		}
		if n == 0 || !more {
			return h, c.damaged(err)
		}
	}
}

// more reads on, n bytes or what is left.
func (c *container) more(n int) (int, error) {
	at := len(c.window)
	c.window = slices.Grow(c.window, n)[:at+n]
	got, err := io.ReadFull(c.f, c.window[at:])
	c.window = c.window[:at+got]
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return got, object.PathError("read", c.path, err)
	}
	return got, nil
}

// advance takes the next block. false: the file has ended.
func (c *container) advance() (bool, error) {
	c.window, c.offset, c.before = c.window[min(c.size, len(c.window)):], c.offset+int64(c.size), c.before+c.done
	if c.block != nil {
		c.room = c.block[:0]
	}
	c.size, c.block, c.next, c.left, c.done, c.broken = 0, nil, 0, 0, 0, false
	for {
		if len(c.window) > 0 {
			block, more, need, err := c.header.Block(c.window, c.room)
			if err != nil {
				return false, c.damaged(err)
			}
			if !more {
				c.size, c.block, c.left = block.Size, block.Data, block.Records
				if c.left == 0 && len(c.block) > 0 {
					return false, c.damaged(sqlerr.Errorf(sqlerr.DataCorrupted, "a block of no records is not empty"))
				}
				return true, nil
			}
			// A length may be wrong: there is room for as much again as has come.
			n := min(max(need-len(c.window), 64<<10), max(len(c.window), 1<<20))
			if got, err := c.more(n); err != nil || got > 0 {
				if err != nil {
					return false, err
				}
				continue
			}
			return false, c.damaged(sqlerr.Errorf(sqlerr.DataCorrupted, "it ends in the block at byte %d", c.offset))
		}
		if got, err := c.more(64 << 10); err != nil || got == 0 {
			return false, err
		}
	}
}

// errTrailing is that of a block with bytes behind its records.
var errTrailing = sqlerr.Errorf(sqlerr.DataCorrupted, "a block is longer than its records")

// damage is the error of a file that is not what it should be.
type damage struct {
	place string
	cause *sqlerr.Error // without the place
	whole *sqlerr.Error
}

func (d *damage) Error() string { return d.whole.Error() }
func (d *damage) Unwrap() error { return d.whole }

// damaged is such an error, of the block in hand.
func (c *container) damaged(err error) *damage {
	e := *sqlerr.From(err)
	if e.Detail != "" {
		e.Message += ": " + e.Detail
	}
	d := &damage{place: fmt.Sprintf("%s %q, the block at byte %d", c.noun, c.path, c.offset)}
	d.cause = sqlerr.Errorf(e.Code, "%s", e.Message).WithHint("Write the %s again, or leave it out of the path.", c.noun)
	whole := *d.cause
	d.whole, whole.Message = &whole, d.place+": "+e.Message
	return d
}

func (c *container) close() {
	if c.f != nil {
		c.f.Close()
	}
	c.window, c.block, c.room = nil, nil, nil
}

// inferAvro takes the columns of avro.schema, else of the first file's schema.
func (i inferrer) inferAvro(ctx context.Context, c config, files []string) ([]catalog.Column, error) {
	reader, _, err := c.avro.Load(c.reading(i.env))
	if err != nil {
		return nil, err
	}
	if reader == nil {
		if len(files) == 0 {
			return nil, sqlerr.Errorf(sqlerr.InvalidTableDefinition, "no %s matches %q, so its columns cannot be told", c.store.Noun(), c.path).
				WithHint("Set avro.schema, or write the columns.")
		}
		first := &container{path: files[0]}
		defer first.close()
		h, err := first.begin(ctx, c)
		if err != nil {
			return nil, err
		}
		reader = h.Schema
	}
	return reader.Columns(c.avro.Nested == "columns")
}

// reading reads files that options name.
func (c *config) reading(env *stream.Env) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		p, err := object.Resolve(path, env.FileRoots)
		if err != nil {
			return nil, err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return nil, object.PathError("read", p, err)
		}
		return b, nil
	}
}

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
// block begins, and how many of its records were read.
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
	decoder *avro.Decoder
	window  []byte // of the file, from byte offset on
	offset  int64  // of the block in hand
	size    int    // bytes that it takes
	block   []byte // its records; nil: none is in hand
	room    []byte // for the next one
	next    int    // in block
	left    int64  // records of it
	done    int64  // records read of it
	broken  bool   // where the next of its records begins cannot be told
	from    stream.Offset
	ended   bool
	passed  bool // nothing of it is read
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
	if c.f == nil {
		if err := c.open(ctx, r); err != nil {
			return stream.Read{}, err
		}
	}
	if w, ok := c.f.(object.Waiting); ok {
		w.Under(ctx)
	}
	for i, k := range r.out {
		r.bound[i] = b.Cols[k]
	}
	c.decoder.Bind(r.bound)
	read := stream.Read{Split: c.split}
	var offsets []int64
	for b.Rows < vec.MaxRows && len(read.Rejects) < vec.MaxRows {
		if c.left == 0 {
			if err := ctx.Err(); err != nil {
				return read, err
			}
			more, err := c.advance()
			if err != nil {
				return read, err
			}
			if !more {
				c.ended, read.CaughtUp = true, true
				break
			}
			continue
		}
		if c.broken {
			// Only where what does not decode is NULL: so are the records that are left.
			c.decoder.Null()
			b.Rows++
			offsets = append(offsets, c.offset)
			c.done, c.left = c.done+1, c.left-1
			continue
		}
		next, err := c.decoder.DecodeNext(c.block, c.next)
		if err != nil {
			if r.scan.OnReject == stream.Fail && b.Rows > 0 {
				break // the rows before it first, then the error
			}
			place := fmt.Sprintf("%s %q, record %d of the block at byte %d", c.noun, c.path, c.done+1, c.offset)
			err = stream.RecordError(r.source.rel, place, err)
			if r.scan.OnReject == stream.Fail {
				return read, err
			}
			if next < 0 {
				if r.scan.OnReject == stream.NullBad {
					c.broken = true
					continue
				}
				// The rest of the block is one reject, and the next block is known.
				e := *sqlerr.From(err)
				e.Detail = strings.TrimSpace(fmt.Sprintf("%s With it the %d records that are left of the block are lost, as nothing says where they begin.", e.Detail, c.left))
				err = &e
				next = len(c.block)
				c.done, c.left = c.done+c.left-1, 1
			}
			r.source.env.Metrics.Rejects.Add(1)
			read.Rejects = append(read.Rejects, stream.Reject{
				Position: stream.Position{Split: c.split, Offset: c.position()}, At: c.offset, Raw: slices.Clone(c.block[c.next:next]), Err: err,
			})
		} else {
			b.Rows++
			offsets = append(offsets, c.offset)
		}
		c.next = next
		c.done++
		if c.left--; c.left == 0 && c.next != len(c.block) {
			err := c.damaged(sqlerr.Errorf(sqlerr.DataCorrupted, "a block is longer than its records"))
			switch r.scan.OnReject {
			case stream.Fail:
				return read, err
			case stream.Skip:
				r.source.env.Metrics.Rejects.Add(1)
				read.Rejects = append(read.Rejects, stream.Reject{
					Position: stream.Position{Split: c.split, Offset: c.position()}, At: c.offset, Raw: slices.Clone(c.block[c.next:]), Err: err,
				})
			}
		}
	}
	r.fill(c, b, offsets)
	read.Next = c.position()
	if c.ended && r.source.config.store.Whole() {
		read.Next = stream.Offset{containerEnd}
	}
	c.from = read.Next
	r.source.env.Metrics.RecordsRead.Add(int64(b.Rows))
	if c.ended {
		c.close()
	}
	return read, nil
}

func (r *containers) fill(c *container, b *vec.Batch, offsets []int64) {
	for _, h := range r.hidden {
		for i := range b.Rows {
			switch v := b.Cols[h.out].(type) {
			case *vec.Fixed[int64]:
				if h.name == "_offset" {
					v.Append(offsets[i])
				} else {
					v.Append(c.mtime)
				}
			case *vec.Fixed[int32]:
				v.Append(c.number)
			case *vec.Bytes:
				v.AppendNull()
			}
		}
	}
	r.fillFolders(b)
}

// position names the version of its own form, the block's byte and the records read.
func (c *container) position() stream.Offset {
	b := binary.AppendUvarint([]byte{containerPosition}, uint64(c.offset))
	return binary.AppendUvarint(b, uint64(c.done))
}

// Positions begin with the number of their form: a place, or the end of a file that
// does not change.
const (
	containerPosition = 9
	containerEnd      = 10
)

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
	if c.decoder, err = avro.NewDecoder(r.decoded(), o); err != nil {
		return sqlerr.Errorf(sqlerr.CodeOf(err), "%s %q: %w", c.noun, c.path, err)
	}
	c.offset = int64(h.Size)
	if c.from == nil {
		return nil
	}
	at, n := uint64(0), 0
	if len(c.from) > 1 && c.from[0] == containerPosition {
		at, n = binary.Uvarint(c.from[1:])
	}
	done, m := binary.Uvarint(c.from[min(1+max(n, 0), len(c.from)):])
	if n <= 0 || m <= 0 || at < uint64(h.Size) || at > 1<<62 {
		return sqlerr.Errorf(sqlerr.DataCorrupted, "the position kept for %q is not one of an Avro file", c.split)
	}
	c.offset, c.window = int64(at), nil
	if _, err := c.f.Seek(c.offset, io.SeekStart); err != nil {
		return object.PathError("seek in", c.path, err)
	}
	if done == 0 {
		return nil
	}
	more, err := c.advance()
	if err == nil && (!more || int64(done) > c.left) {
		err = c.damaged(sqlerr.Errorf(sqlerr.DataCorrupted, "it ends before record %d of the block at byte %d, up to which it has been read", done, at))
	}
	for ; err == nil && c.done < int64(done); c.done++ {
		c.left--
		if c.next, err = c.decoder.Pass(c.block, c.next); err != nil && r.scan.OnReject != stream.Fail {
			// It was met before, and passed over with what is left of the block.
			c.left, c.done = c.left+c.done+1-int64(done), int64(done)-1
			c.next, c.broken, err = len(c.block), true, nil
		}
	}
	return err
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
	c.window, c.offset = c.window[min(c.size, len(c.window)):], c.offset+int64(c.size)
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

// damaged is the error of a file that is not what it should be.
func (c *container) damaged(err error) error {
	e := *sqlerr.From(err)
	if e.Detail != "" {
		e.Message += ": " + e.Detail
	}
	return sqlerr.Errorf(e.Code, "%s %q, the block at byte %d: %s", c.noun, c.path, c.offset, e.Message).
		WithHint("Write the %s again, or leave it out of the path.", c.noun)
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

package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

const (
	// stripeBytes is how much of a file is decoded by one goroutine in one go: a
	// few batches, which still lie in a processor's cache.
	stripeBytes = 512 << 10
	// stripesFrom is how far a file is read before it is decoded in stripes: most
	// statements that do not want all of it have ended by then.
	stripesFrom = 2 << 20
	// mostWorkers is how many goroutines decode one file at most. Past it the
	// query's own goroutine is what everyone waits for.
	mostWorkers = 4
)

// stripes decode one file on several goroutines: one cuts it where records end,
// some decode what lies between, and the reader's takes the rows in the file's
// order. It is started for a file of lines or messages, uncompressed and not followed, and
// leaves the file's end, and what it cannot cut, to the reader.
type stripes struct {
	file object.File
	in   *input // what all stripes have in common; it does not change meanwhile

	free  chan *stripe // those that hold nothing; there is room for all
	work  chan *stripe // cut and not yet taken up, likewise
	order chan *stripe // the same ones in the file's order; closed at the end
	end   int64        // where the cutting stopped, once order is closed
	err   error        // and why, where it is an error

	cur  *stripe // whose rows are being taken
	at   int     // the next of its batches
	stop context.CancelFunc
	wait sync.WaitGroup
}

// stripe is a part of the file that begins and ends with records.
type stripe struct {
	base  int64
	buf   []byte
	n     int // bytes of buf
	done  chan struct{}
	parts []part
	used  int   // parts that hold rows
	err   error // after them
	panic any   // what the decoding goroutine panicked with
}

// part is one batch of a stripe.
type part struct {
	batch *vec.Batch
	read  stream.Read
	next  int64 // where the record after it begins
}

// stripeable reports whether the rest of the file is worth decoding in stripes,
// and the file's size. It is weighed once, when enough of the file has been read.
func stripeable(in *input) (size int64, ok bool) {
	at := in.base + int64(in.r)
	if in.weighed || at < stripesFrom {
		return 0, false
	}
	in.weighed = true
	if in.config.follow || in.config.store.Whole() || !in.direct() || in.array || in.limit >= 0 || in.overlong || in.config.soleMessage() || runtime.GOMAXPROCS(0) < 2 {
		return 0, false
	}
	info, err := in.f.Stat()
	if err != nil {
		return 0, false // the next read will say it
	}
	return info.Size(), info.Size()-at > 4*stripeBytes
}

// startStripes begins at the input's position, and gives its window back.
func (r *reader) startStripes(ctx context.Context, in *input, size int64) {
	in.base += int64(in.r)
	in.r, in.w, in.searched, in.quoted = 0, 0, 0, false
	r.spare, in.buf = in.buf, nil
	workers := min(runtime.GOMAXPROCS(0), mostWorkers)
	all := workers + 2 // one that is cut and one that is taken
	// They outlive this Read, and end with Close.
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &stripes{file: in.f, in: in, stop: stop,
		free: make(chan *stripe, all), work: make(chan *stripe, all), order: make(chan *stripe, all)}
	for range all {
		s.free <- &stripe{}
	}
	begin := in.base
	in.position() // takes the fingerprint, which the stripes have in common
	s.wait.Go(func() { s.cut(ctx, begin, size) })
	for range workers {
		sub, lines := r.sibling(in)
		s.wait.Go(func() { s.decode(ctx, sub, lines) })
	}
	r.stripes = s
}

// sibling returns a reader and an input like those given, for another goroutine.
func (r *reader) sibling(in *input) (*reader, *input) {
	sub := &reader{source: r.source, scan: r.scan, layout: r.layout, wantOffsets: r.wantOffsets}
	sub.bound = make([]vec.Vec, len(r.out))
	lines := &input{split: in.split, path: in.path, number: in.number, config: in.config, codec: in.codec, id: in.id, mtime: in.mtime,
		header: in.header, started: true, head: in.head, strict: in.strict}
	return sub, lines
}

// cut reads stripes in order until less than one is left.
func (s *stripes) cut(ctx context.Context, at, size int64) {
	defer close(s.work)
	defer close(s.order)
	for s.end = at; size-s.end > stripeBytes; {
		var p *stripe
		select {
		case p = <-s.free:
		case <-ctx.Done():
			return
		}
		if p.buf == nil {
			p.buf = make([]byte, stripeBytes)
		}
		n, err := s.file.ReadAt(p.buf[:stripeBytes], s.end)
		if err != nil && !errors.Is(err, io.EOF) {
			s.err = object.PathError("read", s.in.path, err)
			return
		}
		if p.n = s.in.lastEnd(p.buf[:n]); p.n == 0 {
			return // a record longer than a stripe, or a file cut short
		}
		p.base, p.used, p.err, p.done = s.end, 0, nil, make(chan struct{})
		s.end += int64(p.n)
		s.order <- p
		s.work <- p
	}
}

// lastEnd is the index after the last record of b, which begins with one; 0: it
// holds no whole one.
func (in *input) lastEnd(b []byte) int {
	switch in.config.format {
	case formatCSV:
	case formatProtobuf:
		return lastMessages(b)
	default:
		return bytes.LastIndexByte(b, '\n') + 1
	}
	quote := []byte{in.config.csv.Quote}
	quotes := bytes.Count(b, quote)
	for {
		nl := bytes.LastIndexByte(b, '\n')
		if nl < 0 {
			return 0
		}
		if quotes > 0 {
			quotes -= bytes.Count(b[nl:], quote)
		}
		if quotes&1 == 0 {
			return nl + 1
		}
		b = b[:nl]
	}
}

// decode decodes stripes as they come.
func (s *stripes) decode(ctx context.Context, r *reader, in *input) {
	for p := range s.work {
		if p.err = ctx.Err(); p.err == nil {
			p.decode(r, in)
		}
		close(p.done)
	}
}

// decode fills the stripe's parts. A panic is kept for the goroutine that reads.
func (p *stripe) decode(r *reader, in *input) {
	defer func() {
		if x := recover(); x != nil {
			p.panic = fmt.Sprintf("%v\n%s", x, debug.Stack())
		}
	}()
	in.base, in.buf, in.r, in.w, in.limit = p.base, p.buf, 0, p.n, p.base+int64(p.n)
	in.eof, in.searched, in.quoted = false, 0, false
	if p.err = r.prepare(in); p.err != nil {
		return
	}
	for more := true; more; {
		if p.used == len(p.parts) {
			p.parts = append(p.parts, part{batch: vec.NewBatch(r.types())})
		}
		t := &p.parts[p.used]
		t.batch.Reset()
		t.read = stream.Read{Split: in.split}
		if more, p.err = r.fill(in, t.batch, &t.read); p.err != nil {
			return
		}
		t.next = in.base + int64(in.r)
		t.read.Next = in.positionAt(t.next).encode()
		p.used++
	}
}

// types are those of the scan's columns.
func (r *reader) types() []types.Type {
	all := r.source.rel.AllColumns()
	ts := make([]types.Type, len(r.scan.Columns))
	for i, c := range r.scan.Columns {
		ts[i] = all[c].Type
	}
	return ts
}

// striped takes the next rows of the stripes. over: there are no more of them,
// and the input stands where they end.
func (r *reader) striped(ctx context.Context, b *vec.Batch) (read stream.Read, over bool, err error) {
	s := r.stripes
	for {
		if s.cur == nil {
			select {
			case p, ok := <-s.order:
				if !ok {
					return r.endStripes(ctx)
				}
				s.cur, s.at = p, 0
			case <-r.wake:
				return r.quiet(), false, nil
			case <-ctx.Done():
				return read, false, ctx.Err()
			}
		}
		select {
		case <-s.cur.done:
		case <-r.wake:
			return r.quiet(), false, nil
		case <-ctx.Done():
			return read, false, ctx.Err()
		}
		p := s.cur
		switch {
		case p.panic != nil:
			panic(p.panic)
		case s.at < p.used:
			t := &p.parts[s.at]
			s.at++
			// The columns change places: the batch's are filled next.
			for i := range b.Cols {
				b.Cols[i], t.batch.Cols[i] = t.batch.Cols[i], b.Cols[i]
			}
			b.Rows, t.batch.Rows = t.batch.Rows, 0
			s.in.base = t.next
			return t.read, false, nil
		case p.err != nil:
			return read, false, p.err
		}
		s.cur = nil
		s.free <- p
	}
}

// endStripes goes on where the cutting ended.
func (r *reader) endStripes(ctx context.Context) (stream.Read, bool, error) {
	s := r.stripes
	r.closeStripes()
	switch {
	case s.err != nil:
		return stream.Read{}, true, s.err
	case ctx.Err() != nil:
		return stream.Read{}, true, ctx.Err()
	}
	return stream.Read{}, true, s.in.seek(s.end)
}

// closeStripes stops the goroutines and returns when they have stopped.
func (r *reader) closeStripes() {
	if r.stripes == nil {
		return
	}
	r.stripes.stop()
	r.stripes.wait.Wait()
	r.stripes = nil
}

package pipelines

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// watched is a connector whose streams end when a test says that nothing more
// comes, and of which it knows how many records are committed: a position begins
// with the number of records before it.
type watched struct {
	stream.Connector
	streams *streams
}

// streams are the readers of one engine.
type streams struct {
	mu      sync.Mutex
	readers map[*watchedReader]bool
	ended   bool
	changed chan struct{} // closed at the next change
}

func newStreams() *streams {
	return &streams{readers: map[*watchedReader]bool{}, changed: make(chan struct{})}
}

// tell wakes those who wait for a change. The lock is held.
func (s *streams) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// end says that what was written is all.
func (s *streams) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.wake()
}

// wake has every reader look again.
func (s *streams) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.readers {
		r.Wake()
	}
}

// committed waits until every reader of each stream, scans[stream] in all, has so
// many of its records committed, or something has failed. A job that finishes
// meanwhile, since it wants no more rows, has scans say less.
func (s *streams) committed(ctx context.Context, records map[string]int, scans func() (map[string]int, error), failure func() error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := failure(); err != nil {
			return err
		}
		scans, err := scans()
		if err != nil {
			return err
		}
		s.mu.Lock()
		changed := s.changed
		left := ""
		for name, n := range records {
			have := 0
			for r := range s.readers {
				if r.stream == name {
					have += r.committed()
				}
			}
			if want := n * scans[name]; have < want {
				left = fmt.Sprintf("%d of %d records of %s are committed", have, want, name)
			}
		}
		s.mu.Unlock()
		if left == "" {
			return nil
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", left, ctx.Err())
		}
	}
}

// Hidden is stream.Revealing's, whether the connector is that or not.
func (w watched) Hidden(rel *catalog.Relation) []catalog.Column {
	return stream.HiddenOf(w.Connector, rel)
}

func (w watched) Source(ctx context.Context, env *stream.Env, rel *catalog.Relation) (stream.Source, error) {
	src, err := w.Connector.Source(ctx, env, rel)
	if err != nil {
		return nil, err
	}
	return &watchedSource{src, w.streams, rel.Name}, nil
}

type watchedSource struct {
	stream.Source
	streams *streams
	name    string
}

func (s *watchedSource) Open(ctx context.Context, from []stream.Position, scan stream.Scan) (stream.Reader, error) {
	r := &watchedReader{streams: s.streams, source: s.Source, stream: s.name, scan: scan, read: map[stream.Split]progress{}, acked: map[stream.Split]int{}}
	// Nothing is skipped, so that every record is counted.
	r.scan.Filters = nil
	inner, err := r.positions(from)
	if err != nil {
		return nil, err
	}
	if r.inner, err = s.Source.Open(ctx, inner, r.scan); err != nil {
		return nil, err
	}
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	s.streams.readers[r] = true
	s.streams.tell()
	return r, nil
}

// Drained asks the source, where it can tell.
func (s *watchedSource) Drained(ctx context.Context, at []stream.Position) ([]stream.Split, error) {
	d, ok := s.Source.(stream.Drainer)
	if !ok {
		return nil, nil
	}
	inner := make([]stream.Position, len(at))
	for i, p := range at {
		inner[i] = stream.Position{Split: p.Split}
		if p.Offset == nil {
			continue
		}
		_, offset, err := decodeProgress(p.Offset)
		if err != nil {
			return nil, err
		}
		inner[i].Offset = offset
	}
	return d.Drained(ctx, inner)
}

// Ends asks the source, where it can tell. Of others nobody waits for the end: the
// runner waits for each record.
func (s *watchedSource) Ends(ctx context.Context, scan stream.Scan) ([]stream.Position, error) {
	e, ok := s.Source.(stream.Ender)
	if !ok {
		return nil, nil
	}
	ends, err := e.Ends(ctx, scan)
	for i := range ends {
		ends[i].Offset = progress{offset: ends[i].Offset}.encode()
	}
	return ends, err
}

// Reached asks the source; where that cannot tell, the count of the records does.
func (s *watchedSource) Reached(split stream.Split, at, end stream.Offset) bool {
	read, offset, err := decodeProgress(at)
	if err != nil {
		return false
	}
	wanted, until, err := decodeProgress(end)
	if err != nil {
		return false
	}
	if e, ok := s.Source.(stream.Ender); ok {
		return e.Reached(split, offset, until)
	}
	return read >= wanted
}

// progress is how far a split has been read.
type progress struct {
	records int
	offset  stream.Offset // of the source
}

func (p progress) encode() stream.Offset {
	return append(binary.AppendUvarint(nil, uint64(p.records)), p.offset...)
}

func decodeProgress(o stream.Offset) (records int, offset stream.Offset, err error) {
	n, size := binary.Uvarint(o)
	if size <= 0 {
		return 0, nil, fmt.Errorf("a position of %d bytes is none", len(o))
	}
	return int(n), o[size:], nil
}

// watchedReader counts records. One goroutine owns it, but for Wake and Ack.
type watchedReader struct {
	streams *streams
	source  stream.Source
	stream  string
	scan    stream.Scan
	bounded bool // inner ends at what there is
	read    map[stream.Split]progress

	mu    sync.Mutex // guards inner from Wake, and acked
	inner stream.Reader
	acked map[stream.Split]int
}

// positions are the source's own; what comes before them is committed.
func (r *watchedReader) positions(from []stream.Position) ([]stream.Position, error) {
	inner := make([]stream.Position, 0, len(from))
	for _, p := range from {
		at := progress{}
		if p.Offset != nil {
			var err error
			if at.records, at.offset, err = decodeProgress(p.Offset); err != nil {
				return nil, err
			}
		}
		r.mu.Lock()
		r.acked[p.Split] = at.records
		r.mu.Unlock()
		r.read[p.Split] = at
		inner = append(inner, stream.Position{Split: p.Split, Offset: at.offset})
	}
	return inner, nil
}

func (r *watchedReader) committed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, k := range r.acked {
		n += k
	}
	return n
}

func (r *watchedReader) Read(ctx context.Context, b *vec.Batch) (stream.Read, error) {
	r.streams.mu.Lock()
	ended := r.streams.ended
	r.streams.mu.Unlock()
	if ended && !r.bounded {
		if err := r.bound(ctx); err != nil {
			return stream.Read{}, err
		}
	}
	read, err := r.inner.Read(ctx, b)
	if err != nil || read.Next == nil {
		return read, err
	}
	at := r.read[read.Split]
	at.records += b.Len() + len(read.Rejects)
	at.offset = bytes.Clone(read.Next)
	r.read[read.Split] = at
	read.Next = at.encode()
	return read, nil
}

// bound opens the source anew, so that it ends.
func (r *watchedReader) bound(ctx context.Context) error {
	if err := r.inner.Close(); err != nil {
		return err
	}
	var from []stream.Position
	for split, at := range r.read {
		from = append(from, stream.Position{Split: split, Offset: at.offset})
	}
	r.scan.Bounded = true
	inner, err := r.source.Open(ctx, from, r.scan)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inner, r.bounded = inner, true
	return nil
}

func (r *watchedReader) Add(ctx context.Context, from []stream.Position) error {
	inner, err := r.positions(from)
	if err != nil {
		return err
	}
	return r.inner.Add(ctx, inner)
}

func (r *watchedReader) Wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inner.Wake()
}

func (r *watchedReader) Ack(_ context.Context, upTo []stream.Position) error {
	r.mu.Lock()
	for _, p := range upTo {
		if n, _, err := decodeProgress(p.Offset); err == nil {
			r.acked[p.Split] = n
		}
	}
	r.mu.Unlock()
	r.streams.mu.Lock()
	defer r.streams.mu.Unlock()
	r.streams.tell()
	return nil
}

func (r *watchedReader) Close() error {
	r.streams.mu.Lock()
	delete(r.streams.readers, r)
	r.streams.mu.Unlock()
	return r.inner.Close()
}

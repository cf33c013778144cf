package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// topics is a connector over memory that outlives engines: what a broker and a
// disk are to a real one.
type topics struct {
	mu     sync.Mutex
	byName map[string]*topic
	files  map[string]*memFile
	down   error // what opening a source says; nil: it opens
}

func newTopics() *topics {
	return &topics{byName: map[string]*topic{}, files: map[string]*memFile{}}
}

// topic is rows in splits.
type topic struct {
	mu      sync.Mutex
	splits  [][][]types.Value
	bad     map[int64]bool // rows, by their first value, that do not decode
	badIn   int            // for who reads this column only; -1: for everyone
	ended   bool
	changed chan struct{}  // closed and replaced when something is added
	batch   int            // rows of one Read
	gate    int            // a split's rows from this one on are not to be had; 0: all are
	paused  []stream.Split // by a reader
	gone    int            // rows that readers were given
	readers int
	opens   int
	tells   chan struct{} // gets one whenever a reader says again where it is; nil: they do not
	opening func(n int)   // called before the n-th reader finds where to begin
	acked   map[stream.Split]int
	acks    int           // calls of Ack
	aged    bool          // it has held rows for long
	inexact bool          // readers cannot stop at a place
	holdAck chan struct{} // Ack waits until it is closed; nil: it does not
}

func (c *topics) topic(name string) *topic {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.byName[name]
	if t == nil {
		t = &topic{splits: make([][][]types.Value, 1), changed: make(chan struct{}), batch: 100, bad: map[int64]bool{}, badIn: -1, acked: map[stream.Split]int{}}
		c.byName[name] = t
	}
	return t
}

// add appends rows to a split, which is made where it is new.
func (t *topic) add(split int, rows ...[]types.Value) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.splits) <= split {
		t.splits = append(t.splits, nil)
	}
	t.splits[split] = append(t.splits[split], rows...)
	t.wakeAll()
}

// wait returns when a reader is open.
func (t *topic) wait() {
	for {
		t.mu.Lock()
		n, changed := t.readers, t.changed
		t.mu.Unlock()
		if n > 0 {
			return
		}
		<-changed
	}
}

func (t *topic) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.wakeAll()
}

func (t *topic) wakeAll() {
	close(t.changed)
	t.changed = make(chan struct{})
}

func (c *topics) Places()                                    {}
func (c *topics) Name() string                               { return "topic" }
func (c *topics) Options(stream.Role) []stream.Option        { return []stream.Option{{Key: "bad"}} }
func (c *topics) PseudoColumns() []catalog.Column            { return nil }
func (c *topics) Inferrer(*stream.Env) stream.SchemaInferrer { return nil }
func (c *topics) Check(_ *stream.Env, r *catalog.Relation, _ stream.Role) error {
	if v, ok := r.Options.Get("bad"); ok {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "bad is %s", v)
	}
	return nil
}

func (c *topics) Source(_ context.Context, _ *stream.Env, r *catalog.Relation) (stream.Source, error) {
	c.mu.Lock()
	down := c.down
	c.mu.Unlock()
	if down != nil {
		return nil, down
	}
	return &topicSource{c.topic(r.Name), r}, nil
}

type topicSource struct {
	t   *topic
	rel *catalog.Relation
}

func (s *topicSource) Splits(context.Context) ([]stream.Split, error) {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	var all []stream.Split
	for i := range s.t.splits {
		all = append(all, stream.Split(strconv.Itoa(i)))
	}
	return all, nil
}

func (s *topicSource) Close() error { return nil }

func (s *topicSource) Drained(_ context.Context, at []stream.Position) ([]stream.Split, error) {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	var all []stream.Split
	for _, p := range at {
		n, next := 0, 0
		_, _ = fmt.Sscan(string(p.Split), &n)
		_, _ = fmt.Sscan(string(p.Offset), &next)
		if next >= len(s.t.splits[n]) {
			all = append(all, p.Split)
		}
	}
	return all, nil
}

func (s *topicSource) HeldBefore(context.Context, time.Time) (bool, error) {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	return s.t.aged, nil
}

func (s *topicSource) Ends(context.Context, stream.Scan) ([]stream.Position, error) {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	var all []stream.Position
	for i, rows := range s.t.splits {
		if len(rows) > 0 {
			all = append(all, stream.Position{Split: stream.Split(strconv.Itoa(i)), Offset: []byte(strconv.Itoa(len(rows)))})
		}
	}
	return all, nil
}

func (s *topicSource) Reached(_ stream.Split, at, end stream.Offset) bool {
	have, want := 0, 0
	_, _ = fmt.Sscan(string(at), &have)
	_, _ = fmt.Sscan(string(end), &want)
	return have >= want
}

func (s *topicSource) Measure(split stream.Split, at stream.Offset) (place, end int64, ok bool) {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	n, _ := strconv.Atoi(string(split))
	place, err := strconv.ParseInt(string(at), 10, 64)
	return place, int64(len(s.t.splits[n])), err == nil
}

func (s *topicSource) Open(ctx context.Context, from []stream.Position, scan stream.Scan) (stream.Reader, error) {
	r := &topicReader{t: s.t, rel: s.rel, scan: scan, wake: make(chan struct{}, 1)}
	s.t.mu.Lock()
	s.t.opens++
	n, opening := s.t.opens, s.t.opening
	s.t.mu.Unlock()
	if opening != nil {
		opening(n)
	}
	_, declared := s.rel.Options.Get("latest")
	r.latest = (scan.Latest || declared && !scan.Earliest) && !stream.Resumed(from)
	if err := r.Add(ctx, from); err != nil {
		return nil, err
	}
	r.latest = false
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	s.t.readers++
	s.t.wakeAll()
	if s.t.inexact {
		return struct{ stream.Reader }{r}, nil
	}
	return r, nil
}

type topicReader struct {
	t     *topic
	rel   *catalog.Relation
	scan  stream.Scan
	parts []*part
	turn  int
	// latest: a split without an offset begins at its end.
	latest bool
	wake   chan struct{}
	paused []stream.Split
	limits map[stream.Split]int
}

// given returns when readers have been given so many rows.
func (t *topic) given(ctx context.Context, n int) error {
	for {
		t.mu.Lock()
		got, changed := t.gone, t.changed
		t.mu.Unlock()
		if got >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%d rows were read, want %d", got, n)
		}
	}
}

// open opens the gate.
func (t *topic) open() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gate = 0
	t.wakeAll()
}

// waitPaused returns when a reader leaves splits alone.
func (t *topic) waitPaused(ctx context.Context) error {
	for {
		t.mu.Lock()
		n, changed := len(t.paused), t.changed
		t.mu.Unlock()
		if n > 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.New("no split was paused")
		}
	}
}

func (r *topicReader) Pause(splits []stream.Split) {
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	r.paused, r.t.paused = splits, splits
	r.t.wakeAll()
}

func (r *topicReader) Limit(at []stream.Position) {
	r.limits = map[stream.Split]int{}
	for _, p := range at {
		n, _ := strconv.Atoi(string(p.Offset))
		r.limits[p.Split] = n
	}
}

type part struct {
	split   stream.Split
	n, next int
	until   int // -1: for ever
}

func (r *topicReader) Add(_ context.Context, from []stream.Position) error {
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	for _, p := range from {
		n, err := strconv.Atoi(string(p.Split))
		if err != nil {
			return err
		}
		x := &part{split: p.Split, n: n, until: -1}
		switch {
		case p.Offset != nil:
			if x.next, err = strconv.Atoi(string(p.Offset)); err != nil {
				return err
			}
		case r.latest:
			x.next = len(r.t.splits[n])
		default:
			if x.next = int(r.scan.At[p.Split]); x.next > len(r.t.splits[n]) {
				return sqlerr.Errorf(sqlerr.InvalidParameterValue, "split %s ends before %d", p.Split, x.next)
			}
		}
		if r.scan.Bounded {
			x.until = len(r.t.splits[n])
		}
		r.parts = append(r.parts, x)
	}
	return nil
}

func (r *topicReader) Read(ctx context.Context, b *vec.Batch) (stream.Read, error) {
	for {
		b.Reset()
		r.t.mu.Lock()
		changed := r.t.changed
		over := len(r.parts) > 0 || r.t.ended || r.scan.Bounded // a task may have no split yet
		for range r.parts {
			p := r.parts[r.turn%len(r.parts)]
			r.turn++
			end := len(r.t.splits[p.n])
			if p.until >= 0 {
				end = p.until
			} else if r.t.gate > 0 {
				end = min(end, r.t.gate)
			}
			limit, limited := r.limits[p.split]
			if limited {
				end = min(end, limit)
			}
			if slices.Contains(r.paused, p.split) || limited && p.next >= limit {
				over = false
				continue
			}
			if p.next < end {
				defer r.t.mu.Unlock()
				return r.fill(b, p, end)
			}
			over = over && (p.until >= 0 || r.t.ended && end == len(r.t.splits[p.n]))
		}
		r.t.mu.Unlock()
		if over {
			return stream.Read{}, io.EOF
		}
		var quiet <-chan time.Time
		if r.t.tells != nil && len(r.parts) > 0 {
			quiet = time.After(time.Millisecond)
		}
		select {
		case <-changed:
		case <-quiet:
			r.t.tells <- struct{}{}
			p := r.parts[0]
			return stream.Read{Split: p.split, Next: []byte(strconv.Itoa(p.next)), CaughtUp: true}, nil
		case <-r.wake:
			return stream.Read{}, nil
		case <-ctx.Done():
			return stream.Read{}, context.Cause(ctx)
		}
	}
}

func (r *topicReader) fill(b *vec.Batch, p *part, end int) (stream.Read, error) {
	read := stream.Read{Split: p.split}
	for ; p.next < end && b.Rows < r.t.batch; p.next++ {
		row := r.t.splits[p.n][p.next]
		if r.t.bad[row[0].I] && (r.t.badIn < 0 || slices.Contains(r.scan.Columns, r.t.badIn)) {
			err := sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "row %d is bad", row[0].I)
			if r.scan.OnReject == stream.Fail {
				return read, err
			}
			raw := fmt.Sprintf("%d,%s", row[0].I, row[1].S)
			read.Rejects = append(read.Rejects, stream.Reject{At: int64(p.next), Raw: []byte(raw), Err: err})
			continue
		}
		if r.scan.Raw {
			raw := fmt.Sprintf("%d,%s", row[0].I, row[1].S)
			read.Raw = append(read.Raw, stream.Record{At: int64(p.next), Value: []byte(raw)})
		}
		for i, c := range r.scan.Columns {
			vec.Append(b.Cols[i], row[c])
		}
		b.Rows++
	}
	r.t.gone += b.Rows
	r.t.wakeAll()
	read.Next = []byte(strconv.Itoa(p.next))
	read.CaughtUp = p.next == len(r.t.splits[p.n])
	return read, nil
}

func (r *topicReader) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *topicReader) Ack(ctx context.Context, upTo []stream.Position) error {
	r.t.mu.Lock()
	r.t.acks++
	hold := r.t.holdAck
	r.t.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	for _, p := range upTo {
		n, err := strconv.Atoi(string(p.Offset))
		if err != nil {
			return err
		}
		r.t.acked[p.Split] = n
	}
	return nil
}

func (r *topicReader) Close() error {
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	r.t.readers--
	r.t.wakeAll()
	return nil
}

// memFile is a sink's file: lines, of which the first committed are decided.
type memFile struct {
	mu        sync.Mutex
	lines     []string
	committed int
	fail      map[string]int // step: how many more times it fails
	hold      chan struct{}  // Prepare waits until it is closed; nil: it does not
	waiting   int            // calls of Prepare that do, until they are released
	open      int
	opened    []stream.SinkOptions
	dead      bool   // the process has died: nothing is undone
	lasts     bool   // its sinks are stream.Lasting
	refuse    string // a row that holds it is refused; "": none is
	changed   chan struct{}
}

func (c *topics) file(name string) *memFile {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.files[name]
	if f == nil {
		f = &memFile{fail: map[string]int{}, changed: make(chan struct{})}
		c.files[name] = f
	}
	return f
}

func (f *memFile) read() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.lines[:f.committed]...)
}

// changes is closed at the next commit or write.
func (f *memFile) changes() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// opens are the options that the file was opened with.
func (f *memFile) opens() []stream.SinkOptions {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.opened)
}

func (f *memFile) wakeAll() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// holdPrepare has Prepare wait from now on, until release.
func (f *memFile) holdPrepare() (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	hold := make(chan struct{})
	f.hold = hold
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.hold == hold {
			f.hold = nil
		}
		f.waiting = 0 // from here on who waits is another
		close(hold)
	}
}

// held returns when a Prepare waits.
func (f *memFile) held(ctx context.Context) error {
	return f.until(ctx, 1, func() int { return f.waiting })
}

// wait returns when at least n lines are committed.
func (f *memFile) wait(ctx context.Context, n int) error {
	return f.until(ctx, n, func() int { return f.committed })
}

// written returns when at least n lines are written.
func (f *memFile) written(ctx context.Context, n int) error {
	return f.until(ctx, n, func() int { return len(f.lines) })
}

func (f *memFile) until(ctx context.Context, n int, count func() int) error {
	for {
		f.mu.Lock()
		got, changed := count(), f.changed
		f.mu.Unlock()
		if got >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%d lines, want %d", got, n)
		}
	}
}

func (c *topics) Sink(_ context.Context, _ *stream.Env, r *catalog.Relation, o stream.SinkOptions) (stream.Sink, error) {
	f := c.file(r.Name)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened = append(f.opened, o)
	f.wakeAll()
	if err := f.step("open"); err != nil {
		return nil, err
	}
	if o.Job != "" {
		n := 0
		if o.Token != nil {
			var err error
			if n, err = strconv.Atoi(string(o.Token)); err != nil {
				return nil, err
			}
		}
		if n > len(f.lines) {
			return nil, fmt.Errorf("the file has %d lines, and %d were committed", len(f.lines), n)
		}
		f.lines = f.lines[:n]
		f.committed = min(f.committed, n)
	}
	f.open++
	if f.lasts {
		return lastingSink{&fileSink{f: f, rel: r, ops: o.Changelog}}, nil
	}
	return &fileSink{f: f, rel: r, ops: o.Changelog}, nil
}

// failing has a step fail n more times.
func (f *memFile) failing(step string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail[step] = n
}

func (f *memFile) step(what string) error {
	if f.fail[what] > 0 {
		f.fail[what]--
		return errors.New(what + " failed")
	}
	return nil
}

type lastingSink struct{ *fileSink }

func (lastingSink) Lasting() {}

type fileSink struct {
	f   *memFile
	rel *catalog.Relation
	ops bool // a line begins with + or -
}

func (s *fileSink) Write(_ context.Context, b *vec.Batch) (rejects []stream.Reject, _ error) {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if err := s.f.step("write"); err != nil {
		return nil, err
	}
	sel := b.Sel
	if sel == nil {
		for i := range b.Rows {
			sel = append(sel, int32(i))
		}
	}
	for _, r := range sel {
		line := ""
		if s.ops {
			line = "+|"
			if b.Op(int(r)) == vec.Delete {
				line = "-|"
			}
		}
		for i, c := range s.rel.Columns {
			v := vec.Get(b.Cols[i], int(r), c.Type)
			text := "NULL"
			if !v.Null {
				text = string(types.AppendText(nil, v, types.DefaultFormat()))
			}
			if i > 0 {
				line += "|"
			}
			line += text
		}
		if s.f.refuse != "" && strings.Contains(line, s.f.refuse) {
			rejects = append(rejects, stream.Reject{Raw: []byte(line), Err: sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the row is too long")})
			continue
		}
		s.f.lines = append(s.f.lines, line)
	}
	s.f.wakeAll()
	return rejects, nil
}

func (s *fileSink) Prepare(context.Context, stream.Epoch) ([]byte, error) {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if hold := s.f.hold; hold != nil {
		s.f.waiting++
		s.f.wakeAll()
		s.f.mu.Unlock()
		<-hold
		s.f.mu.Lock()
	}
	if err := s.f.step("prepare"); err != nil {
		return nil, err
	}
	return []byte(strconv.Itoa(len(s.f.lines))), nil
}

func (s *fileSink) Commit(_ context.Context, _ stream.Epoch, token []byte) error {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if err := s.f.step("commit"); err != nil {
		return err
	}
	n, err := strconv.Atoi(string(token))
	if err != nil {
		return err
	}
	s.f.committed = max(s.f.committed, n)
	s.f.wakeAll()
	return nil
}

func (s *fileSink) Rollback(context.Context, stream.Epoch, []byte) error {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if !s.f.dead {
		s.f.lines = s.f.lines[:s.f.committed]
	}
	return nil
}

func (s *fileSink) Close() error {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.f.open--
	return nil
}

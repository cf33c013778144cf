package exec

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// noMark is the watermark of what has none yet.
const noMark = math.MinInt64

// clockTick is how often a query looks whether silence alone moves a watermark.
const clockTick = 100 * time.Millisecond

// clock tells how far the event time of one stream has come: of a split the
// highest value of the stream's watermark expression, of the stream the lowest of
// its active splits. A split is idle, and holds nothing back, when it is caught up
// and has been silent for idle. All times are microseconds since 2000-01-01 UTC.
//
// A clock belongs to one task; the tasks of a job have one sourceTime.
type clock struct {
	*sourceTime
	program *expr.Program
	own     *expr.Program // the rows' time, where rows too far ahead are kept; nil: program's
	told    int64         // the watermark as it was passed on; it never goes back
	quiet   bool          // the stream was idle when that was passed on
	asked   time.Time     // when the source was last asked which splits hold nothing

	maxFuture time.Duration
	limit     int64            // the latest time that may be true
	late      func(rows int)   // told of rows too far ahead; nil: nobody is
	lateRow   operator.LateRow // keeps them; nil: nothing does
	fault     operator.Fault   // decides about rows whose time cannot be computed; nil: they are errors

	sel []int32
	out vec.Batch
}

// sourceTime is how far the splits of one stream have come, in whatever task.
type sourceTime struct {
	begun   time.Time
	idle    time.Duration
	silence time.Duration // 0: it does not move the watermark
	drift   time.Duration // how far a split may run ahead of others; 0: as far as it will

	mu     sync.Mutex // guards what follows
	marks  map[stream.Split]*splitMark
	mark   int64
	first  int64    // of all that have been reached, the first; math.MaxInt64: none has
	quiet  bool     // every split is idle
	unread bool     // something may lie in splits of which nothing was read
	moved  []func() // called when mark or quiet has changed; nil: nobody asks
}

// splitMark is what is known of one split.
type splitMark struct {
	mark     int64
	stored   int64 // by the last epoch of a job
	caughtUp bool
	last     time.Time // when a row came
	seen     bool      // it has been read from
}

// newClock returns the clock of a scan's stream; nil: nobody asks for its time.
func newClock(b *builder, s *scan) (*clock, error) {
	if s.plan.Watermark == nil || s.spec.Bounded {
		return nil, nil
	}
	c := &clock{sourceTime: &sourceTime{marks: map[stream.Split]*splitMark{}, mark: noMark, first: math.MaxInt64, begun: time.Now()}, told: noMark, limit: math.MinInt64, late: b.late, fault: b.fault}
	if b.lateRow != nil {
		c.lateRow = b.lateRow(s.plan)
	}
	var err error
	if own := plan.Derive(s.plan).EventTime(s.plan.Schema()); c.lateRow != nil && own != nil {
		if c.own, err = b.compile(own); err != nil {
			return nil, err
		}
	}
	if c.program, err = b.compile(s.plan.Watermark); err != nil {
		return nil, err
	}
	if err := c.read(s.plan.Relation.Options); err != nil {
		return nil, err
	}
	if s.shared != nil {
		c.sourceTime = s.shared.time(c.sourceTime)
	}
	return c, nil
}

// read takes what a stream's options say of its time.
func (c *clock) read(o catalog.Options) (err error) {
	for _, d := range []struct {
		key   string
		to    *time.Duration
		value time.Duration
	}{{"watermark.idle_timeout", &c.idle, 30 * time.Second}, {"watermark.max_silence", &c.silence, 0},
		{"watermark.max_future", &c.maxFuture, time.Hour}, {"watermark.max_drift", &c.drift, time.Hour}} {
		if *d.to, err = durationOption(o, d.key, d.value); err != nil {
			return err
		}
	}
	return nil
}

func durationOption(o catalog.Options, key string, value time.Duration) (time.Duration, error) {
	v, ok := o.Get(key)
	if !ok {
		return value, nil
	}
	d, ok := stream.ParseDuration(v)
	if !ok || d < 0 {
		return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter %q: %q", key, v).
			WithHint("%s takes a duration such as 10ms, 5s, 2 minutes, or a number of milliseconds.", key)
	}
	return d, nil
}

// dated is a row's own time, of which t is what the watermark goes by.
func (c *clock) dated(b *vec.Batch, row int32, t int64) int64 {
	if c.own == nil {
		return t
	}
	v, errs := c.own.Run(b, []int32{row})
	if at, ok := vec.Flat(v).(*vec.Fixed[int64]); ok && errs.At(int(row)) == nil && !at.Nulls().Get(int(row)) {
		return at.Values[row]
	}
	return t
}

// observe takes note of the rows of one read, and returns those whose time may be
// true: one too far ahead of the clock is left out, as its windows would not
// close for as long.
func (c *clock) observe(b *vec.Batch, r stream.Read, now time.Time) (*vec.Batch, error) {
	mark := c.sight(r, b.Len() > 0, now)
	if b.Len() == 0 {
		return b, nil
	}
	v, errs := c.program.Run(b, b.Sel)
	if errs.Any() && c.fault == nil {
		return nil, errs.First()
	}
	// A clock that is set back does not make rows that were true false.
	c.limit = max(c.limit, microsSince2000(now)+c.maxFuture.Microseconds())
	kept := slices.Grow(c.sel[:0], b.Rows) // never nil, which would be every row
	nulls := v.Nulls()
	at := func(row int32) int64 { return v.(*vec.Fixed[int64]).Values[row] }
	if k, ok := v.(*vec.Const); ok {
		one := k.Of.(*vec.Fixed[int64]).Values[0]
		at = func(int32) int64 { return one }
	}
	var failed error
	keep := func(row int32) {
		if errs.Any() {
			if err := errs.At(int(row)); err != nil {
				if failed == nil {
					failed = c.fault(b, int(row), err)
				}
				return
			}
		}
		t := at(row)
		switch {
		case nulls.Get(int(row)):
		case t > c.limit:
			if c.late != nil {
				c.late(1)
			}
			if c.lateRow != nil && failed == nil {
				failed = c.lateRow(b, int(row), c.dated(b, row, t), c.told)
			}
			return
		case t > mark:
			mark = t
		}
		kept = append(kept, row)
	}
	if b.Sel != nil {
		for _, row := range b.Sel {
			keep(row)
		}
	} else {
		for row := range int32(b.Rows) {
			keep(row)
		}
	}
	if failed != nil {
		return nil, failed
	}
	c.sel = kept
	c.reach(r.Split, mark)
	if len(kept) == b.Len() {
		return b, nil
	}
	c.out = vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: kept, Rows: b.Rows}
	return &c.out, nil
}

// sight notes that a split was read, and returns its watermark.
func (c *sourceTime) sight(r stream.Read, rows bool, now time.Time) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.marks[r.Split]
	if m == nil {
		m = &splitMark{mark: noMark, stored: noMark, last: c.begun}
		c.marks[r.Split] = m
	}
	m.caughtUp, m.seen = r.CaughtUp, true
	if rows {
		m.last = now
	}
	return m.mark
}

// reach sets a split's watermark.
func (c *sourceTime) reach(s stream.Split, mark int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.marks[s].mark = mark
	if mark != noMark && c.first == math.MaxInt64 {
		c.first = mark
	}
}

// now is the stream's watermark, of the splits that it is known to have, and
// whether the stream is idle; changed: one of them is not as it was passed on.
func (c *clock) now(known int, now time.Time) (mark int64, quiet, changed bool) {
	return c.news(c.advance(known, now))
}

// catchUp is now, of what other tasks have brought the stream's watermark to.
func (c *clock) catchUp() (mark int64, quiet, changed bool) {
	c.mu.Lock()
	low, quiet := c.sourceTime.mark, c.sourceTime.quiet
	c.mu.Unlock()
	return c.news(low, quiet)
}

// news is what is passed on of a watermark; changed: there is something.
func (c *clock) news(low int64, quiet bool) (mark int64, _, changed bool) {
	if low <= c.told && quiet == c.quiet {
		return 0, false, false
	}
	c.told, c.quiet = max(c.told, low), quiet
	return c.told, quiet, true
}

// advance moves the watermark as far as the splits allow, and returns it. quiet:
// every split is idle, so that the stream holds back nothing that it is joined or
// united with.
func (c *sourceTime) advance(known int, now time.Time) (mark int64, quiet bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	low, high, last := int64(math.MaxInt64), int64(noMark), c.begun
	caughtUp, active := true, known == 0 && now.Sub(c.begun) < c.idle
	for _, m := range c.marks {
		high = max(high, m.mark)
		caughtUp = caughtUp && m.caughtUp
		if m.last.After(last) {
			last = m.last
		}
		if m.caughtUp && now.Sub(m.last) >= c.idle {
			continue
		}
		active = true
		low = min(low, m.mark)
	}
	if len(c.marks) < known { // a split that has brought no row yet may hold older ones
		c.pass(c.mark, false)
		return c.mark, false
	}
	if !active {
		low = high
	}
	if high != noMark && c.silence > 0 && caughtUp {
		low = max(low, high+min(now.Sub(last), c.silence).Microseconds())
	}
	if low = max(low, c.mark); active && high == noMark {
		low = c.mark
	}
	c.pass(low, !active)
	return c.mark, c.quiet
}

// pass sets the watermark, and has the tasks know where that changes something.
// sourceTime.mu is held.
func (c *sourceTime) pass(mark int64, quiet bool) {
	if mark == c.mark && quiet == c.quiet {
		return
	}
	c.mark, c.quiet = mark, quiet
	for _, f := range c.moved {
		f()
	}
}

// idles reports whether a split, or, without one, the stream, is idle.
func (c *sourceTime) idles(split stream.Split, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if split == "" {
		return c.quiet
	}
	m := c.marks[split]
	return m != nil && m.caughtUp && now.Sub(m.last) >= c.idle
}

// askEvery is how often a source is asked whether splits that bring nothing hold
// anything.
const askEvery = time.Second

// ask finds out which of the splits that have not been read from hold nothing to
// come: from then on they are silent.
func (c *clock) ask(ctx context.Context, s *scan, now time.Time) error {
	if now.Sub(c.asked) < askEvery {
		return nil
	}
	first := c.asked.IsZero()
	c.asked = now
	c.mu.Lock()
	unread := s.unread(func(split stream.Split) bool {
		m := c.marks[split]
		return m == nil || !m.seen && !m.caughtUp
	})
	c.mu.Unlock()
	if len(unread) == 0 {
		return nil
	}
	d, ok := s.source.(stream.Drainer)
	for _, p := range unread {
		// What begins at the latest records has none behind it.
		if s.spec.Latest && p.Offset == nil || !ok && now.Sub(c.begun) >= c.idle {
			c.drained(p.Split, c.begun)
		}
	}
	if !ok {
		return nil
	}
	splits, err := d.Drained(ctx, unread)
	if err != nil || len(splits) == 0 {
		return err
	}
	since := c.begun
	if aged, ok := s.source.(stream.Aged); ok && first && !s.spec.Latest {
		held, err := aged.HeldBefore(ctx, now.Add(-c.idle))
		if err != nil {
			return err
		}
		if held { // and what is empty now was so then
			since = now.Add(-c.idle)
		}
	}
	for _, p := range unread {
		switch {
		case !slices.Contains(splits, p.Split):
		case p.Offset == nil:
			c.drained(p.Split, since)
		default:
			c.drained(p.Split, c.begun)
		}
	}
	return nil
}

// drained notes that a split holds nothing to come, and since when it is silent.
func (c *sourceTime) drained(split stream.Split, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.marks[split]; m != nil {
		m.caughtUp = true
		return
	}
	c.marks[split] = &splitMark{mark: noMark, stored: noMark, caughtUp: true, last: since}
}

// tell passes a leaf's watermark on where it has moved.
func (l *leaf) tell(ctx context.Context, now time.Time) (moved bool, err error) {
	if l.clock == nil || l.done {
		return false, nil
	}
	if err := l.clock.ask(ctx, l.scan, now); err != nil {
		return false, system{err}
	}
	t, quiet, ok := l.clock.now(l.scan.splits(), now)
	if !ok {
		return false, nil
	}
	return true, l.to.status(ctx, t, quiet)
}

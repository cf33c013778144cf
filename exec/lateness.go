package exec

import (
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// allowedLateness is how long a window takes rows after it has gone out, where
// late_policy is update and nothing else is said.
const allowedLateness = time.Hour

// readLateness reads what a job does with rows whose window is closed.
func (s *jobSettings) readLateness(o catalog.Options) error {
	s.allowed = allowedLateness
	if v, ok := o.Get("late_policy"); ok {
		found := false
		for l := plan.LateDrop; l <= plan.LateNextWindow; l++ {
			if fold(v) == fold(l.String()) {
				s.late, found = l, true
			}
		}
		if !found {
			return badOption("late_policy", v, "drop, dead_letter, update or next_window")
		}
	}
	v, ok := o.Get("allowed_lateness")
	if !ok {
		return nil
	}
	if s.late != plan.LateUpdate {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "allowed_lateness is for late_policy = 'update'").
			WithHint("GRACE of a window keeps it open for longer before it goes out.")
	}
	var err error
	s.allowed, err = duration("allowed_lateness", v)
	return err
}

// lateness is what an operator with windows does with late rows. node: what gets
// them.
func (b *builder) lateness(n plan.Node, policy plan.LatePolicy, w *plan.WindowBounds, t types.Type) (operator.Lateness, error) {
	l := operator.Lateness{Count: b.late}
	switch policy {
	case plan.LateUpdate:
		l.Updates, l.Allowed = true, b.allowed.Microseconds()
	case plan.LateDeadLetter:
		if b.lateRow != nil {
			l.Row = b.lateRow(n)
		}
	case plan.LateNextWindow:
		if w == nil || w.Kind != plan.WindowTumbling {
			return l, sqlerr.Errorf(sqlerr.InternalError, "late rows have no next window in %s", n.String())
		}
		l.Next = &operator.NextWindow{Start: w.Start, End: w.End, Size: w.Size}
		if w.Zone != "" && t.OID == types.Timestamptz {
			zone, _, err := types.LoadZone(w.Zone)
			if err != nil {
				return l, err
			}
			l.Next.Zone = zone
		}
	}
	return l, nil
}

// lateIn returns what puts late rows that a node gets with the dead letters, nil
// where the job does not. They are counted as late, and not as rejected.
func (t *task) lateIn(n plan.Node) operator.LateRow {
	if t.life.settings.late != plan.LateDeadLetter {
		return nil
	}
	from, p := t.cameFrom(n)
	return func(b *vec.Batch, row int, at, watermark int64) error {
		if p.box == nil {
			return nil
		}
		text := func(micros int64) string {
			return string(types.AppendText(nil, types.NewInt(types.Timestamptz, micros), t.env.Format))
		}
		f := from.letter(t.env, n, b, row)
		f.time = time.Now()
		f.err = sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "the row is late: its window ended at %s, and the watermark is %s", text(at), text(watermark))
		if at > watermark {
			f.err = sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "the row is dated %s, which is further ahead of the clock than watermark.max_future", text(at))
		}
		p.box.add(f)
		return nil
	}
}

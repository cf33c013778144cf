package operator

import (
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// overExtreme is min and max over frames that move: of each partition it keeps the
// rows of the frame that no later one outdoes, the best first.
type overExtreme struct {
	overAggregate
	greatest bool
	best     [][]int64 // by partition: rows
}

func (e *overExtreme) grow(n int) {
	e.overFrame.grow(n)
	for len(e.best) < n {
		e.best = append(e.best, nil)
	}
}

func (e *overExtreme) value(p *overPart, id int32, i int64, dst vec.Vec) error {
	lo, hi, err := e.of(p, id, i)
	if err != nil {
		return err
	}
	for k := max(e.hi[id], lo); k < hi; k++ {
		e.take(p, id, k)
	}
	e.lo[id], e.hi[id] = lo, hi
	if e.leave(id); len(e.best[id]) == 0 {
		vec.AppendNull(dst)
		return nil
	}
	e.o.append(dst, p.at(e.best[id][0]).ref, e.in.at)
	return nil
}

// take adds row k. Of equal values the last stays, as aggregates have it.
func (e *overExtreme) take(p *overPart, id int32, k int64) {
	r := p.at(k).ref
	cols, row := e.o.store.batches[r>>32].Cols, int(int32(r))
	v := cols[e.in.at]
	if f := e.in.filter(); f >= 0 && !cols[f].(*vec.Fixed[bool]).Values[row] || v.Nulls().Get(row) {
		return
	}
	best := e.best[id]
	for n := len(best); n > 0; n-- {
		o := p.at(best[n-1]).ref
		c := vec.Compare(e.o.store.batches[o>>32].Cols[e.in.at], int(int32(o)), v, row, e.in.call.ArgTypes[0])
		if e.greatest && c > 0 || !e.greatest && c < 0 {
			break
		}
		best = best[:n-1]
	}
	e.best[id] = append(best, k)
}

// leave drops rows that the frame has left behind.
func (e *overExtreme) leave(id int32) {
	best := e.best[id]
	n := 0
	for n < len(best) && best[n] < e.lo[id] {
		n++
	}
	if n > 0 {
		e.best[id] = append(best[:0], best[n:]...)
	}
}

func (e *overExtreme) from(_ *overPart, id int32) int64 { return e.lo[id] }

func (e *overExtreme) expire(p *overPart, id int32, now int64) {
	e.overFrame.expire(p, id, now)
	e.leave(id)
}

func (e *overExtreme) bytes() int64 { return 24*int64(len(e.best)) + e.overFrame.bytes() }

func (e *overExtreme) save(id int32, dst []byte) []byte { return e.overFrame.save(id, dst) }

func (e *overExtreme) load(id int32, src []byte) ([]byte, error) { return e.overFrame.load(id, src) }

func (e *overExtreme) rebuild(p *overPart, id int32) error {
	for k := e.lo[id]; k < e.hi[id]; k++ {
		e.take(p, id, k)
	}
	return nil
}

func (e *overExtreme) clear() {
	e.overFrame.clear()
	e.best = nil
}

func (e *overExtreme) detach() overCall {
	was := *e
	e.clear()
	return &was
}

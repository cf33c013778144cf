package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// LimitTies passes, of rows that come in the order of its keys, the first count
// after offset ones, and those that are equal to the last of them by the keys. It
// refuses Deletes.
type LimitTies struct {
	stateless
	keys       []SortKey
	programs   []*expr.Program
	skip, left int64
	last       []vec.Vec // the keys of the row that used up left, in one row
	cols       []vec.Vec
	pass       []int32
	live       []int32
	sel        selector
	out        vec.Batch
}

// NewLimitTies returns a LimitTies.
func NewLimitTies(count, offset int64, keys []SortKey) *LimitTies {
	l := &LimitTies{keys: keys, skip: offset, left: count, cols: make([]vec.Vec, len(keys))}
	for _, k := range keys {
		l.programs = append(l.programs, k.Program)
		l.last = append(l.last, vec.New(k.Type))
	}
	return l
}

// Process passes on the rows within the bounds.
func (l *LimitTies) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	if l.left == 0 && l.last[0].Len() == 0 {
		return stream.Done
	}
	if hasDelete(b) {
		return refuseDelete("FETCH FIRST ... WITH TIES")
	}
	sel, err := runAll(l.programs, b, l.cols, nil, &l.live)
	if err != nil {
		return err
	}
	l.pass = l.pass[:0]
	ended := false
	for _, r := range l.sel.all(sel, b.Rows) {
		switch {
		case l.skip > 0:
			l.skip--
			continue
		case l.left > 1:
			l.left--
		case l.left == 1:
			l.left--
			for i, c := range l.cols {
				vec.AppendRow(l.last[i], c, int(r))
			}
		default:
			ended = !l.ties(int(r))
		}
		if ended {
			break
		}
		l.pass = append(l.pass, r)
	}
	if len(l.pass) > 0 {
		l.out = vec.Batch{Cols: b.Cols, Sel: l.pass, Rows: b.Rows}
		if err := out.Emit(ctx, &l.out); err != nil {
			return err
		}
	}
	if ended {
		return stream.Done
	}
	return nil
}

// ties reports whether a row is equal to the last one that was counted.
func (l *LimitTies) ties(row int) bool {
	for i := range l.keys {
		if l.keys[i].compare(l.last[i], 0, l.cols[i], row) != 0 {
			return false
		}
	}
	return true
}

package operator

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// forget drops rows that nothing meets any more when the watermark is at t, and nothing
// takes back: what has come of them stays. All rows of a side are looked at when there may
// be as many of no use as of use, so that a row is looked at a few times. Those that are not
// in memory stay where they are, which changes no answer.
func (j *ChangesJoin) forget(t int64) {
	for i, s := range j.sides {
		f := j.spec.Forgets[i]
		if f == nil || len(s.now) < s.sweep || t < math.MinInt64+f.After {
			continue
		}
		s.forget(s.columns()[f.Column].(*vec.Fixed[int64]), t-f.After)
		s.sweep = 2*s.alive + fewRows
	}
}

// forget drops the rows whose time has come by t. What is NULL stays.
func (s *changesSide) forget(times *vec.Fixed[int64], t int64) {
	nulls := times.Nulls()
	for row, at := range times.Values[:len(s.now)] {
		if at > t || s.now[row] <= 0 || s.now[row] != s.before[row] || nulls.Get(row) {
			continue
		}
		s.now[row], s.before[row] = 0, 0
		s.alive--
		s.kept.touch(int32(row))
	}
}

package operator

import (
	"math/bits"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Share is what one of several tasks has of the rows or groups of an operator:
// those whose key it is the owner of.
type Share struct {
	Task, Tasks int
	// Single: one task has all, the first.
	Single bool
	// Slice: of the Slices, as a power of two, into which the share is cut by the hashes
	// of keys, so that no more of it is in memory at once; Slices 0: it is whole.
	Slice  int
	Slices uint8

	owners owners
	hashes []uint64
	one    [1]int32
}

// has reports whether the key in the only row of cols is the share's. by are the
// columns that say so; nil: all. A nil Share has everything.
func (s *Share) has(cols []vec.Vec, ts []types.Type, by []int) bool {
	if s == nil {
		return true
	}
	if s.Slices > 0 && !s.inSlice(s.hashesOf(cols, ts, 1)[0]) {
		return false
	}
	if s.Single {
		return s.Task == 0
	}
	if by != nil {
		some, their := make([]vec.Vec, len(by)), make([]types.Type, len(by))
		for i, k := range by {
			some[i], their[i] = cols[k], ts[k]
		}
		cols, ts = some, their
	}
	return s.owners.of(cols, ts, 1, s.one[:], s.Tasks)[0] == int32(s.Task)
}

// hashesOf are the hashes by which the slices of n rows are told: of all of their keys, as
// those are by which groups lie in pages.
func (s *Share) hashesOf(cols []vec.Vec, ts []types.Type, n int) []uint64 {
	s.hashes = pageHashes(cols, ts, n, s.hashes)
	return s.hashes
}

func (s *Share) inSlice(h uint64) bool { return pageOf(h, s.Slices) == s.Slice }

// pages are those of 1<<bits that have groups of the slice.
func (s *Share) pages(bits uint8) (from, to int) {
	if s == nil || s.Slices == 0 {
		return 0, 1 << bits
	}
	from = s.Slice << bits >> s.Slices
	return from, max(from+1, (s.Slice+1)<<bits>>s.Slices)
}

// unsliced is the share whole.
func (s *Share) unsliced() *Share {
	if s == nil || s.Slices == 0 {
		return s
	}
	return &Share{Task: s.Task, Tasks: s.Tasks, Single: s.Single, Slice: s.Slice}
}

// later reports whether another slice of the share came before.
func (s *Share) later() bool { return s != nil && s.Slice > 0 }

// rows are those of sel whose keys are the share's; n is the number of physical
// rows of keys. A nil Share has every row.
func (s *Share) rows(keys []vec.Vec, ts []types.Type, n int, sel []int32) []int32 {
	switch {
	case s == nil, s.Single && s.Task == 0 && s.Slices == 0:
		return sel
	case s.Single && s.Task > 0:
		return []int32{} // not nil, which would be every row
	}
	own := make([]int32, 0, len(sel))
	if s.Single {
		own = append(own, sel...)
	} else {
		of := s.owners.of(keys, ts, n, sel, s.Tasks)
		for _, r := range sel {
			if of[r] == int32(s.Task) {
				own = append(own, r)
			}
		}
	}
	if s.Slices == 0 {
		return own
	}
	hashes := s.hashesOf(keys, ts, n)
	return slices.DeleteFunc(own, func(r int32) bool { return !s.inSlice(hashes[r]) })
}

// owners finds the tasks that rows belong to.
type owners struct {
	hash, sum []uint64
	task      []int32
}

// of returns the task of each row of sel, by its physical row among n, for keys of
// the types given. The order of the keys has no part in it.
func (o *owners) of(keys []vec.Vec, ts []types.Type, n int, sel []int32, tasks int) []int32 {
	o.hash, o.sum, o.task = sized(o.hash, n), sized(o.sum, n), sized(o.task, n)
	for _, r := range sel {
		o.sum[r] = 0
	}
	for i, k := range keys {
		for _, r := range sel {
			o.hash[r] = 0
		}
		vec.Hash(k, ts[i], sel, o.hash)
		for _, r := range sel {
			o.sum[r] += o.hash[r]
		}
	}
	for _, r := range sel {
		// The tables of a task find their slots by the highest bits of a like hash:
		// other bits say which task it is.
		x := (o.sum[r] ^ o.sum[r]>>32) * 0xbf58476d1ce4e5b9
		hi, _ := bits.Mul64(x^x>>29, uint64(tasks))
		o.task[r] = int32(hi)
	}
	return o.task
}

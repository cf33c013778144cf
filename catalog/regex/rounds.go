package regex

import "unicode/utf8"

// rounds divides a text among the rounds of a loop. Rounds of no character are
// made only where the least number of rounds wants them.
type rounds struct {
	*machine
	n          *node
	begin, end int
	ends       []int // of each round; ends[0] is begin
	verified   int   // rounds whose inner parts have been found
	least      int
	most       int
}

func (r *rounds) prepare() {
	r.least = max(r.n.min, 1)
	r.most = utf8.RuneCountInString(r.text[r.begin:r.end])
	if r.n.max != infinite {
		r.most = min(r.most, r.n.max)
	}
	r.most = max(r.most, r.least)
	r.ends = append(r.ends[:0], r.begin)
}

// none tells whether no round at all will do, where no division has.
func (r *rounds) none() bool { return r.n.min == 0 && r.begin == r.end }

// chars is how many characters are left from a position.
func (r *rounds) chars(at int) int { return utf8.RuneCountInString(r.text[at:r.end]) }

func (r *rounds) set(k, at int) {
	if k == len(r.ends) {
		r.ends = append(r.ends, 0)
	}
	r.ends[k] = at
}

// verify finds the inner parts of the rounds up to k, and returns the first that
// has none, or 0.
func (r *rounds) verify(k int) int {
	inner := r.n.kids[0]
	for i := r.verified + 1; i <= k; i++ {
		r.forget(inner)
		if !r.dissect(inner, r.ends[i-1], r.ends[i]) {
			return i
		}
		r.verified = i
	}
	return 0
}

// longest gives each round the longest text in its turn.
func (r *rounds) longest() bool {
	r.prepare()
	d := r.of(r.n.kids[0])
	limit := r.end
	for k := 1; k > 0 && r.err == nil; {
		at := r.machine.longest(d, r.ends[k-1], limit)
		switch {
		case at < 0:
			k--
		default:
			r.set(k, at)
			r.verified = min(r.verified, k-1)
			if at != r.end {
				empty := at == r.ends[k-1] && (k >= r.least || r.least-k < r.chars(at))
				if k < r.most && !empty {
					k++
					limit = r.end
					continue
				}
				if k >= r.most {
					k--
				}
			} else if k >= r.least {
				bad := r.verify(k)
				if bad == 0 {
					return true
				}
				k = bad
			}
		}
		k, limit = r.shorten(k)
	}
	return r.none()
}

// shorten goes back to the last round that can be shorter.
func (r *rounds) shorten(k int) (round, limit int) {
	for ; k > 0; k-- {
		start := r.ends[k-1]
		if r.ends[k] > start {
			limit = r.previous(r.ends[k])
			if limit > start || k < r.least && r.least-k >= r.chars(start) {
				return k, limit
			}
		}
	}
	return 0, 0
}

// shortest gives each round the shortest text in its turn, and none at all where
// that will do.
func (r *rounds) shortest() bool {
	if r.none() {
		return true
	}
	r.prepare()
	d := r.of(r.n.kids[0])
	limit := r.begin
	for k := 1; k > 0 && r.err == nil; {
		if limit == r.ends[k-1] && limit != r.end && (k >= r.least || r.least-k < r.chars(limit)) {
			limit = r.following(limit)
		}
		if k >= r.most {
			limit = r.end
		}
		at := r.machine.shortest(d, r.ends[k-1], limit, r.end)
		switch {
		case at < 0:
			k--
		default:
			r.set(k, at)
			r.verified = min(r.verified, k-1)
			if at != r.end {
				if k < r.most {
					k++
					limit = r.ends[k-1]
					continue
				}
				k--
			} else if k >= r.least {
				bad := r.verify(k)
				if bad == 0 {
					return true
				}
				k = bad
			}
		}
		for k > 0 && r.ends[k] >= r.end {
			k--
		}
		if k > 0 {
			limit = r.following(r.ends[k])
		}
	}
	return false
}

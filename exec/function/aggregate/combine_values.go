package aggregate

import (
	"sort"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
)

// Groups of aggregates that hold values are put together here.

func (a *extremes[T]) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*extremes[T])
	for i, g := range groups {
		o := of[i]
		if !b.seen[o] {
			continue
		}
		x := b.best[o]
		if !a.seen[g] || a.side < 0 && x < a.best[g] || a.side > 0 && x > a.best[g] {
			a.best[g], a.seen[g] = x, true
		}
	}
	return nil
}

func (a *extremes[T]) Clear(groups []int32) {
	zero(a.best, groups)
	zero(a.seen, groups)
}

func (a *extremeValues) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*extremeValues)
	for i, g := range groups {
		o := of[i]
		if !b.seen[o] {
			continue
		}
		if a.seen[g] {
			c, err := types.Order(b.best[o], a.best[g])
			if err != nil {
				return err
			}
			if a.side*c < 0 {
				continue
			}
		}
		a.strings += int64(len(b.best[o].S)) - int64(len(a.best[g].S))
		a.best[g], a.seen[g] = b.best[o], true
	}
	return nil
}

func (a *extremeValues) Clear(groups []int32) {
	for _, g := range groups {
		a.strings -= int64(len(a.best[g].S))
	}
	zero(a.best, groups)
	zero(a.seen, groups)
}

func (a *multiset) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*multiset)
	for i, g := range groups {
		for _, c := range b.groups[of[i]] {
			a.addCounted(g, c)
		}
	}
	return nil
}

// addCounted adds a value as often as it is counted.
func (a *multiset) addCounted(g int32, c counted) {
	all := a.groups[g]
	at := sort.Search(len(all), func(i int) bool { return a.compare(all[i].value, c.value) >= 0 })
	size := int64(len(c.value.S)) + 128
	if at == len(all) || a.compare(all[at].value, c.value) != 0 {
		all = append(all, counted{})
		copy(all[at+1:], all[at:])
		all[at] = c
		a.held += size
	} else if all[at].n += c.n; all[at].n == 0 {
		all = append(all[:at], all[at+1:]...)
		a.held -= size
	}
	a.groups[g] = all
}

func (a *multiset) Clear(groups []int32) {
	for _, g := range groups {
		for _, c := range a.groups[g] {
			a.held -= int64(len(c.value.S)) + 128
		}
		a.groups[g] = nil
	}
}

func (a *collected) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*collected)
	for i, g := range groups {
		a.rows[g] = append(a.rows[g], b.rows[of[i]]...)
		for _, x := range b.rows[of[i]] {
			a.held += 128 + int64(len(x.S))
		}
	}
	return nil
}

func (a *collected) Clear(groups []int32) {
	for _, g := range groups {
		for _, x := range a.rows[g] {
			a.held -= 128 + int64(len(x.S))
		}
		a.rows[g] = nil
	}
}

func (a *firsts) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*firsts)
	for i, g := range groups {
		if v := b.values[of[i]]; a.values[g] == nil && v != nil {
			a.values[g] = v
			a.held += 128 + int64(len(v.S))
		}
	}
	return nil
}

func (a *firsts) Clear(groups []int32) {
	for _, g := range groups {
		if v := a.values[g]; v != nil {
			a.held -= 128 + int64(len(v.S))
			a.values[g] = nil
		}
	}
}

func (a *rangeIntersection) Combine(groups []int32, from Aggregate, of []int32) error {
	b := from.(*rangeIntersection)
	return combineAll(groups, of, func(g, o int32) error {
		was, more := a.values[g], b.values[o]
		switch {
		case more == nil:
			return nil
		case was == nil:
			a.values[g] = more
			a.held += int64(len(more.S))
			return nil
		}
		x, err := function.IntersectRanges(*was, *more)
		if err != nil {
			return err
		}
		x.S = strings.Clone(x.S)
		a.held += int64(len(x.S)) - int64(len(was.S))
		a.values[g] = &x
		return nil
	})
}

func (a *rangeIntersection) Clear(groups []int32) {
	for _, g := range groups {
		if v := a.values[g]; v != nil {
			a.held -= int64(len(v.S))
			a.values[g] = nil
		}
	}
}

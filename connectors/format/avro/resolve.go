package avro

import (
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// resolve returns how what w describes is read as r: its nodes lie as w's do, and
// say what r's say. It is Avro's schema resolution: fields meet by name or by one of
// the reader's aliases, numbers widen, strings and bytes are each other, symbols
// that the reader lacks become its default, and what the writer lacks is the
// reader's default. Where both have a logical type the writer's counts, so a
// timestamp of milliseconds is read right as one of microseconds.
func resolve(w, r *node) (*node, error) {
	if w == r {
		return w, nil
	}
	v := &resolver{done: map[[2]*node]*node{}}
	n, err := v.pair(w, r)
	if v.pairs > mostPairs {
		return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the Avro schemas have more than %d ways to read one as the other", mostPairs).
			WithHint("Give the records in the reader's unions names of their own, or leave avro.schema out.")
	}
	return n, err
}

// mostPairs bounds what is compared: of unions in unions of which no branch can be
// read each is tried in each.
const mostPairs = 200_000

type resolver struct {
	pairs int
	done  map[[2]*node]*node
	made  [][2]*node // what is in done, in the order in which it came there
}

func (v *resolver) pair(w, r *node) (*node, error) {
	if v.pairs++; v.pairs > mostPairs {
		return nil, mismatch(w, r)
	}
	if n := v.done[[2]*node{w, r}]; n != nil {
		return n, nil
	}
	if r.kind == kindUnion && w.kind != kindUnion {
		b := v.branch(w, r)
		if b == nil {
			return nil, mismatch(w, r)
		}
		return v.pair(w, b)
	}
	n := new(node)
	*n = *w
	n.absent, n.failure = nil, nil
	if w.logical == logicalNone && r.logical != logicalNone && w.kind == r.kind && (w.kind != kindFixed || w.size == r.size) {
		n.logical, n.nanos, n.prec, n.scale = r.logical, r.nanos, r.prec, r.scale
	}
	before := len(v.made)
	v.done[[2]*node{w, r}] = n
	v.made = append(v.made, [2]*node{w, r})
	if err := v.into(n, w, r); err != nil {
		// What was made inside may have the node that failed in it.
		for _, k := range v.made[before:] {
			delete(v.done, k)
		}
		v.made = v.made[:before]
		return nil, err
	}
	return n, nil
}

// into resolves the pair into n, which is a copy of w.
func (v *resolver) into(n, w, r *node) error {
	if w.kind == kindUnion {
		n.branches = make([]*node, len(w.branches))
		var failed error
		readable := 0
		for i, b := range w.branches {
			got, err := v.pair(b, r)
			if err != nil {
				failed = err
				got = new(node)
				*got = *b
				got.failure = err
			} else {
				readable++
			}
			n.branches[i] = got
		}
		if readable == 0 {
			return failed
		}
		return nil
	}
	switch {
	case w.kind == r.kind:
	case w.kind == kindInt && (r.kind == kindLong || r.kind == kindFloat || r.kind == kindDouble),
		w.kind == kindLong && (r.kind == kindFloat || r.kind == kindDouble),
		w.kind == kindFloat && r.kind == kindDouble,
		w.kind == kindString && r.kind == kindBytes,
		w.kind == kindBytes && r.kind == kindString && w.logical == logicalNone:
		n.as = r.kind
		if w.kind <= kindLong && r.kind == kindLong && w.logical == logicalNone {
			n.logical, n.nanos = r.logical, r.nanos
		}
		return nil
	default:
		return mismatch(w, r)
	}
	var err error
	switch w.kind {
	case kindFixed:
		if !sameName(w, r) || w.size != r.size {
			return mismatch(w, r)
		}
	case kindEnum:
		if !sameName(w, r) {
			return mismatch(w, r)
		}
		n.symbols = make([]string, len(w.symbols))
		for i, s := range w.symbols {
			switch {
			case slices.Contains(r.symbols, s):
				n.symbols[i] = s
			default:
				n.symbols[i] = r.fallback // "": an error where it is met
			}
		}
	case kindArray, kindMap:
		n.items, err = v.pair(w.items, r.items)
	case kindRecord:
		if !sameName(w, r) {
			return mismatch(w, r)
		}
		return v.record(n, w, r)
	}
	return err
}

func (v *resolver) record(n, w, r *node) error {
	n.fields = slices.Clone(w.fields)
	taken := make([]bool, len(w.fields))
	for _, f := range r.fields {
		at := slices.IndexFunc(w.fields, func(o field) bool { return o.name == f.name })
		if at < 0 {
			at = slices.IndexFunc(w.fields, func(o field) bool { return slices.Contains(f.aliases, o.name) })
		}
		if at < 0 {
			if f.def == nil {
				return sqlerr.Errorf(sqlerr.DatatypeMismatch, "the reader's field %q of record %q has no default, and the writer has no such field", f.name, r.name)
			}
			n.absent = append(n.absent, f)
			continue
		}
		got, err := v.pair(w.fields[at].node, f.node)
		if err != nil {
			return sqlerr.Errorf(sqlerr.DatatypeMismatch, "field %q: %w", f.name, err)
		}
		taken[at] = true
		n.fields[at] = field{name: f.name, aliases: f.aliases, node: got}
	}
	for i := range n.fields {
		n.fields[i].skip = !taken[i]
	}
	return nil
}

// branch is the branch of the reader's union that reads w: one of its own type
// before one that it widens to.
func (v *resolver) branch(w, r *node) *node {
	for _, same := range []bool{true, false} {
		for _, b := range r.branches {
			if same && (b.kind != w.kind || !sameName(w, b)) {
				continue
			}
			if _, err := v.pair(w, b); err == nil {
				return b
			}
		}
	}
	return nil
}

// sameName compares the names of two named types without their namespaces, which
// is what Avro's own implementations do.
func sameName(w, r *node) bool {
	short := func(s string) string { return s[strings.LastIndexByte(s, '.')+1:] }
	return short(w.name) == short(r.name) || slices.Contains(r.aliases, w.name) ||
		slices.ContainsFunc(r.aliases, func(a string) bool { return short(a) == short(w.name) })
}

func mismatch(w, r *node) error {
	return sqlerr.Errorf(sqlerr.DatatypeMismatch, "the writer's %s cannot be read as the reader's %s", w.label(), r.label())
}

package avro

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Reads says why who has the one schema cannot read all that is written with the other, by
// the rules of Avro's schema resolution; nil: it can. Where a value decides, as of a union
// that has a type which the reader has not, it cannot.
func Reads(reader, writer *Schema) error {
	n, err := resolve(writer.root, reader.root)
	if err != nil {
		return err
	}
	if err := failing(n, map[*node]bool{}); err != nil {
		return err
	}
	return symbols(writer.root, reader.root, map[[2]*node]bool{})
}

// failing is why a part of what is written cannot be read.
func failing(n *node, seen map[*node]bool) error {
	if n == nil || seen[n] {
		return nil
	}
	seen[n] = true
	if n.failure != nil {
		return n.failure
	}
	inside := append(slices.Clone(n.branches), n.items)
	for _, f := range n.fields {
		if !f.skip {
			inside = append(inside, f.node)
		}
	}
	for _, in := range inside {
		if err := failing(in, seen); err != nil {
			return err
		}
	}
	return nil
}

// symbols is about what the writer's enums have and the reader's, of the same place, have not.
func symbols(w, r *node, seen map[[2]*node]bool) error {
	pair := [2]*node{w, r}
	if w == nil || r == nil || seen[pair] {
		return nil
	}
	seen[pair] = true
	switch {
	case w.kind == kindEnum && r.kind == kindEnum && r.fallback == "":
		for _, s := range w.symbols {
			if !slices.Contains(r.symbols, s) {
				return sqlerr.Errorf(sqlerr.DatatypeMismatch, "enum %q has no symbol %q, and no default", r.name, s)
			}
		}
	case w.kind == kindRecord && r.kind == kindRecord:
		for _, f := range r.fields {
			for _, of := range w.fields {
				if of.name == f.name || slices.Contains(f.aliases, of.name) {
					if err := symbols(of.node, f.node, seen); err != nil {
						return err
					}
				}
			}
		}
	case w.kind == kindUnion || r.kind == kindUnion:
		for _, of := range each(w) {
			for _, in := range each(r) {
				if of.kind == in.kind && (of.kind != kindEnum || sameName(of, in)) {
					if err := symbols(of, in, seen); err != nil {
						return err
					}
				}
			}
		}
	case w.kind == r.kind:
		return symbols(w.items, r.items, seen)
	}
	return nil
}

// each are a union's types, or the one that another type is.
func each(n *node) []*node {
	if n.kind == kindUnion {
		return n.branches
	}
	return []*node{n}
}

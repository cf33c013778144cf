package bind

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// candidate is one function or operator that a call might mean, its argument
// types spread over the call's arguments.
type candidate struct {
	args     []types.OID
	fn       *catalog.Function
	op       *catalog.Operator
	variadic bool  // args repeat the last declared one
	params   []int // of each of the call's arguments, the declared one; nil: in order
	defaults int   // trailing arguments that the call leaves out
	system   bool  // of pg_catalog, which comes first in the search path
}

// matching keeps the candidates to whose types the inputs convert implicitly.
func (b *binder) matching(inputs []types.OID, all []candidate) []candidate {
	var out []candidate
	for _, c := range all {
		if b.canCoerceAll(inputs, c.args, implicit) {
			out = append(out, c)
		}
	}
	return out
}

// best keeps the candidates for which score is highest.
func best(all []candidate, score func(candidate) int) []candidate {
	top := -1
	var out []candidate
	for _, c := range all {
		switch n := score(c); {
		case n > top:
			top = n
			out = []candidate{c}
		case n == top:
			out = append(out, c)
		}
	}
	return out
}

// choose is PostgreSQL's func_select_candidate: its manual, "Type Conversion",
// gives the rules. nil: no single best candidate.
func (b *binder) choose(inputs []types.OID, all []candidate) *candidate {
	// Most exact matches.
	all = best(all, func(c candidate) int {
		n := 0
		for i, in := range inputs {
			if in != types.Unknown && c.args[i] == in {
				n++
			}
		}
		return n
	})
	if len(all) == 1 {
		return &all[0]
	}
	// Most exact matches or preferred types of the input's own category.
	all = best(all, func(c candidate) int {
		n := 0
		for i, in := range inputs {
			if in != types.Unknown && (c.args[i] == in || preferred(c.args[i]) && category(c.args[i]) == category(in)) {
				n++
			}
		}
		return n
	})
	if len(all) == 1 {
		return &all[0]
	}
	unknowns := 0
	for _, in := range inputs {
		if in == types.Unknown {
			unknowns++
		}
	}
	if unknowns == 0 {
		return nil
	}
	if kept := resolveUnknowns(inputs, all); kept != nil {
		all = kept
	}
	if len(all) == 1 {
		return &all[0]
	}
	if unknowns == len(inputs) {
		return nil
	}
	// All known inputs are of one type: the unknown ones are taken to be so too.
	known := types.Unknown
	for _, in := range inputs {
		switch {
		case in == types.Unknown || in == known:
		case known == types.Unknown:
			known = in
		default:
			return nil
		}
	}
	same := make([]types.OID, len(inputs))
	for i := range same {
		same[i] = known
	}
	if kept := b.matching(same, all); len(kept) == 1 {
		return &kept[0]
	}
	return nil
}

// resolveUnknowns strips the candidates whose categories do not fit the unknown
// inputs: string wins, else the category must be one. nil: no decision.
func resolveUnknowns(inputs []types.OID, all []candidate) []candidate {
	cats := make([]byte, len(inputs))
	prefs := make([]bool, len(inputs))
	for i, in := range inputs {
		if in != types.Unknown {
			continue
		}
		conflict := false
		for n, c := range all {
			cat, pref := category(c.args[i]), preferred(c.args[i])
			switch {
			case n == 0:
				cats[i], prefs[i] = cat, pref
			case cat == cats[i]:
				prefs[i] = prefs[i] || pref
			case cat == 'S':
				cats[i], prefs[i] = cat, pref
			default:
				conflict = true
			}
		}
		if conflict && cats[i] != 'S' {
			return nil
		}
	}
	var kept []candidate
	for _, c := range all {
		keep := true
		for i, in := range inputs {
			if in != types.Unknown {
				continue
			}
			if category(c.args[i]) != cats[i] || prefs[i] && !preferred(c.args[i]) {
				keep = false
			}
		}
		if keep {
			kept = append(kept, c)
		}
	}
	return kept
}

// typesEqual reports whether two lists of types are the same.
func typesEqual(a, b []types.OID) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

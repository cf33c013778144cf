package catalog

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// maxName is the longest name, in bytes (NAMEDATALEN - 1).
const maxName = 63

// ObjectName makes a name of a table's, a column's and a label, each part cut so
// that it fits (makeObjectName). column "" is left out.
func ObjectName(table, column, label string) string {
	over := len("_") + len(label)
	if column != "" {
		over++
	}
	a, b := len(table), len(column)
	for a+b > maxName-over {
		if a > b {
			a--
		} else {
			b--
		}
	}
	name := clip(table, a)
	if column != "" {
		name += "_" + clip(column, b)
	}
	return name + "_" + label
}

// clip cuts s to at most n bytes, at a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// ChooseName makes an ObjectName that taken does not have, by a number behind
// the label.
func ChooseName(table, column, label string, taken func(string) bool) string {
	name := ObjectName(table, column, label)
	for n := 1; taken(name); n++ {
		name = ObjectName(table, column, label+strconv.Itoa(n))
	}
	return name
}

// NameTaken tells whether a relation or an index of a schema has a name.
func (s *Snapshot) NameTaken(schema, name string) bool {
	if s.relations[schema][name] != nil {
		return true
	}
	_, x := s.Index(schema, name)
	return x != nil
}

// Index finds an index of a schema by its name, with its table; nil where there
// is none.
func (s *Snapshot) Index(schema, name string) (*Relation, *Index) {
	for _, r := range s.relations[schema] {
		if x := r.IndexNamed(name); x != nil {
			return r, x
		}
	}
	return nil, nil
}

// ResolveIndex finds an index by its name along a search path.
func (s *Snapshot) ResolveIndex(path []string, name string) (*Relation, *Index) {
	for _, schema := range EffectivePath(path) {
		if s.relations[schema][name] != nil {
			return nil, nil // a relation comes first
		}
		if r, x := s.Index(schema, name); x != nil {
			return r, x
		}
	}
	return nil, nil
}

// IndexByOID finds an index with its table; nil where there is none.
func (s *Snapshot) IndexByOID(oid types.OID) (*Relation, *Index) {
	for _, r := range s.byOID {
		for _, x := range r.Indexes() {
			if x.OID == oid {
				return r, x
			}
		}
	}
	return s.keyIndexByOID(oid)
}

// References are the relations that a stored expression names by their OIDs:
// '16384'::regclass.
func References(expr string) []types.OID {
	var all []types.OID
	for rest := expr; ; {
		i := strings.Index(rest, "'::regclass")
		if i < 0 {
			return all
		}
		digits := rest[strings.LastIndexByte(rest[:i], '\'')+1 : i]
		if oid, err := strconv.ParseUint(digits, 10, 32); err == nil {
			all = append(all, types.OID(oid))
		}
		rest = rest[i+len("'::regclass"):]
	}
}

// NextValue is the stored default of a column that a sequence numbers.
func NextValue(sequence types.OID) string {
	return "nextval('" + strconv.FormatUint(uint64(sequence), 10) + "'::regclass)"
}

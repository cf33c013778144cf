package types

import (
	"sort"
	"strings"
	"sync"
)

// FormatType is PostgreSQL's format_type: numeric(18,4), timestamp(3) with time
// zone, integer[].
func FormatType(t Type) string {
	i := Lookup(t.OID)
	if i == nil {
		if t.OID == Invalid {
			return "-"
		}
		return "???"
	}
	if i.Elem != 0 && strings.HasPrefix(i.Name, "_") {
		return FormatType(Type{i.Elem, t.Mod}) + "[]"
	}
	if i.ModOut == nil {
		return i.SQLName
	}
	switch i.OID {
	case Time, Timetz, Timestamp, Timestamptz:
		name, _, _ := strings.Cut(i.SQLName, " ")
		return name + i.ModOut(t.Mod)
	case BPChar:
		if t.Mod < 0 {
			return "bpchar" // character is character(1)
		}
	}
	return i.SQLName + i.ModOut(t.Mod)
}

// Modified reports whether the type, or an array's elements, can have a modifier.
func (i *Info) Modified() bool {
	if i.Elem != 0 && strings.HasPrefix(i.Name, "_") {
		return Lookup(i.Elem).Modified()
	}
	return i.ModOut != nil
}

// sqlSpellings are the names of SQL's grammar that are neither a typname nor
// what format_type prints.
var sqlSpellings = map[string]OID{
	"int":                         Int4,
	"dec":                         Numeric,
	"decimal":                     Numeric,
	"float":                       Float8,
	"string":                      Text,
	"char":                        BPChar,
	"character":                   BPChar,
	"nchar":                       BPChar,
	"national character":          BPChar,
	"national char":               BPChar,
	"char varying":                Varchar,
	"national character varying":  Varchar,
	"time without time zone":      Time,
	"timestamp without time zone": Timestamp,
}

var byName = sync.OnceValue(func() map[string]*Info {
	m := make(map[string]*Info, 2*len(byOID))
	for _, i := range byOID {
		m[i.SQLName] = i
	}
	for s, oid := range sqlSpellings {
		m[s] = byOID[oid]
	}
	for _, i := range byOID {
		// The SQL words char and the type "char" differ; the quoted one is
		// found under its quotes.
		if i.OID != Char {
			m[i.Name] = i
		}
	}
	return m
})

// ByName finds a type by its pg_type.typname or a SQL spelling of it, in lower
// case: int4, integer, double precision, character varying, integer[].
func ByName(name string) (*Info, bool) {
	if i, ok := byName()[name]; ok {
		return i, true
	}
	elem, isArray := strings.CutSuffix(name, "[]")
	for strings.HasSuffix(elem, "[]") {
		elem = strings.TrimSuffix(elem, "[]")
	}
	if isArray {
		if i, ok := byName()[strings.TrimSpace(elem)]; ok && i.Array != 0 {
			return Lookup(i.Array), true
		}
	}
	return nil, false
}

// All returns every type, ordered by OID. The slice is the caller's.
func All() []*Info {
	all := make([]*Info, 0, len(byOID))
	for _, i := range byOID {
		all = append(all, i)
	}
	sort.Slice(all, func(a, b int) bool { return all[a].OID < all[b].OID })
	return all
}

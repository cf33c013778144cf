package gateway

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// enumNames are the enum types that a session has read or written values of, as
// one snapshot and search path have them.
type enumNames struct {
	snapshot *catalog.Snapshot
	path     []string
	known    map[types.OID]*types.Enum
}

// enum is what the values of an enum type are called, as types.Format asks for
// it: once for each value.
func (x *session) enum(oid types.OID) *types.Enum {
	s := x.nameSnapshot()
	if path := x.settings.current.searchPath; x.enums.snapshot != s || !slices.Equal(x.enums.path, path) {
		x.enums = enumNames{s, path, map[types.OID]*types.Enum{}}
	}
	e, ok := x.enums.known[oid]
	if !ok {
		e = s.EnumLabels(oid, x.searchPath(s))
		x.enums.known[oid] = e
	}
	return e
}

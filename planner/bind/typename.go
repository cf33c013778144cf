package bind

import (
	"math"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// typeName resolves a type as written, with its modifier.
func (b *binder) typeName(t *pg.TypeName) types.Type {
	names := strs(t.Names)
	pos := b.pos(t.Location)
	display := strings.Join(names, ".")
	if t.Setof {
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "type %s cannot be a set here", quoteDisplay(display)).At(pos))
	}
	if t.PctType {
		b.fail(sqlerr.Unsupported("Write the column's type out.", "%%TYPE is not supported").At(pos))
	}
	info := b.lookupType(names)
	if info == nil && len(names) == 2 && b.c.Catalog.Schema(b.tempSchema(names[0])) == nil {
		b.failf(sqlerr.InvalidSchemaName, t.Location, "schema \"%s\" does not exist", names[0])
	}
	if info == nil {
		b.fail(undefinedType(names, len(t.ArrayBounds) > 0).At(pos))
	}
	mod := b.typeMod(t, info)
	if len(t.ArrayBounds) > 0 {
		if info.Array == 0 && info.Elem == 0 {
			b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "could not find array type for data type %s", types.FormatType(types.Of(info.OID))).At(pos))
		}
		if info.Array != 0 {
			return types.Type{OID: info.Array, Mod: mod}
		}
	}
	return types.Type{OID: info.OID, Mod: mod}
}

// lookupType finds a type by its name, of pg_catalog or unqualified; nil: none.
func (b *binder) lookupType(names []string) *types.Info {
	name := names[len(names)-1]
	if len(names) > 1 && names[len(names)-2] != "pg_catalog" {
		return b.ownType(names)
	}
	if info := markedEnum(names); info != nil {
		return info
	}
	if info := typesByName[name]; info != nil {
		return info
	}
	if strings.HasPrefix(name, "_") {
		if elem := typesByName[name[1:]]; elem != nil && elem.Array != 0 {
			return types.Lookup(elem.Array)
		}
	}
	if len(names) == 1 {
		if info := typesByName[streamTypes[name]]; info != nil {
			return info
		}
	}
	return b.ownType(names)
}

// streamTypes are spellings that streaming systems use and PostgreSQL's
// grammar does not know.
var streamTypes = map[string]string{
	"string":        "text",
	"long":          "int8",
	"double":        "float8",
	"bytes":         "bytea",
	"datetime":      "timestamp",
	"tinyint":       "int2",
	"struct":        "jsonb",
	"map":           "jsonb",
	"timestamp_ltz": "timestamptz",
}

var typesByName = func() map[string]*types.Info {
	m := map[string]*types.Info{}
	for _, info := range types.All() {
		m[info.Name] = info
	}
	return m
}()

// fractions are the types whose modifier is a number of digits of a second, six
// at most, as a warning names them.
var fractions = map[types.OID]string{
	types.Timestamp: "TIMESTAMP(%d)", types.Timestamptz: "TIMESTAMP(%d) WITH TIME ZONE", types.Time: "TIME(%d)", types.Timetz: "TIME(%d) WITH TIME ZONE", types.Interval: "INTERVAL(%d)",
}

func (b *binder) typeMod(t *pg.TypeName, info *types.Info) int32 {
	if len(t.Typmods) == 0 {
		if t.Typemod != 0 && t.Typemod != -1 {
			return t.Typemod
		}
		return -1
	}
	pos := b.pos(t.Location)
	mods := make([]int32, 0, len(t.Typmods))
	for _, m := range t.Typmods {
		c := m.GetAConst()
		if c == nil {
			b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "type modifiers must be simple constants or identifiers").At(pos))
		}
		switch v := c.Val.(type) {
		case *pg.A_Const_Ival:
			mods = append(mods, v.Ival.Ival)
		case *pg.A_Const_Fval:
			mods = append(mods, math.MaxInt32)
		case *pg.A_Const_Sval:
			n, err := strconv.ParseInt(v.Sval.Sval, 10, 32)
			if err != nil {
				b.fail(sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input syntax for type integer: \"%s\"", v.Sval.Sval).At(pos))
			}
			mods = append(mods, int32(n))
		default:
			mods = append(mods, 0)
		}
	}
	if limited, ok := fractions[info.OID]; ok && (info.OID != types.Interval || len(mods) == 2) && mods[len(mods)-1] > 6 && mods[len(mods)-1] < math.MaxInt16 {
		b.warn(sqlerr.InvalidParameterValue, limited+" precision reduced to maximum allowed, 6", mods[len(mods)-1])
	}
	if info.ModIn == nil {
		b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "type modifier is not allowed for type \"%s\"", b.formatType(info.OID)).At(pos))
	}
	mod, err := info.ModIn(mods)
	if err != nil {
		b.fail(sqlerr.From(err).At(pos))
	}
	return mod
}

func undefinedType(names []string, array bool) *sqlerr.Error {
	display := strings.Join(names, ".")
	if array {
		display += "[]"
	}
	return sqlerr.Errorf(sqlerr.UndefinedObject, "type %s does not exist", quoteDisplay(display))
}

func quoteDisplay(s string) string { return `"` + s + `"` }

// elemType is the element type of an array, 0 for a type that is none.
func elemType(oid types.OID) types.OID {
	if oid == types.Name {
		return 0
	}
	if info := types.Lookup(oid); info != nil && info.Phys == types.PhysList {
		return info.Elem
	}
	return 0 // also of a point, whose elements are only subscripted
}

func arrayType(elem types.OID) types.OID {
	if info := types.Lookup(elem); info != nil {
		return info.Array
	}
	return 0
}

func category(oid types.OID) byte {
	if info := types.Lookup(oid); info != nil {
		return info.Category
	}
	switch oid {
	case types.Unknown:
		return 'X'
	case types.Any, types.AnyElement, types.AnyArray, types.AnyNonArray, types.Void, types.Cstring:
		return 'P'
	}
	return 'U'
}

func preferred(oid types.OID) bool {
	info := types.Lookup(oid)
	return info != nil && info.Preferred
}

// formatType names a type without its modifier, as errors do.
func (b *binder) formatType(oid types.OID) string { return b.formatMod(types.Of(oid)) }

// formatMod names a type with its modifier.
func (b *binder) formatMod(t types.Type) string { return b.c.Catalog.FormatType(t, b.c.SearchPath) }

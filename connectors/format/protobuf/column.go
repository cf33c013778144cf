package protobuf

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// maxColumns is how many columns a relation has at most, as in PostgreSQL.
const maxColumns = 1600

// Columns are the columns that a message's fields make; flat makes columns of the
// fields of messages in it too, named with dots.
func (s *Schema) Columns(name string, flat bool) ([]catalog.Column, error) {
	m, err := s.message(name)
	if err != nil {
		return nil, err
	}
	var cols []catalog.Column
	seen := 0
	var add func(m *message, prefix string, above []*message)
	add = func(m *message, prefix string, above []*message) {
		if seen++; len(cols) > maxColumns || seen > 16*maxColumns {
			return
		}
		for _, f := range m.fields {
			if flat && f.nested() && !slices.Contains(above, f.message) && len(above) < 16 {
				add(f.message, prefix+f.name+".", append(above, f.message))
				continue
			}
			if len(cols) > maxColumns {
				return
			}
			cols = append(cols, catalog.Column{Name: prefix + f.name, Type: f.columnType()})
		}
	}
	add(m, "", []*message{m})
	if len(cols) == 0 || len(cols) > maxColumns || seen > 16*maxColumns {
		return nil, sqlerr.Errorf(sqlerr.InvalidTableDefinition, "the Protobuf message %q makes no column, or more than the %d that a stream can have", m.name, maxColumns)
	}
	return cols, nil
}

// nested reports whether a field is one message, whose fields may be columns.
func (f *field) nested() bool { return f.message != nil && !f.list && !f.message.scalar() }

// columnType is the SQL type that holds every value of the field.
func (f *field) columnType() types.Type {
	t := f.valueType()
	if !f.list {
		return t
	}
	if info := types.Lookup(t.OID); !f.isMap && info != nil && info.Array != 0 && info.Phys != types.PhysList && t.OID != types.JSONB {
		return types.Type{OID: info.Array, Mod: t.Mod}
	}
	return types.Of(types.JSONB)
}

func (f *field) valueType() types.Type {
	switch f.kind {
	case kindInt32, kindSint32, kindSfixed32:
		return types.Of(types.Int4)
	case kindUint32, kindFixed32, kindInt64, kindSint64, kindSfixed64:
		return types.Of(types.Int8)
	case kindUint64, kindFixed64:
		return types.Type{OID: types.Numeric, Mod: 20<<16 + 4}
	case kindBool:
		return types.Of(types.Bool)
	case kindFloat:
		return types.Of(types.Float4)
	case kindDouble:
		return types.Of(types.Float8)
	case kindBytes:
		return types.Of(types.Bytea)
	case kindString, kindEnum:
		return types.Of(types.Text)
	}
	switch f.message.means {
	case meansTimestamp:
		return types.Of(types.Timestamptz)
	case meansDuration:
		return types.Of(types.Interval)
	case meansWrapper:
		return f.message.fields[0].valueType()
	case meansUnits, meansText, meansBinary:
		return types.Of(types.Numeric)
	case meansDate:
		return types.Of(types.Date)
	case meansTimeOfDay:
		return types.Of(types.Time)
	}
	return types.Of(types.JSONB)
}

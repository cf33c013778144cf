package csv

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// kind is how a field is read at its quickest.
type kind uint8

const (
	kindOther kind = iota
	kindText
	kindVarchar
	kindChar
	kindInt8
	kindInt4
	kindNumeric
	kindTimestamp
	kindTimestamptz
	kindDate
)

// kindOf chooses by a type and its modifier.
func (f *field) kindOf() kind {
	plain := f.typ.Mod < 0
	switch {
	case f.typ.OID == types.Text:
		return kindText
	case plain && (f.typ.OID == types.Varchar || f.typ.OID == types.BPChar):
		f.length = math.MaxInt
		return kindVarchar
	case f.typ.OID == types.Varchar:
		f.length = int(f.typ.Mod - 4)
		return kindVarchar
	case f.typ.OID == types.BPChar:
		f.length = int(f.typ.Mod - 4)
		return kindChar
	case f.typ.OID == types.Int8:
		return kindInt8
	case f.typ.OID == types.Int4:
		return kindInt4
	case f.typ.OID == types.Date:
		return kindDate
	case f.typ.OID == types.Timestamp && plain:
		return kindTimestamp
	case f.typ.OID == types.Timestamptz && plain:
		return kindTimestamptz
	case f.typ.OID == types.Numeric && plain:
		return kindNumeric
	case f.typ.OID == types.Numeric:
		// numeric(p,s), p digits of which s stand after the point.
		precision, scale := (f.typ.Mod-4)>>16, ((f.typ.Mod-4)&0x7ff^1024)-1024
		if precision <= 18 && scale >= 0 && scale <= precision {
			f.scale, f.limit = scale, pow10[precision]
			return kindNumeric
		}
	}
	return kindOther
}

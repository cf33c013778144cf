package types

import (
	"cmp"
	"slices"
	"strconv"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// An enum type has the OID that its CREATE took, like a relation, and its arrays
// one that follows from it. A value is a number, and numbers order values as
// their type does; what a number is called only the catalog knows (Format.Enum).
const (
	firstEnum  OID = 16384
	enumArrays OID = MaxRelation
)

// MaxEnumLabel is the longest label, in bytes.
const MaxEnumLabel = 63

// Enum is what the values of an enum type are called.
type Enum struct {
	Name   string // as messages show it
	Labels []EnumLabel
	byName map[string]int64
	added  map[string]bool // labels that a transaction has added which is still open
}

// EnumLabel is one value of an enum type.
type EnumLabel struct {
	Number int64
	Label  string
}

// NewEnum is an enum of labels, whose numbers ascend.
func NewEnum(name string, labels []EnumLabel) *Enum {
	e := &Enum{Name: name, Labels: labels, byName: make(map[string]int64, len(labels))}
	for _, l := range labels {
		e.byName[l.Label] = l.Number
	}
	return e
}

// Adding is e to the transaction that has added some of its labels.
func (e *Enum) Adding(labels map[string]bool) *Enum {
	out := *e
	out.added = labels
	return &out
}

// MayUse is 55P04 for a label that is not committed: a value of it could be found in
// an index after the label has been rolled back.
func (e *Enum) MayUse(label string) error {
	if !e.added[label] {
		return nil
	}
	return sqlerr.Errorf(sqlerr.UnsafeNewEnumValueUsage, "unsafe use of new value \"%s\" of enum type %s", label, e.Name).
		WithHint("New enum values must be committed before they can be used.")
}

// Number is the value of a label; ok is false where there is none.
func (e *Enum) Number(label string) (n int64, ok bool) {
	n, ok = e.byName[label]
	return n, ok
}

// Label is what a value is called; ok is false where there is no such value.
func (e *Enum) Label(n int64) (label string, ok bool) {
	i, ok := slices.BinarySearchFunc(e.Labels, n, func(l EnumLabel, n int64) int { return cmp.Compare(l.Number, n) })
	if !ok {
		return "", false
	}
	return e.Labels[i].Label, true
}

// IsEnum reports whether a type is an enum.
func IsEnum(oid OID) bool { return oid >= firstEnum && oid < enumArrays }

// EnumOf is the enum type that a type is, or is an array of; 0 for another.
func EnumOf(oid OID) OID {
	switch {
	case IsEnum(oid):
		return oid
	case oid >= enumArrays+firstEnum && oid < rowTypes:
		return oid - enumArrays
	}
	return 0
}

// enums are the infos of enum types and of their arrays, by OID, each made when
// it is first asked for: as many as types have been used.
var enums sync.Map

func enumInfo(oid OID) *Info {
	if EnumOf(oid) == 0 {
		return nil
	}
	if i, ok := enums.Load(oid); ok {
		return i.(*Info)
	}
	i := newEnumInfo(EnumOf(oid))
	if !IsEnum(oid) {
		i = arrayInfo(i, "_anyenum")
	}
	kept, _ := enums.LoadOrStore(oid, i)
	return kept.(*Info)
}

// enumElem is the element type of an array of enums, nil for another type.
func enumElem(oid OID) *Info {
	if elem := EnumOf(oid); elem != 0 && elem != oid {
		return enumInfo(elem)
	}
	return nil
}

func newEnumInfo(oid OID) *Info {
	return &Info{
		OID: oid, Name: "anyenum", SQLName: "anyenum", Array: enumArrays | oid, Len: 4, ByVal: true, Align: 'i',
		Category: 'E', Kind: 'e', Delim: ',', Phys: PhysInt64, Comparable: true,
		In: func(s string, _ int32, f *Format) (Value, error) { return parseEnum(oid, s, f) },
		AppendText: func(dst []byte, v Value, f *Format) []byte {
			return appendLabel(dst, v, f)
		},
		Recv: func([]byte, int32) (Value, error) {
			return Value{}, sqlerr.Errorf(sqlerr.UndefinedFunction, "no binary input function available for type %d", oid)
		},
		AppendBinary: appendLabel,
		Compare:      compareI,
	}
}

func enumFrom(oid OID, f *Format) *Enum {
	if f == nil || f.Enum == nil {
		return nil
	}
	return f.Enum(oid)
}

func parseEnum(oid OID, s string, f *Format) (Value, error) {
	e := enumFrom(oid, f)
	if e == nil {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return Value{}, sqlerr.Errorf(sqlerr.UndefinedObject, "type with OID %d does not exist", oid)
		}
		return NewInt(oid, n), nil
	}
	n, ok := e.Number(s)
	if !ok {
		return Value{}, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input value for enum %s: \"%s\"", e.Name, s)
	}
	return Value{Type: Of(oid), I: n, S: s}, e.MayUse(s)
}

// appendLabel appends what a value is called: a value that was read has its label
// with it.
func appendLabel(dst []byte, v Value, f *Format) []byte {
	if e := enumFrom(v.Type.OID, f); e != nil {
		if label, ok := e.Label(v.I); ok {
			return append(dst, label...)
		}
	} else if v.S != "" && f != nil {
		return append(dst, v.S...)
	}
	return strconv.AppendInt(dst, v.I, 10)
}

// AppendStored appends the text of a value as it is kept: Parse reads it with the
// default format, whatever labels have become.
func AppendStored(dst []byte, v Value) []byte {
	if EnumOf(v.Type.OID) != 0 {
		return AppendText(dst, v, nil)
	}
	return AppendText(dst, v, DefaultFormat())
}

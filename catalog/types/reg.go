package types

import (
	"strconv"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// The reg* types of what psql and drivers seldom name.
const (
	Regprocedure  OID = 2202
	Regoper       OID = 2203
	Regoperator   OID = 2204
	Regconfig     OID = 3734
	Regdictionary OID = 3769
	Regrole       OID = 4096
	Regcollation  OID = 4191
)

// The reg* types are oids that read and write as names. Who knows the names is
// in Format; without it they are digits.
func registerReg(oid, array OID, name string) {
	register(&Info{
		OID: oid, Name: name, SQLName: name, Array: array, Len: 4, ByVal: true, Align: 'i',
		Category: 'N', Kind: 'b', Delim: ',', Phys: PhysUint32, Comparable: true,
		In: func(s string, _ int32, f *Format) (Value, error) {
			v, err := parseReg(s, oid, name, f)
			return NewInt(oid, int64(v)), err
		},
		AppendText:   func(dst []byte, v Value, f *Format) []byte { return AppendReg(dst, oid, OID(v.I), f) },
		Recv:         recvOID(oid),
		AppendBinary: appendInt32,
		Compare:      compareI,
	})
}

func parseReg(s string, oid OID, name string, f *Format) (OID, error) {
	if s == "-" {
		return 0, nil
	}
	if s != "" && isDigit(s[0]) {
		digits := 0
		for digits < len(s) && isDigit(s[digits]) {
			digits++
		}
		if digits == len(s) {
			v, err := strconv.ParseUint(s, 10, 32)
			if err != nil {
				return 0, errRange("oid", s)
			}
			return OID(v), nil
		}
	}
	if f != nil && f.RegIn != nil {
		return f.RegIn(oid, s)
	}
	return 0, sqlerr.Errorf(sqlerr.UndefinedObject, "%s \"%s\" does not exist", name, s).
		WithHint("Write the object's OID in digits: no catalog is at hand here.")
}

// AppendReg appends the text form of a reg* type: the name, the digits of an
// unknown oid, and - for 0.
func AppendReg(dst []byte, oid, id OID, f *Format) []byte {
	switch {
	case id != 0:
	case oid == Regoper || oid == Regoperator:
		return append(dst, '0')
	default:
		return append(dst, '-')
	}
	if f != nil && f.RegOut != nil {
		if name, ok := f.RegOut(oid, id); ok {
			return append(dst, name...)
		}
	}
	return AppendInt(dst, int64(id))
}

var _ = func() bool {
	registerReg(Regproc, 1008, "regproc")
	registerReg(Regclass, 2210, "regclass")
	registerReg(Regtype, 2211, "regtype")
	registerReg(Regnamespace, 4090, "regnamespace")
	registerReg(Regprocedure, 2207, "regprocedure")
	registerReg(Regoper, 2208, "regoper")
	registerReg(Regoperator, 2209, "regoperator")
	registerReg(Regconfig, 3735, "regconfig")
	registerReg(Regdictionary, 3770, "regdictionary")
	registerReg(Regrole, 4097, "regrole")
	registerReg(Regcollation, 4192, "regcollation")
	return true
}()

package types

// unknown is a literal that has no type yet.
var _ = unknownType()

func unknownType() *Info {
	i := textType(&Info{OID: Unknown, Name: "unknown", SQLName: "unknown", Len: -2, Align: 'c', Category: 'X'})
	i.Kind = 'p'
	return i
}

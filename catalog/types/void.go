package types

// void is what a function without a result returns: an empty value.
var _ = register(&Info{
	OID: Void, Name: "void", SQLName: "void", Len: 4, ByVal: true, Align: 'i', Category: 'P', Kind: 'p', Delim: ',', Phys: PhysBytes,
	In:           func(string, int32, *Format) (Value, error) { return NewString(Void, ""), nil },
	AppendText:   func(dst []byte, _ Value, _ *Format) []byte { return dst },
	Recv:         func([]byte, int32) (Value, error) { return NewString(Void, ""), nil },
	AppendBinary: func(dst []byte, _ Value, _ *Format) []byte { return dst },
	Compare:      func(_, _ Value) int { return 0 },
})

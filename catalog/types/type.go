// Package types knows SQL's types: their PostgreSQL OIDs, how one value of each
// is read and written in PostgreSQL's text and binary forms, and how it
// compares. It knows nothing of columns, batches or expressions.
//
// Each type is one file. It fills one Info, registered by its OID; everything
// that must treat all types alike goes through Lookup.
package types

// OID is a PostgreSQL object identifier.
type OID uint32

// Type is a type with its modifier. It is comparable; Mod -1 is no modifier,
// else what PostgreSQL stores in atttypmod (numeric(18,4): (18<<16|4)+4,
// varchar(10): 10+4, timestamp(3): 3).
type Type struct {
	OID OID
	Mod int32
}

// Of returns the type with no modifier.
func Of(oid OID) Type { return Type{OID: oid, Mod: -1} }

// PostgreSQL's OIDs for the types that have a column representation here. The
// rest of pg_type is registered beside them.
const (
	Invalid      OID = 0
	Bool         OID = 16
	Bytea        OID = 17
	Char         OID = 18 // "char", one byte
	Name         OID = 19
	Int8         OID = 20
	Int2         OID = 21
	Int2Vector   OID = 22
	Int4         OID = 23
	Regproc      OID = 24
	Text         OID = 25
	Oid          OID = 26
	OidVector    OID = 30
	JSON         OID = 114
	Float4       OID = 700
	Float8       OID = 701
	Unknown      OID = 705
	BPChar       OID = 1042
	Varchar      OID = 1043
	Date         OID = 1082
	Time         OID = 1083
	Timestamp    OID = 1114
	Timestamptz  OID = 1184
	Interval     OID = 1186
	Numeric      OID = 1700
	Regclass     OID = 2205
	Regtype      OID = 2206
	Record       OID = 2249
	RecordArray  OID = 2287
	Cstring      OID = 2275
	Any          OID = 2276
	AnyArray     OID = 2277
	Void         OID = 2278
	AnyElement   OID = 2283
	AnyNonArray  OID = 2776
	UUID         OID = 2950
	JSONB        OID = 3802
	Regnamespace OID = 4089
)

// Phys is how a column of a type lies in memory (exec/vec has one vector for
// each), and so which field of a Value holds it.
type Phys uint8

const (
	PhysNone     Phys = iota
	PhysBool          // vec.Fixed[bool];            Value.I is 0 or 1
	PhysInt16         // vec.Fixed[int16];           Value.I
	PhysInt32         // vec.Fixed[int32];           Value.I (date: days since 2000-01-01)
	PhysInt64         // vec.Fixed[int64];           Value.I (time, timestamp(tz): microseconds, since midnight or 2000-01-01 UTC)
	PhysUint32        // vec.Fixed[uint32];          Value.I (oid and reg* types)
	PhysFloat32       // vec.Fixed[float32];         Value.F
	PhysFloat64       // vec.Fixed[float64];         Value.F
	PhysInterval      // vec.Fixed[types.IntervalValue]; Value.Span
	PhysUUID          // vec.Fixed[types.UUIDValue]; Value.S, 16 raw bytes
	PhysBytes         // vec.Bytes;                  Value.S (jsonb: PostgreSQL's canonical text; bytea: raw)
	PhysNumeric       // vec.Numeric;                Value.N
	PhysList          // vec.List;                   Value.A
)

// IntervalValue is an interval as PostgreSQL keeps it: three parts that do not
// convert into each other until they are used.
type IntervalValue struct {
	Micros int64
	Days   int32
	Months int32
}

// UUIDValue is the 16 bytes of a uuid.
type UUIDValue [16]byte

// Infinity and -infinity of date, timestamp and timestamptz, as in PostgreSQL.
const (
	DateInfinity         int32 = 1<<31 - 1
	DateNegInfinity      int32 = -1 << 31
	TimestampInfinity    int64 = 1<<63 - 1
	TimestampNegInfinity int64 = -1 << 63
)

// UnixEpoch is 1970-01-01 in microseconds since PostgreSQL's epoch 2000-01-01.
const UnixEpoch int64 = -946684800000000

// Info is what is known of a type. Entries are made at init and never change.
type Info struct {
	OID        OID
	Name       string // pg_type.typname: int4
	SQLName    string // format_type: integer
	Array      OID    // its array type, 0 for none
	Elem       OID    // an array's element type, 0 otherwise
	Len        int16  // typlen: bytes, -1 variable
	ByVal      bool
	Align      byte // typalign: c s i d
	Category   byte // typcategory
	Preferred  bool
	Kind       byte // typtype: b base, c composite, d domain, e enum, p pseudo, r range, m multirange
	Delim      byte
	Phys       Phys // PhysNone: known to the catalogs, no column of it can exist
	Comparable bool // has a btree order

	// In reads the text form; mod is the type modifier to apply, -1 for none.
	In func(s string, mod int32, f *Format) (Value, error)
	// AppendText appends the text form of a value that is not NULL.
	AppendText func(dst []byte, v Value, f *Format) []byte
	// Recv reads the binary form. It keeps nothing of b.
	Recv func(b []byte, mod int32) (Value, error)
	// AppendBinary appends the binary form, without its length word.
	AppendBinary func(dst []byte, v Value, f *Format) []byte
	// Compare orders two values that are not NULL: -1, 0, 1 (btree order).
	Compare func(a, b Value) int
	// AppendKey appends bytes that values share where they are equal, of a type
	// in PhysBytes whose equal values differ in theirs; nil: they do not differ,
	// or exec/vec knows how.
	AppendKey func(dst, b []byte) []byte
	// ModIn reads a modifier list (numeric(18,4): [18 4]); nil: none allowed.
	ModIn func(mods []int32) (int32, error)
	// ModOut writes a modifier for format_type: "(18,4)".
	ModOut func(mod int32) string
	// Coerce applies a modifier to a value: explicit truncates where an
	// assignment would raise 22001. nil: nothing to apply.
	Coerce func(v Value, mod int32, explicit bool) (Value, error)
}

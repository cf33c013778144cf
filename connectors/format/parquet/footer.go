package parquet

import "github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"

// Physical types.
const (
	physBool    = 0
	physInt32   = 1
	physInt64   = 2
	physInt96   = 3
	physFloat   = 4
	physDouble  = 5
	physBytes   = 6
	physFixed   = 7
	physGroup   = -1
	physUnknown = -2
)

var physNames = [...]string{"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"}

// Repetitions.
const (
	required = 0
	optional = 1
	repeated = 2
)

// Converted types, which older files have in place of logical ones.
const (
	convertedUTF8 = iota
	convertedMap
	convertedMapKeyValue
	convertedList
	convertedEnum
	convertedDecimal
	convertedDate
	convertedTimeMillis
	convertedTimeMicros
	convertedTimestampMillis
	convertedTimestampMicros
	convertedUint8
	convertedUint16
	convertedUint32
	convertedUint64
	convertedInt8
	convertedInt16
	convertedInt32
	convertedInt64
	convertedJSON
	convertedBSON
	convertedInterval
)

// Logical types, by their number in the union.
const (
	logicalNone      = 0
	logicalString    = 1
	logicalMap       = 2
	logicalList      = 3
	logicalEnum      = 4
	logicalDecimal   = 5
	logicalDate      = 6
	logicalTime      = 7
	logicalTimestamp = 8
	logicalInteger   = 10
	logicalNull      = 11
	logicalJSON      = 12
	logicalBSON      = 13
	logicalUUID      = 14
	logicalFloat16   = 15
	logicalVariant   = 16
	logicalGeometry  = 17
	logicalGeography = 18
	logicalInterval  = 100 // a converted type only
)

// element is one node of the schema as the footer has it: depth first.
type element struct {
	phys       int
	length     int32
	repetition int32
	name       string
	children   int32
	converted  int32 // -1: none
	scale      int32
	prec       int32

	logical int
	utc     bool
	nanos   int64 // of a unit of time
	bits    int
	signed  bool
}

// chunk is one column of one row group.
type chunk struct {
	path         string // another file that has it
	phys         int
	codec        int32
	values       int64
	size         int64 // compressed
	data         int64 // where its first page begins
	dictionary   int64 // where its dictionary begins, or 0
	encrypted    bool
	min, max     []byte // nil: unknown
	oldMin       []byte // of the deprecated fields: signed order
	oldMax       []byte
	nulls        int64 // -1: unknown
	uncompressed int64
}

// begin is where its first byte lies.
func (c *chunk) begin() int64 {
	if c.dictionary > 0 {
		return min(c.data, c.dictionary)
	}
	return c.data
}

// group is a row group.
type group struct {
	rows   int64
	chunks []chunk
	raw    []byte // as the footer has it
}

// footer is what a file says about itself.
type footer struct {
	schema []element
	rows   int64
	groups []group
	// ordered: statistics are by the order of the columns' types.
	ordered bool
}

// How many bytes the parts of a footer have at the least, by the fields that each must
// have. What is made of one is some times as long: of parts that are next to nothing a
// short footer would fill the memory.
const (
	leastElement = 4  // a name and a type or children
	leastGroup   = 7  // columns, bytes and rows
	leastChunk   = 20 // where it lies, type, encodings, path, codec, values and sizes
)

// readFooter parses a footer. What it keeps is b's.
func readFooter(b []byte) (*footer, error) {
	f := &footer{}
	t := &thrift{b: b}
	encrypted := false
	t.structure(func(id int, kind byte) bool {
		switch {
		case id == 2 && kind == thriftList:
			t.list(func(byte) {
				from := t.i
				f.schema = append(f.schema, readElement(t))
				t.holds(from, leastElement)
			})
		case id == 3 && kind == thriftI64:
			f.rows = t.int()
		case id == 4 && kind == thriftList:
			t.list(func(byte) {
				from := t.i
				g := readGroup(t)
				g.raw = b[from:t.i]
				f.groups = append(f.groups, g)
				t.holds(from, leastGroup)
			})
		case id == 7 && kind == thriftList:
			f.ordered = true
			return false
		case id == 8:
			encrypted = true
			return false
		default:
			return false
		}
		return true
	})
	switch {
	case t.failed():
		return nil, corrupt("its footer of %d bytes is damaged at byte %d", len(b), t.i)
	case encrypted:
		return nil, sqlerr.Unsupported("Write it without encryption.", "an encrypted Parquet file is not supported")
	}
	return f, nil
}

func readElement(t *thrift) element {
	e := element{phys: physGroup, converted: -1, scale: -1}
	t.structure(func(id int, kind byte) bool {
		switch {
		case id == 1 && kind == thriftI32:
			if e.phys = int(t.int32()); e.phys < 0 || e.phys > physFixed {
				e.phys = physUnknown
			}
		case id == 2 && kind == thriftI32:
			e.length = t.int32()
		case id == 3 && kind == thriftI32:
			e.repetition = t.int32()
		case id == 4 && kind == thriftBinary:
			e.name = string(t.binary())
		case id == 5 && kind == thriftI32:
			e.children = t.int32()
		case id == 6 && kind == thriftI32:
			e.converted = t.int32()
		case id == 7 && kind == thriftI32:
			e.scale = t.int32()
		case id == 8 && kind == thriftI32:
			e.prec = t.int32()
		case id == 10 && kind == thriftStruct:
			readLogical(t, &e)
		default:
			return false
		}
		return true
	})
	e.fromConverted()
	return e
}

// readLogical reads the union of logical types.
func readLogical(t *thrift, e *element) {
	t.structure(func(id int, kind byte) bool {
		e.logical = id
		if kind != thriftStruct {
			return false
		}
		switch id {
		case logicalDecimal:
			t.structure(func(id int, kind byte) bool {
				if kind != thriftI32 {
					return false
				}
				switch id {
				case 1:
					e.scale = t.int32()
				case 2:
					e.prec = t.int32()
				default:
					return false
				}
				return true
			})
		case logicalTime, logicalTimestamp:
			t.structure(func(id int, kind byte) bool {
				switch {
				case id == 1:
					e.utc = kind == thriftTrue
				case id == 2 && kind == thriftStruct:
					t.structure(func(id int, _ byte) bool {
						e.nanos = map[int]int64{1: 1e6, 2: 1e3, 3: 1}[id]
						return false
					})
					return true
				}
				return false
			})
		case logicalInteger:
			t.structure(func(id int, kind byte) bool {
				switch {
				case id == 1 && kind == thriftByte:
					e.bits = int(t.byte())
					return true
				case id == 2:
					e.signed = kind == thriftTrue
				}
				return false
			})
		default:
			return false
		}
		return true
	})
}

// fromConverted gives an element without a logical type the one of its converted type.
func (e *element) fromConverted() {
	if e.logical != logicalNone {
		return
	}
	switch e.converted {
	case convertedUTF8:
		e.logical = logicalString
	case convertedMap, convertedMapKeyValue:
		e.logical = logicalMap
	case convertedList:
		e.logical = logicalList
	case convertedEnum:
		e.logical = logicalEnum
	case convertedDecimal:
		e.logical = logicalDecimal
		e.scale = max(e.scale, 0)
	case convertedDate:
		e.logical = logicalDate
	case convertedTimeMillis, convertedTimeMicros:
		e.logical, e.utc, e.nanos = logicalTime, true, 1e6
		if e.converted == convertedTimeMicros {
			e.nanos = 1e3
		}
	case convertedTimestampMillis, convertedTimestampMicros:
		e.logical, e.utc, e.nanos = logicalTimestamp, true, 1e6
		if e.converted == convertedTimestampMicros {
			e.nanos = 1e3
		}
	case convertedUint8, convertedUint16, convertedUint32, convertedUint64:
		e.logical, e.bits = logicalInteger, 8<<(e.converted-convertedUint8)
	case convertedInt8, convertedInt16, convertedInt32, convertedInt64:
		e.logical, e.bits, e.signed = logicalInteger, 8<<(e.converted-convertedInt8), true
	case convertedJSON:
		e.logical = logicalJSON
	case convertedBSON:
		e.logical = logicalBSON
	case convertedInterval:
		e.logical = logicalInterval
	}
}

func readGroup(t *thrift) group {
	var g group
	t.structure(func(id int, kind byte) bool {
		switch {
		case id == 1 && kind == thriftList:
			t.list(func(byte) {
				from := t.i
				g.chunks = append(g.chunks, readChunk(t))
				t.holds(from, leastChunk)
			})
		case id == 3 && kind == thriftI64:
			g.rows = t.int()
		default:
			return false
		}
		return true
	})
	return g
}

func readChunk(t *thrift) chunk {
	c := chunk{phys: physUnknown, nulls: -1}
	t.structure(func(id int, kind byte) bool {
		switch {
		case id == 1 && kind == thriftBinary:
			c.path = string(t.binary())
		case id == 3 && kind == thriftStruct:
			readChunkData(t, &c)
		case id == 8 || id == 9:
			c.encrypted = true
			return false
		default:
			return false
		}
		return true
	})
	return c
}

func readChunkData(t *thrift, c *chunk) {
	t.structure(func(id int, kind byte) bool {
		switch {
		case id == 1 && kind == thriftI32:
			c.phys = int(t.int32())
		case id == 4 && kind == thriftI32:
			c.codec = t.int32()
		case id == 5 && kind == thriftI64:
			c.values = t.int()
		case id == 6 && kind == thriftI64:
			c.uncompressed = t.int()
		case id == 7 && kind == thriftI64:
			c.size = t.int()
		case id == 9 && kind == thriftI64:
			c.data = t.int()
		case id == 11 && kind == thriftI64:
			c.dictionary = t.int()
		case id == 12 && kind == thriftStruct:
			readStatistics(t, c)
		default:
			return false
		}
		return true
	})
}

func readStatistics(t *thrift, c *chunk) {
	t.structure(func(id int, kind byte) bool {
		switch {
		case id == 1 && kind == thriftBinary:
			c.oldMax = t.binary()
		case id == 2 && kind == thriftBinary:
			c.oldMin = t.binary()
		case id == 3 && kind == thriftI64:
			c.nulls = t.int()
		case id == 5 && kind == thriftBinary:
			c.max = t.binary()
		case id == 6 && kind == thriftBinary:
			c.min = t.binary()
		default:
			return false
		}
		return true
	})
}

// Kinds of pages.
const (
	pageData       = 0
	pageIndex      = 1
	pageDictionary = 2
	pageDataV2     = 3
)

// Encodings.
const (
	encPlain           = 0
	encPlainDictionary = 2
	encRLE             = 3
	encBitPacked       = 4
	encDelta           = 5
	encDeltaLength     = 6
	encDeltaBytes      = 7
	encDictionary      = 8
	encSplit           = 9
)

// pageHeader is what stands before a page.
type pageHeader struct {
	kind         int32
	uncompressed int32
	compressed   int32
	crc          int32
	hasCRC       bool

	values      int32
	encoding    int32
	defEncoding int32
	repEncoding int32
	defLength   int32 // of version 2
	repLength   int32
	plain       bool // of version 2: it is not compressed
	size        int  // bytes that the header takes
}

// readPageHeader reads the header at the beginning of b. more: b ends before it does.
func readPageHeader(b []byte) (h pageHeader, more bool, ok bool) {
	t := &thrift{b: b}
	t.structure(func(id int, kind byte) bool {
		switch {
		case id == 1 && kind == thriftI32:
			h.kind = t.int32()
		case id == 2 && kind == thriftI32:
			h.uncompressed = t.int32()
		case id == 3 && kind == thriftI32:
			h.compressed = t.int32()
		case id == 4 && kind == thriftI32:
			h.crc, h.hasCRC = t.int32(), true
		case (id == 5 || id == 7) && kind == thriftStruct:
			t.structure(func(id int, kind byte) bool {
				to := map[int]*int32{1: &h.values, 2: &h.encoding, 3: &h.defEncoding, 4: &h.repEncoding}[id]
				if kind != thriftI32 || to == nil {
					return false
				}
				*to = t.int32()
				return true
			})
		case id == 8 && kind == thriftStruct:
			t.structure(func(id int, kind byte) bool {
				if id == 7 {
					h.plain = kind == thriftFalse
					return false
				}
				to := map[int]*int32{1: &h.values, 4: &h.encoding, 5: &h.defLength, 6: &h.repLength}[id]
				if kind != thriftI32 || to == nil {
					return false
				}
				*to = t.int32()
				return true
			})
		default:
			return false
		}
		return true
	})
	h.size = t.i
	ok = !t.bad && h.uncompressed >= 0 && h.compressed >= 0 && h.values >= 0 && h.defLength >= 0 && h.repLength >= 0
	return h, t.short, ok
}

func corrupt(format string, args ...any) *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.DataCorrupted, "invalid Parquet file: "+format, args...)
}

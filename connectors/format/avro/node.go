package avro

import (
	"encoding/json"
	"strconv"

	hamba "github.com/hamba/avro/v2"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// kind is how a value lies in the bytes.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindInt
	kindLong
	kindFloat
	kindDouble
	kindBytes
	kindString
	kindEnum
	kindFixed
	kindArray
	kindMap
	kindRecord
	kindUnion
)

var kindNames = [...]string{
	"null", "boolean", "int", "long", "float", "double", "bytes", "string", "enum", "fixed", "array", "map", "record", "union",
}

// logical is what a value means.
type logical uint8

const (
	logicalNone logical = iota
	logicalDecimal
	logicalDate
	logicalTime    // of the day, in units
	logicalInstant // since 1970-01-01 UTC, in units
	logicalLocal   // since 1970-01-01 of no zone, in units
	logicalUUID
	logicalDuration
	logicalJSON  // text
	logicalZoned // text of an instant
)

// node is a type. Of types that contain themselves the nodes go in a circle.
type node struct {
	kind     kind
	name     string // full, of record, enum, fixed
	aliases  []string
	logical  logical
	nanos    int64 // of logicalTime, logicalInstant and logicalLocal: a unit
	prec     int32
	scale    int32
	size     int // of a fixed
	symbols  []string
	fallback string // of an enum: its default
	fields   []field
	items    *node // of an array or a map
	branches []*node
	null     int // the branch that is null; -1: none

	// What resolving adds. as is the kind that a reader sees, such as long where an
	// int was written; absent are the reader's fields that nobody wrote; failure is
	// why a branch cannot be read, told when it is met.
	as      kind
	absent  []field
	failure error
	// least is how many bytes a value has at least, 0 where none may be there.
	least int
	// empty: no value has any bytes. Of a record that has some, taking are the types
	// of the fields that may have them.
	empty  bool
	taking []*node
}

// field is one field of a record.
type field struct {
	name    string
	aliases []string
	node    *node
	def     []byte // its default, encoded; nil: none
	skip    bool   // the reader has no such field
}

// graph makes nodes of a parsed schema.
type graph struct {
	named map[string]*node
	left  int // how much may still be read and written for defaults
}

// maxDefaults bounds the defaults of a schema's fields, in bytes as they are written
// and encoded: what is left out of a default is the default inside, so that one may
// be twice what the one before it is.
const maxDefaults = 4 << 20

// mostLeast is where least stops: a type that is in itself twice, again and again,
// has values of more bytes than can be counted.
const mostLeast = 1 << 30

func (g *graph) node(s hamba.Schema) (*node, error) {
	switch s := s.(type) {
	case *hamba.RefSchema:
		if n := g.named[s.Schema().FullName()]; n != nil {
			return n, nil
		}
		return g.node(s.Schema())
	case *hamba.NullSchema:
		return &node{kind: kindNull, null: -1, empty: true}, nil
	case *hamba.PrimitiveSchema:
		n := &node{null: -1}
		for k, name := range kindNames {
			if name == string(s.Type()) {
				n.kind = kind(k)
			}
		}
		n.as, n.least = n.kind, 1
		if n.kind == kindFloat {
			n.least = 4
		} else if n.kind == kindDouble {
			n.least = 8
		}
		n.means(s.Logical(), s)
		return n, nil
	case *hamba.FixedSchema:
		n := g.add(s, kindFixed)
		n.size, n.least = s.Size(), s.Size()
		if n.size < 0 || n.size > 1<<20 {
			return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid Avro schema: fixed %q of %d bytes", n.name, n.size)
		}
		n.empty = n.size == 0
		n.means(s.Logical(), s)
		return n, nil
	case *hamba.EnumSchema:
		n := g.add(s, kindEnum)
		n.symbols, n.fallback, n.least = s.Symbols(), s.Default(), 1
		return n, nil
	case *hamba.ArraySchema:
		n := &node{kind: kindArray, as: kindArray, null: -1, least: 1}
		var err error
		n.items, err = g.node(s.Items())
		return n, err
	case *hamba.MapSchema:
		n := &node{kind: kindMap, as: kindMap, null: -1, least: 1}
		var err error
		n.items, err = g.node(s.Values())
		return n, err
	case *hamba.UnionSchema:
		n := &node{kind: kindUnion, as: kindUnion, null: -1, least: 1}
		for i, t := range s.Types() {
			b, err := g.node(t)
			if err != nil {
				return nil, err
			}
			if b.kind == kindNull {
				n.null = i
			}
			n.branches = append(n.branches, b)
		}
		return n, nil
	case *hamba.RecordSchema:
		n := g.add(s, kindRecord)
		for _, f := range s.Fields() {
			t, err := g.node(f.Type())
			if err != nil {
				return nil, err
			}
			n.least = min(n.least+t.least, mostLeast)
			n.fields = append(n.fields, field{name: f.Name(), aliases: f.Aliases(), node: t})
			if !t.empty {
				n.taking = append(n.taking, t)
			}
		}
		n.empty = len(n.taking) == 0
		// A default may be of a type that is complete only now.
		for i, f := range s.Fields() {
			raw, ok := f.Prop(rawDefault).(string)
			if !ok {
				continue
			}
			w := jsonWriter{code: true, left: &g.left}
			def, err := w.append([]byte{}, n.fields[i].node, []byte(raw), 0)
			if err != nil {
				code := sqlerr.InvalidParameterValue
				if sqlerr.CodeOf(err) == sqlerr.ProgramLimitExceeded {
					code = sqlerr.ProgramLimitExceeded
				}
				return nil, sqlerr.Errorf(code, "invalid Avro schema: the default of field %q of %q: %w", f.Name(), n.name, err)
			}
			n.fields[i].def = def
		}
		return n, nil
	}
	return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid Avro schema: a type %q is not known", s.Type())
}

// add makes the node of a type with a name; what is inside may name it already.
func (g *graph) add(s hamba.NamedSchema, k kind) *node {
	n := &node{kind: k, as: k, name: s.FullName(), aliases: s.Aliases(), null: -1}
	g.named[n.name] = n
	return n
}

// maxScale is how many digits a numeric has behind its point at most, as in PostgreSQL.
const maxScale = 16383

type properties interface{ Prop(string) any }

// means reads what a type stands for: its logical type, or, where it has none, the
// name that Kafka Connect and Debezium give it. Those that do not fit the type
// count for nothing, as the specification has it.
func (n *node) means(l hamba.LogicalSchema, p properties) {
	name := ""
	switch l := l.(type) {
	case nil:
		name, _ = p.Prop("logicalType").(string)
	case *hamba.DecimalLogicalSchema:
		if l.Scale() > maxScale {
			return // one byte would be a number of as many digits
		}
		n.logical, n.prec, n.scale = logicalDecimal, int32(l.Precision()), int32(l.Scale())
		return
	default:
		name = string(l.Type())
	}
	if name == "" {
		name, _ = p.Prop("connect.name").(string)
	}
	m := meanings[meaning{n.kind, name}]
	if m.what == logicalUUID && n.kind == kindFixed && n.size != 16 || m.what == logicalDuration && n.size != 12 {
		return
	}
	n.logical, n.nanos = m.what, m.nanos
}

type meaning struct {
	of   kind
	name string
}

const (
	nano  = 1
	micro = 1000
	milli = 1000000
)

var meanings = map[meaning]struct {
	what  logical
	nanos int64
}{
	{kindInt, "date"}:                               {logicalDate, 0},
	{kindInt, "time-millis"}:                        {logicalTime, milli},
	{kindLong, "time-micros"}:                       {logicalTime, micro},
	{kindLong, "time-nanos"}:                        {logicalTime, nano},
	{kindLong, "timestamp-millis"}:                  {logicalInstant, milli},
	{kindLong, "timestamp-micros"}:                  {logicalInstant, micro},
	{kindLong, "timestamp-nanos"}:                   {logicalInstant, nano},
	{kindLong, "local-timestamp-millis"}:            {logicalLocal, milli},
	{kindLong, "local-timestamp-micros"}:            {logicalLocal, micro},
	{kindLong, "local-timestamp-nanos"}:             {logicalLocal, nano},
	{kindString, "uuid"}:                            {logicalUUID, 0},
	{kindFixed, "uuid"}:                             {logicalUUID, 0},
	{kindFixed, "duration"}:                         {logicalDuration, 0},
	{kindString, "json"}:                            {logicalJSON, 0},
	{kindInt, "io.debezium.time.Date"}:              {logicalDate, 0},
	{kindInt, "io.debezium.time.Time"}:              {logicalTime, milli},
	{kindLong, "io.debezium.time.MicroTime"}:        {logicalTime, micro},
	{kindLong, "io.debezium.time.NanoTime"}:         {logicalTime, nano},
	{kindLong, "io.debezium.time.Timestamp"}:        {logicalLocal, milli},
	{kindLong, "io.debezium.time.MicroTimestamp"}:   {logicalLocal, micro},
	{kindLong, "io.debezium.time.NanoTimestamp"}:    {logicalLocal, nano},
	{kindString, "io.debezium.time.ZonedTimestamp"}: {logicalZoned, 0},
	{kindString, "io.debezium.data.Uuid"}:           {logicalUUID, 0},
	{kindString, "io.debezium.data.Json"}:           {logicalJSON, 0},
}

// label names a type in a message, and a branch of a union in a column's name.
func (n *node) label() string {
	if n.name != "" {
		return n.name
	}
	return kindNames[n.kind]
}

// one is the only branch of a union beside null, nil where there are none or more;
// of another type it is the type itself.
func (n *node) one() *node {
	if n.kind != kindUnion {
		return n
	}
	var found *node
	for i, b := range n.branches {
		if i == n.null {
			continue
		}
		if found != nil {
			return nil
		}
		found = b
	}
	return found
}

// number is a JSON number as an integer of so many bits.
func number(raw []byte, bits int) (int64, error) {
	var n json.Number
	if err := json.Unmarshal(raw, &n); err != nil || len(raw) == 0 || raw[0] == '"' {
		return 0, wrongJSON(raw, "a number")
	}
	v, err := strconv.ParseInt(n.String(), 10, bits)
	if err != nil {
		return 0, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value %s is out of range for an Avro integer of %d bits", n, bits)
	}
	return v, nil
}

func wrongJSON(raw []byte, want string) error {
	return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "%.100s is not %s", raw, want)
}

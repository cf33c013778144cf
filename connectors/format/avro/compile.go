package avro

import (
	"math"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// op is what a step does with the next value.
type op uint8

const (
	opSkip    op = iota // passes over it
	opInt16             // int or long, within lo and hi
	opInt32             // and by add, for days
	opInt64             //
	opMicros            // a time in units
	opFloat32           //
	opFloat64           //
	opWiden             // a float into double precision
	opBool              //
	opText              // string or bytes, into text
	opBytes             // string or bytes, into bytea
	opFixed             // so many bytes, into bytea
	opSymbol            // enum into text
	opDecimal           // bytes or fixed into numeric
	opWhole             // int or long into numeric
	opUUID              // 16 bytes
	opJSON              // anything into jsonb or json
	opConvert           // a scalar's text form, read as the column's type
	opUnion             // arms by branch
	opArray             // elements
	opAgain             // subs, and back to where they began
	opNull              // reads nothing: NULL
	opDefault           // reads nothing: subs read def
	opFail              // a branch that the reader does not have
)

// step decodes one value. Which fields it needs follows from op.
type step struct {
	op       op
	nullable bool // a union of null and another: its branch comes first
	nullAt   byte
	instant  bool // of opMicros: it counts microseconds since 1970
	counted  bool // it begins with a number of variable length
	elem     bool // of an array: a value that does not convert spoils its record
	column   int
	node     *node
	typ      types.Type
	name     string // the column's

	lo, hi   int64
	add      int64
	mul, div int64
	limit    int64 // of a numeric's coefficient; of a text's bytes
	scale    int32
	fits     bool // the numeric's scale is the decimal's
	size     int

	arms [][]step
	subs []step
	def  []byte

	col  vec.Vec
	i16  *vec.Fixed[int16]
	i32  *vec.Fixed[int32]
	i64  *vec.Fixed[int64]
	f32  *vec.Fixed[float32]
	f64  *vec.Fixed[float64]
	bool *vec.Fixed[bool]
	uuid *vec.Fixed[types.UUIDValue]
	text *vec.Bytes
	num  *vec.Numeric
	list *vec.List
}

// target is a column that a value goes to.
type target struct {
	column int
	name   string
	typ    types.Type
	elem   bool
}

// want is a target, and what is left of its name below the value in hand.
type want struct {
	target
	rest string
}

type compiler struct {
	columns []catalog.Column
	strict  bool
	format  *types.Format
	depth   int
}

// record compiles the whole schema.
func (c *compiler) record(root *node) ([]step, error) {
	wants := make([]want, len(c.columns))
	for i, col := range c.columns {
		wants[i] = want{target{column: i, name: col.Name, typ: col.Type}, col.Name}
	}
	if one := root.one(); (one == nil || one.kind != kindRecord) && len(wants) == 1 && !strings.Contains(wants[0].rest, ".") {
		wants[0].rest = ""
	}
	return c.value(root, wants)
}

// value compiles what one value is decoded into.
func (c *compiler) value(n *node, wants []want) ([]step, error) {
	if n.failure != nil {
		return []step{{op: opFail, node: n}}, nil
	}
	if len(wants) == 0 {
		return []step{{op: opSkip, node: n}}, nil
	}
	if c.depth++; c.depth > maxDepth {
		return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the types of an Avro schema lie more than %d deep in each other", maxDepth)
	}
	defer func() { c.depth-- }()
	if n.kind == kindUnion && !wholeJSON(n, wants) {
		return c.union(n, wants)
	}
	var steps []step
	var below []want
	for _, w := range wants {
		if w.rest != "" {
			below = append(below, w)
			continue
		}
		s, err := c.leaf(n, w.target)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	if len(below) > 0 {
		fields, err := c.fields(n, below)
		if err != nil {
			return nil, err
		}
		if len(steps) == 0 {
			return fields, nil
		}
		return append([]step{{op: opAgain, subs: steps}}, fields...), nil
	}
	if len(steps) > 1 {
		// Each but the last begins where the last one does.
		out := make([]step, 0, len(steps))
		for i := range steps[:len(steps)-1] {
			out = append(out, step{op: opAgain, subs: steps[i : i+1]})
		}
		return append(out, steps[len(steps)-1]), nil
	}
	return steps, nil
}

// wholeJSON reports whether a union goes as it is into one column of JSON, which
// reads the branch itself.
func wholeJSON(n *node, wants []want) bool {
	return len(wants) == 1 && wants[0].rest == "" && (wants[0].typ.OID == types.JSONB || wants[0].typ.OID == types.JSON) && n.one() == nil
}

// nulls are steps that give every want a NULL.
func nulls(wants []want) []step {
	steps := make([]step, len(wants))
	for i, w := range wants {
		steps[i] = w.step(opNull, nil)
	}
	return steps
}

func (t target) step(o op, n *node) step {
	return step{op: o, node: n, column: t.column, name: t.name, typ: t.typ, elem: t.elem}
}

// union compiles an arm for each branch.
func (c *compiler) union(n *node, wants []want) ([]step, error) {
	one := n.one()
	if one != nil && one.failure == nil && n.null >= 0 && len(wants) == 1 && wants[0].rest == "" && len(n.branches) == 2 {
		s, err := c.leaf(one, wants[0].target)
		if err != nil {
			return nil, err
		}
		s.nullable, s.nullAt = true, byte(n.null)
		return []step{s}, nil
	}
	arms := make([][]step, len(n.branches))
	met := make([]bool, len(wants))
	for i, b := range n.branches {
		if i == n.null {
			arms[i] = nulls(wants)
			continue
		}
		var own, none []want
		for k, w := range wants {
			rest, ok := w.rest, true
			if one == nil && w.rest != "" {
				rest, ok = w.branch(b)
			}
			if !ok {
				none = append(none, w)
				continue
			}
			met[k] = true
			w.rest = rest
			own = append(own, w)
		}
		steps, err := c.value(b, own)
		if err != nil {
			return nil, err
		}
		arms[i] = append(nulls(none), steps...)
	}
	for k, ok := range met {
		if !ok && c.strict {
			return nil, noField(wants[k])
		}
	}
	return []step{{op: opUnion, node: n, arms: arms}}, nil
}

// branch is what is left of a name below a branch of a union of several types.
func (w want) branch(b *node) (string, bool) {
	for _, label := range []string{b.label(), b.label()[strings.LastIndexByte(b.label(), '.')+1:]} {
		if strings.EqualFold(w.rest, label) {
			return "", true
		}
		if len(w.rest) > len(label) && w.rest[len(label)] == '.' && strings.EqualFold(w.rest[:len(label)], label) {
			return w.rest[len(label)+1:], true
		}
	}
	return "", false
}

func noField(w want) error {
	return sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" is no field of the Avro schema", w.name).
		WithHint("Columns are named as the schema's fields, a field of a nested record as \"record.field\".")
}

// fields compiles a record, whose fields the wants name.
func (c *compiler) fields(n *node, wants []want) ([]step, error) {
	if n.kind != kindRecord {
		if c.strict {
			return nil, noField(wants[0])
		}
		return append(nulls(wants), step{op: opSkip, node: n}), nil
	}
	read := make([][]want, len(n.fields)+len(n.absent))
	var steps []step
	for _, w := range wants {
		at, rest := n.find(w.rest)
		if at < 0 {
			if c.strict {
				return nil, noField(w)
			}
			steps = append(steps, w.step(opNull, nil))
			continue
		}
		w.rest = rest
		read[at] = append(read[at], w)
	}
	for i, f := range n.fields {
		if f.skip {
			read[i] = nil
		}
		sub, err := c.value(f.node, read[i])
		if err != nil {
			return nil, err
		}
		steps = append(steps, sub...)
	}
	for i, f := range n.absent {
		own := read[len(n.fields)+i]
		if len(own) == 0 {
			continue
		}
		sub, err := c.value(f.node, own)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step{op: opDefault, def: f.def, subs: sub})
	}
	return steps, nil
}

// find is the field that a name begins with, among fields and absent ones, and what
// follows it; -1: there is none. The longest match counts, an exact one first.
func (n *node) find(name string) (int, string) {
	for _, equal := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		best, rest := -1, ""
		for i := range len(n.fields) + len(n.absent) {
			f := &n.fields
			k := i
			if i >= len(n.fields) {
				f, k = &n.absent, i-len(n.fields)
			}
			if (*f)[k].skip {
				continue
			}
			own := (*f)[k].name
			switch {
			case equal(name, own):
				return i, ""
			case len(name) > len(own) && name[len(own)] == '.' && equal(name[:len(own)], own) && (best < 0 || len(name)-len(own)-1 < len(rest)):
				best, rest = i, name[len(own)+1:]
			}
		}
		if best >= 0 {
			return best, rest
		}
	}
	return -1, ""
}

// leaf compiles a value that goes whole into one column.
func (c *compiler) leaf(n *node, t target) (step, error) {
	s := t.step(opConvert, n)
	oid := t.typ.OID
	whole := n.logical == logicalNone && (n.as == kindInt || n.as == kindLong) && n.kind <= kindLong
	switch {
	case n.kind == kindNull:
		s.op = opNull
	case oid == types.JSONB || oid == types.JSON:
		s.op = opJSON
	case n.kind == kindArray:
		if info := types.Lookup(oid); info != nil && info.Phys == types.PhysList {
			elem := target{column: t.column, name: t.name, typ: types.Type{OID: info.Elem, Mod: t.typ.Mod}, elem: true}
			var err error
			s.op = opArray
			s.subs, err = c.value(n.items, []want{{target: elem}})
			return s, err
		}
		fallthrough
	case n.kind == kindMap || n.kind == kindRecord || n.kind == kindUnion:
		if oid != types.Text {
			return s, sqlerr.Errorf(sqlerr.DatatypeMismatch, "column \"%s\" is of type %s, and its field in the Avro schema is of type %s", t.name, types.FormatType(t.typ), n.label()).
				WithHint("Declare the column as jsonb, or columns for what is inside, named with dots.")
		}
	case whole && oid == types.Int2:
		s.op, s.lo, s.hi = opInt16, math.MinInt16, math.MaxInt16
	case whole && oid == types.Int4:
		s.op, s.lo, s.hi = opInt32, math.MinInt32, math.MaxInt32
	case whole && oid == types.Int8:
		s.op = opInt64
	case whole && oid == types.Numeric && t.typ.Mod < 0:
		s.op = opWhole
	case whole && (oid == types.Timestamp || oid == types.Timestamptz) && t.typ.Mod < 0:
		s.op, s.mul, s.div, s.add = opMicros, milli/micro, 1, types.UnixEpoch
	case n.logical == logicalDate && oid == types.Date:
		// PostgreSQL counts from 2000-01-01, which is day 10957 of Avro.
		s.op, s.lo, s.hi, s.add = opInt32, firstDay, lastDay, -epochDays
	case n.logical == logicalTime && oid == types.Time && t.typ.Mod < 0:
		s.op = opMicros
		s.mul, s.div = ratio(n.nanos)
		s.lo, s.hi = 0, 86400000000
	case (n.logical == logicalInstant && oid == types.Timestamptz || n.logical == logicalLocal && oid == types.Timestamp) && t.typ.Mod < 0:
		s.op, s.add = opMicros, types.UnixEpoch
		s.mul, s.div = ratio(n.nanos)
	case n.as == kindFloat && n.kind == kindFloat && oid == types.Float4:
		s.op = opFloat32
	case n.as == kindFloat && n.kind == kindFloat && oid == types.Float8, n.as == kindDouble && n.kind == kindFloat:
		s.op = opWiden
		if oid != types.Float8 {
			s.op = opConvert
		}
	case n.as == kindDouble && n.kind == kindDouble && oid == types.Float8:
		s.op = opFloat64
	case n.kind == kindBool && oid == types.Bool:
		s.op = opBool
	case n.logical == logicalDecimal && oid == types.Numeric:
		s.decimal(n, t.typ.Mod)
	case n.logical == logicalUUID && n.kind == kindFixed && oid == types.UUID:
		s.op = opUUID
	case (n.kind == kindString || n.kind == kindBytes && n.as == kindString) && (oid == types.Text || oid == types.Varchar):
		s.op, s.limit = opText, math.MaxInt64
		if oid == types.Varchar && t.typ.Mod >= 4 {
			s.limit = int64(t.typ.Mod - 4)
		}
	case (n.kind == kindBytes || n.kind == kindString && n.as == kindBytes) && oid == types.Bytea && n.logical == logicalNone:
		s.op = opBytes
	case n.kind == kindFixed && oid == types.Bytea && n.logical == logicalNone:
		s.op, s.size = opFixed, n.size
	case n.kind == kindEnum && oid == types.Text:
		s.op = opSymbol
	case (oid == types.Bytea) != (n.as == kindBytes || n.as == kindFixed) && n.logical == logicalNone && oid != types.Text:
		return s, sqlerr.Errorf(sqlerr.DatatypeMismatch, "column \"%s\" is of type %s, and its field in the Avro schema is of type %s", t.name, types.FormatType(t.typ), n.label())
	}
	return s, nil
}

const (
	epochDays = 10957
	// The days that a date may be, as Avro counts: from 4714-11-24 BC to 5874897-12-31.
	firstDay = -2451545 + epochDays + 1
	lastDay  = 2145031948 + epochDays
)

// ratio is what makes microseconds of a unit.
func ratio(nanos int64) (mul, div int64) {
	if nanos < micro {
		return 1, micro / nanos
	}
	return nanos / micro, 1
}

// decimal: a numeric without modifier, or of the decimal's own scale, takes the
// coefficient as it is.
func (s *step) decimal(n *node, mod int32) {
	s.op, s.scale, s.limit, s.size = opDecimal, n.scale, math.MaxInt64, -1
	if n.kind == kindFixed {
		s.size = n.size
	}
	if mod < 0 {
		s.fits = true
		return
	}
	prec := (mod - 4) >> 16
	scale := ((mod-4)&0x7ff ^ 1024) - 1024
	if scale == n.scale && prec <= 18 {
		s.fits, s.limit = true, 1
		for range prec {
			s.limit *= 10
		}
	}
}

// startsCounted reports whether the step's value begins with a number of variable length, its
// own or that of its bytes, which run reads before it.
func (s *step) startsCounted() bool {
	switch s.op {
	case opInt64, opMicros, opText, opInt32, opSymbol:
		return true
	case opDecimal:
		return s.size < 0
	}
	return false
}

// bind gives the steps the columns they write.
func bind(steps []step, cols []vec.Vec) {
	for i := range steps {
		s := &steps[i]
		s.counted = s.startsCounted()
		s.instant = s.op == opMicros && s.mul <= 1 && s.div <= 1 && s.add == types.UnixEpoch
		bind(s.subs[:len(s.subs):len(s.subs)], s.inner(cols))
		for _, arm := range s.arms {
			bind(arm, cols)
		}
		switch s.op {
		case opSkip, opUnion, opAgain, opDefault, opFail:
			continue
		}
		at := s.column
		if s.elem {
			at = 0
		}
		s.take(cols[at])
	}
}

// inner are the columns of a step's subs: of an array the one of its elements.
func (s *step) inner(cols []vec.Vec) []vec.Vec {
	if s.op != opArray {
		return cols
	}
	return []vec.Vec{cols[s.column].(*vec.List).Elem}
}

func (s *step) take(col vec.Vec) {
	s.col = col
	switch c := col.(type) {
	case *vec.Fixed[int16]:
		s.i16 = c
	case *vec.Fixed[int32]:
		s.i32 = c
	case *vec.Fixed[int64]:
		s.i64 = c
	case *vec.Fixed[float32]:
		s.f32 = c
	case *vec.Fixed[float64]:
		s.f64 = c
	case *vec.Fixed[bool]:
		s.bool = c
	case *vec.Fixed[types.UUIDValue]:
		s.uuid = c
	case *vec.Bytes:
		s.text = c
	case *vec.Numeric:
		s.num = c
	case *vec.List:
		s.list = c
	}
}

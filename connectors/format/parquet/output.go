package parquet

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// A dictionary is given up when it has so many values or bytes, or, of the first ones,
// when it does not save half.
const (
	maxDictValues = 1 << 16
	maxDictBytes  = 1 << 20
	tryDictValues = 1 << 12
)

// Values of a page at most, and bytes, but for one value.
const (
	pageValues = 20_000
	pageBytes  = 1 << 20
)

// maxStatistic is the longest value that statistics hold.
const maxStatistic = 128

// output is one leaf column of the row group in hand.
type output struct {
	col  catalog.Column
	form form
	list bool // the column is an array, and this are its elements

	reps, defs []uint8
	dict       map[string]uint32 // nil: given up
	entries    []int             // where the dictionary's values begin, and its end
	dictBytes  []byte
	index      []uint32
	plain      []byte
	starts     []int // where the plain values begin, and the end
	nulls      int64
	low, high  []byte
	scratch    []byte

	undo struct {
		levels, index, starts int
		nulls                 int64
	}
}

// most is the level of a value that is there.
func (o *output) most() uint8 {
	if o.list {
		return 3
	}
	return 1
}

func (o *output) reset() {
	o.reps, o.defs, o.index, o.plain, o.dictBytes = o.reps[:0], o.defs[:0], o.index[:0], o.plain[:0], o.dictBytes[:0]
	o.entries, o.starts = append(o.entries[:0], 0), append(o.starts[:0], 0)
	o.nulls, o.low, o.high = 0, nil, nil
	if o.form.phys == physBool {
		o.dict = nil
		return
	}
	if o.dict == nil {
		o.dict = map[string]uint32{}
	}
	clear(o.dict)
}

// size is about how many bytes the column holds.
func (o *output) size() int {
	return len(o.plain) + len(o.dictBytes) + 4*len(o.index) + len(o.defs) + len(o.reps)
}

// add appends a row's value. After an error the row is to be taken back.
func (o *output) add(v vec.Vec, row int) error {
	o.undo.levels, o.undo.index, o.undo.starts, o.undo.nulls = len(o.defs), len(o.index), len(o.starts), o.nulls
	if c, ok := v.(*vec.Const); ok {
		v, row = c.Of, 0
	}
	if nulls := v.Nulls(); nulls.Any() && nulls.Get(row) {
		o.level(0, 0)
		return nil
	}
	if !o.list {
		o.level(0, 1)
		return o.value(v, row)
	}
	l := v.(*vec.List)
	if dims := l.DimsAt(row); len(dims) > 1 {
		return sqlerr.Errorf(sqlerr.ArraySubscriptError, "an array of %d dimensions has no form in Parquet", len(dims)).
			WithHint("Write to_jsonb of the column in the query.")
	}
	from, to := l.At(row)
	if from == to {
		o.level(0, 1)
		return nil
	}
	for i := from; i < to; i++ {
		rep := uint8(min(i-from, 1))
		if nulls := l.Elem.Nulls(); nulls.Any() && nulls.Get(i) {
			o.level(rep, 2)
			continue
		}
		o.level(rep, 3)
		if err := o.value(l.Elem, i); err != nil {
			return err
		}
	}
	return nil
}

func (o *output) level(rep, def uint8) {
	if o.list {
		o.reps = append(o.reps, rep)
	}
	o.defs = append(o.defs, def)
	if def < o.most() {
		o.nulls++
	}
}

// back takes the last row back. What the dictionary and the statistics have of it does
// no harm.
func (o *output) back() {
	o.defs = o.defs[:o.undo.levels]
	if o.list {
		o.reps = o.reps[:o.undo.levels]
	}
	if o.dict != nil {
		o.index = o.index[:o.undo.index]
	} else if o.undo.starts <= len(o.starts) {
		keep := o.undo.starts
		if o.undo.index > 0 && o.undo.starts == 1 {
			keep = o.undo.index + 1 // the dictionary was given up in this row
		}
		o.starts = o.starts[:keep]
		o.plain = o.plain[:o.starts[keep-1]]
	}
	o.nulls = o.undo.nulls
}

func (o *output) value(v vec.Vec, row int) error {
	b, err := o.form.encode(o.scratch[:0], v, row)
	o.scratch = b
	if err != nil {
		return err
	}
	if len(b) > maxPage/2 {
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a value of %d bytes is too long for Parquet: %d at most", len(b), maxPage/2)
	}
	if o.dict == nil {
		o.note(b)
		o.appendPlain(b)
		return nil
	}
	k, ok := o.dict[string(b)]
	if !ok {
		o.note(b)
		if n := len(o.dict); n >= maxDictValues || len(o.dictBytes) >= maxDictBytes || n >= tryDictValues && n > len(o.index)/2 {
			o.giveUp()
			o.appendPlain(b)
			return nil
		}
		k = uint32(len(o.dict))
		o.dict[string(b)] = k
		o.dictBytes = append(o.dictBytes, b...)
		o.entries = append(o.entries, len(o.dictBytes))
	}
	o.index = append(o.index, k)
	return nil
}

func (o *output) appendPlain(b []byte) {
	if o.form.phys == physBytes {
		o.plain = binary.LittleEndian.AppendUint32(o.plain, uint32(len(b)))
	}
	o.plain = append(o.plain, b...)
	o.starts = append(o.starts, len(o.plain))
}

// giveUp writes out the values that are numbers of the dictionary.
func (o *output) giveUp() {
	for _, k := range o.index {
		o.appendPlain(o.dictBytes[o.entries[k]:o.entries[k+1]])
	}
	o.index, o.dict = o.index[:0], nil
}

// note keeps the least and the greatest value. NaN is neither.
func (o *output) note(b []byte) {
	f := &o.form
	if f.compare == nil {
		return
	}
	switch f.phys {
	case physFloat:
		if x := math.Float32frombits(binary.LittleEndian.Uint32(b)); x != x {
			return
		}
	case physDouble:
		if x := math.Float64frombits(binary.LittleEndian.Uint64(b)); x != x {
			return
		}
	}
	if o.low == nil || f.compare(b, o.low) < 0 {
		o.low = append(make([]byte, 0, len(b)), b...)
	}
	if o.high == nil || f.compare(b, o.high) > 0 {
		o.high = append(make([]byte, 0, len(b)), b...)
	}
}

// write appends the column's chunk, which begins at byte `at` of the file.
func (o *output) write(dst []byte, at int64, codec Codec, p *packer) ([]byte, written, error) {
	w := written{values: int64(len(o.defs)), nulls: o.nulls, codec: codec}
	from := len(dst)
	if o.dict != nil && len(o.dictBytes)+4*(len(o.entries)-1)+len(o.index)*int(widthOf(len(o.dict)-1))/8 > o.plainSize() {
		o.giveUp()
	}
	encoded := o.dict != nil && len(o.index) > 0
	var err error
	if encoded {
		w.dictionary = at
		w.dict = true
		var page []byte
		for i := range len(o.entries) - 1 {
			v := o.dictBytes[o.entries[i]:o.entries[i+1]]
			if o.form.phys == physBytes {
				page = binary.LittleEndian.AppendUint32(page, uint32(len(v)))
			}
			page = append(page, v...)
		}
		if dst, err = w.page(dst, page, codec, p, func(t *thriftWriter) {
			t.structure(7)
			t.i32(1, int64(len(o.entries)-1))
			t.i32(2, encPlain)
			t.end()
		}, pageDictionary); err != nil {
			return dst, w, err
		}
	}
	w.data = at + int64(len(dst)-from)
	value := 0
	for level := 0; level < len(o.defs); {
		end, values := o.cutPage(level, value, encoded)
		var page []byte
		if o.list {
			page = appendLevels(page, o.reps[level:end], 1)
		}
		page = appendLevels(page, o.defs[level:end], widthOf(int(o.most())))
		encoding := int64(encPlain)
		switch {
		case encoded:
			encoding = encDictionary
			width := widthOf(len(o.dict) - 1)
			page = append(page, byte(width))
			page = appendHybrid(page, o.index[value:value+values], width)
		case o.form.phys == physBool:
			page = appendBits(page, o.plain[value:value+values])
		default:
			page = append(page, o.plain[o.starts[value]:o.starts[value+values]]...)
		}
		n := end - level
		if dst, err = w.page(dst, page, codec, p, func(t *thriftWriter) {
			t.structure(5)
			t.i32(1, int64(n))
			t.i32(2, encoding)
			t.i32(3, encRLE)
			t.i32(4, encRLE)
			t.end()
		}, pageData); err != nil {
			return dst, w, err
		}
		level, value = end, value+values
	}
	w.size = int64(len(dst) - from)
	if len(o.low) <= maxStatistic && len(o.high) <= maxStatistic && o.low != nil {
		w.low, w.high = o.bound(o.low, true), o.bound(o.high, false)
	}
	w.from = at
	return dst, w, nil
}

// bound is a bound as readers expect it: a zero that is the least may be the negative
// one, that is the greatest the positive one.
func (o *output) bound(b []byte, least bool) []byte {
	switch o.form.phys {
	case physFloat:
		if compareFloat(b, make([]byte, 4)) == 0 {
			return binary.LittleEndian.AppendUint32(nil, math.Float32bits(zero[float32](least)))
		}
	case physDouble:
		if compareDouble(b, make([]byte, 8)) == 0 {
			return binary.LittleEndian.AppendUint64(nil, math.Float64bits(zero[float64](least)))
		}
	}
	return b
}

func zero[T float32 | float64](negative bool) T {
	if negative {
		return T(math.Copysign(0, -1))
	}
	return 0
}

// plainSize is how long the values of the dictionary's numbers are plainly.
func (o *output) plainSize() int {
	n := 0
	for _, k := range o.index {
		n += o.entries[k+1] - o.entries[k]
	}
	if o.form.phys == physBytes {
		n += 4 * len(o.index)
	}
	return n
}

// cutPage finds where the page that begins with a level ends, between rows, and how many
// values it has.
func (o *output) cutPage(level, value int, encoded bool) (end, values int) {
	most := o.most()
	from := 0
	if !encoded && o.form.phys != physBool {
		from = o.starts[value]
	}
	for end = level; end < len(o.defs); end++ {
		if end > level && (!o.list || o.reps[end] == 0) {
			if end-level >= pageValues || !encoded && o.form.phys != physBool && o.starts[value+values]-from >= pageBytes {
				break
			}
		}
		if o.defs[end] == most {
			values++
		}
	}
	return end, values
}

func appendLevels(dst []byte, levels []uint8, width uint) []byte {
	at := len(dst)
	dst = appendHybrid(append(dst, 0, 0, 0, 0), levels, width)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// appendBits packs booleans, which are bytes of 0 and 1.
func appendBits(dst, b []byte) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, (len(b)+7)/8)...)
	for i, c := range b {
		dst[at+i/8] |= c << (i & 7)
	}
	return dst
}

// written is what the footer says of a chunk.
type written struct {
	from, data, dictionary int64
	dict                   bool
	values, nulls          int64
	size, uncompressed     int64
	codec                  Codec
	low, high              []byte
}

// page appends a page with its header.
func (w *written) page(dst, b []byte, codec Codec, p *packer, specific func(*thriftWriter), kind int64) ([]byte, error) {
	packed, err := p.pack(codec, nil, b)
	if err != nil {
		return dst, sqlerr.Errorf(sqlerr.InternalError, "compressing a page of a Parquet file: %w", err)
	}
	t := thriftWriter{b: dst}
	at := len(dst)
	t.begin()
	t.i32(1, kind)
	t.i32(2, int64(len(b)))
	t.i32(3, int64(len(packed)))
	t.i32(4, int64(int32(crc32.ChecksumIEEE(packed))))
	specific(&t)
	t.end()
	w.uncompressed += int64(len(t.b)-at) + int64(len(b))
	return append(t.b, packed...), nil
}

// outputOf makes the column of a batch's.
func outputOf(col catalog.Column, format *types.Format) *output {
	o := &output{col: col}
	t := col.Type
	if info := types.Lookup(t.OID); info != nil && info.Phys == types.PhysList {
		o.list = true
		t = types.Type{OID: info.Elem, Mod: t.Mod}
	}
	o.form = formOf(t, format)
	o.reset()
	return o
}

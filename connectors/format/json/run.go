package json

import (
	"math"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// vectors says whether the processor has what finds the quotes of records by vectors of 64
// bytes: AVX-512 with VBMI2. Without it records are read one by one, to the same rows.
var vectors = hasVectors()

// RunRecords is how many records Run takes at a time, column by column: so few that they
// still lie in a processor's cache.
const RunRecords = 32

// mostQuotes bounds a layout that runs.
const mostQuotes = 512

// runs are how records of the layout are decoded many at a time. Where their quotes are
// tells where each value begins and ends: a string lies between two, and what is none
// ends where the text behind it begins, of which the place of a quote is known.
type runs struct {
	quotes int // of a record; 0: the layout does not run
	spots  []spot
	at     []uint16 // for each record the places of its quotes, and its length
	spans  [RunRecords]span
	coefs  [RunRecords]int64
	// idle is how many records are not tried, because what was tried last was of little use,
	// and lost how many that shall be the next time.
	idle, lost int
}

// spot is where a step's value lies. Places are indices into a record's part of runs.at.
type spot struct {
	begin int     // the string's opening quote; else the last quote of the text before the value
	lead  int     // from there to the value
	end   int     // the string's closing quote; else the first quote behind it, or the record's length
	less  int     // from the value's end to there
	after int     // the closing quote of the string that the text before it follows; -1: of none
	words placing // where the text has 8 to 16 bytes
}

// placing is a spot for placeValues. What of the place at after is in mask, and more, is
// where the text begins, of which that is asked which is in asked.
type placing struct {
	begin, end, after, lead, less, size uint64
	mask, more, asked                   uint64
	head, last                          uint64
}

// placing is the spot of a step, the first or another.
func (p *spot) placing(s *step, first bool) placing {
	w := placing{begin: uint64(p.begin), end: uint64(p.end), lead: uint64(p.lead), less: uint64(p.less), size: uint64(s.size), head: s.head, last: s.last}
	switch {
	case first:
		w.asked = ^uint64(0) // it begins at 0
	case p.after < 0:
		w.asked = 1 << 63 // not before that
	default:
		w.after, w.mask, w.more, w.asked = uint64(p.after), ^uint64(0), 1, ^uint64(0)
	}
	return w
}

// span is where a value lies in its record: a string with its opening quote, and without
// its closing one.
type span struct{ from, to int32 }

const mostIdle = 1 << 16

// lay makes what runs of a layout that has just been learned.
func (r *runs) lay(l *layout) {
	r.quotes, r.spots, r.idle, r.lost = 0, r.spots[:0], 0, 0
	if !vectors || len(l.steps) == 0 {
		return
	}
	quotes, closed := 0, -1
	for k := range l.steps {
		s := &l.steps[k]
		if s.begins == '{' || s.begins == '[' {
			return
		}
		if k > 0 && closed < 0 {
			r.spots[k-1].end, r.spots[k-1].less = quotes, strings.IndexByte(s.text, '"')
		}
		quotes += strings.Count(s.text, `"`)
		p := spot{begin: quotes - 1, lead: len(s.text) - strings.LastIndexByte(s.text, '"'), after: closed}
		closed = -1
		if s.begins == '"' {
			p = spot{begin: quotes, end: quotes + 1, after: p.after}
			closed = quotes + 1
			quotes += 2
		}
		r.spots = append(r.spots, p)
	}
	if closed < 0 {
		last := &r.spots[len(r.spots)-1]
		last.end, last.less = quotes, len(l.tail)
	}
	if quotes > mostQuotes {
		return
	}
	for k := range r.spots {
		r.spots[k].words = r.spots[k].placing(&l.steps[k], k == 0)
	}
	r.quotes = quotes
	r.at = slices.Grow(r.at[:0], RunRecords*(quotes+1)+32)[:RunRecords*(quotes+1)+32]
}

// Runs reports whether Run is worth trying on the record that comes next and those behind.
func (d *Decoder) Runs() bool {
	if !d.layout.known || d.run.quotes == 0 {
		return false
	}
	if d.run.idle > 0 {
		d.run.idle--
		return false
	}
	return true
}

// Run appends the first of some records as rows, as many as are laid out as the one that
// was learned last and have nothing but ASCII without escapes, each value in its plain
// form: what Decode would append. It returns how many.
func (d *Decoder) Run(records [][]byte) int {
	r := &d.run
	if !d.layout.known || r.quotes == 0 || len(records) == 0 {
		return 0
	}
	records = records[:min(len(records), RunRecords)]
	n := findQuotes(&records[0], len(records), r.quotes, &r.at[0])
	n = r.tails(d.layout.tail, records[:n])
	for k := range d.layout.steps {
		if n == 0 {
			break
		}
		n = r.place(&d.layout.steps[k], &r.spots[k], records[:n])
		n = d.column(&d.layout.steps[k], records[:n], r.spans[:n])
	}
	for _, f := range d.layout.absent {
		for range n {
			f.null()
		}
	}
	d.row += n
	if n < len(records) {
		d.undo()
	}
	d.learn.hits += n
	switch {
	case n >= len(records)/4:
		r.lost = 0
	default:
		r.lost = min(2*r.lost+RunRecords, mostIdle)
		r.idle = r.lost
	}
	return n
}

// tails returns how many of the records have that text behind their last value.
func (r *runs) tails(tail string, records [][]byte) int {
	last := &r.spots[len(r.spots)-1]
	for i, b := range records {
		at := r.at[i*(r.quotes+1):][:r.quotes+1]
		from := len(b) - len(tail)
		if last.less == 0 && int(at[last.end])+1 != from || from < 0 || b[from] != tail[0] || len(tail) > 1 && string(b[from:]) != tail {
			return i
		}
	}
	return len(records)
}

// place finds where a step's value lies in the records, and returns how many of them have
// the step's text before it.
func (r *runs) place(s *step, p *spot, records [][]byte) int {
	width, size := r.quotes+1, len(s.text)
	if s.size != 0 {
		return placeValues(&records[0], len(records), &r.at[0], width, &p.words, &r.spans[0])
	}
	begin, lead, end, less, after := p.begin, p.lead, p.end, p.less, p.after
	first := p == &r.spots[0]
	spans := r.spans[:len(records)]
	all := r.at
	for i, b := range records {
		at := all[:width]
		all = all[width:]
		from, to := int(at[begin])+lead, int(at[end])-less
		start := from - size
		if after >= 0 {
			if start != int(at[after])+1 {
				return i
			}
		} else if start < 0 || first && start != 0 {
			return i
		}
		if from > to {
			return i
		}
		if s.match(b, start) < 0 {
			return i
		}
		spans[i] = span{int32(from), int32(to)}
	}
	return len(records)
}

// column appends the values of a step, up to the first that is not in its plain form, and
// returns how many.
func (d *Decoder) column(s *step, records [][]byte, spans []span) int {
	quoted := s.begins == '"'
	f := s.field
	switch {
	case f == nil && quoted:
		return len(records)
	case f == nil:
		return skipped(records, spans)
	case s.kind == kindText && quoted:
		return f.texts(records, spans)
	case s.kind == kindInt64 && !quoted:
		return integers(f.i64, records, spans)
	case s.kind == kindInt32 && !quoted:
		return integers(f.i32, records, spans)
	case s.kind == kindInt16 && !quoted:
		return integers(f.i16, records, spans)
	case s.kind == kindNumeric && !quoted && f.scale > 0 && f.scale <= 8:
		return f.decimals(records, spans, d.run.coefs[:len(spans)])
	case (s.kind == kindTimestamp || s.kind == kindTimestamptz) && quoted:
		return f.timestamps(records, spans)
	}
	closing := 0
	if quoted {
		closing = 1
	}
	for i, p := range spans {
		if d.quick(f, records[i], int(p.from)) != int(p.to)+closing {
			return i
		}
	}
	return len(spans)
}

// skipped returns how many of the values are JSON.
func skipped(records [][]byte, spans []span) int {
	for i, p := range spans {
		b, from, to := records[i], int(p.from), int(p.to)
		if _, _, next := number(b, from); next != to && skipValue(b, from, 0) != to {
			return i
		}
	}
	return len(spans)
}

// whole reads b[from:to] as a whole number.
func whole(b []byte, from, to int) (int64, bool) {
	n := uint(to - from)
	if c := b[from]; n-1 >= 16 || to < 16 || c == '0' && n > 1 || c == '-' {
		v, next := integer(b, from)
		return v, next == to
	}
	low := load(b, to-8) ^ zeros
	if n <= 8 {
		low &= ^uint64(0) << (64 - 8*n)
		return int64(combined(low)), allDigits(low)
	}
	high := (load(b, to-16) ^ zeros) & (^uint64(0) << (128 - 8*n))
	return int64(combined(high)*1e8 + combined(low)), allDigits(low) && allDigits(high)
}

func integers[T int16 | int32 | int64](col *vec.Fixed[T], records [][]byte, spans []span) int {
	had, n := len(col.Values), 0
	values := slices.Grow(col.Values, len(spans))[:had+len(spans)]
	for i, p := range spans {
		v, ok := whole(records[i], int(p.from), int(p.to))
		if !ok || int64(T(v)) != v {
			break
		}
		values[had+i] = T(v)
		n = i + 1
	}
	col.Values = values[:had+n]
	return n
}

// decimals appends numbers with as many digits behind the point as the column has, and
// others one by one.
func (f *field) decimals(records [][]byte, spans []span, coefs []int64) int {
	scale := int(f.scale)
	fraction := ^uint64(0) << (64 - 8*scale)
	unit := uint64(pow10[scale])
	from := 0 // of those that are not appended
	for i, p := range spans {
		b, to := records[i], int(p.to)
		point := to - 1 - scale
		digits := uint(point - int(p.from)) // before the point
		if digits-1 < 8 && point >= 8 && b[point] == '.' && (digits == 1 || b[p.from] != '0') {
			low, high := (load(b, to-8)^zeros)&fraction, (load(b, point-8)^zeros)&(^uint64(0)<<(64-8*digits))
			if coef := int64(combined(high)*unit + combined(low)); allDigits(low) && allDigits(high) && coef < f.limit {
				coefs[i] = coef
				continue
			}
		}
		f.num.AppendInt64s(coefs[from:i], f.scale)
		from = i + 1
		if f.decimal(b, int(p.from)) != to {
			return i
		}
	}
	f.num.AppendInt64s(coefs[from:], f.scale)
	return len(spans)
}

func (f *field) timestamps(records [][]byte, spans []span) int {
	had, n := len(f.i64.Values), 0
	values := slices.Grow(f.i64.Values, len(spans))[:had+len(spans)]
	for i, p := range spans {
		v, next := f.timestamp(records[i], int(p.from)+1)
		if next != int(p.to)+1 {
			break
		}
		values[had+i] = v
		n = i + 1
	}
	f.i64.Values = values[:had+n]
	return n
}

// texts appends strings. Each goes as sixteen bytes, of which the rest is written over
// later, and what is behind them.
func (f *field) texts(records [][]byte, spans []span) int {
	t := f.text
	if len(t.Offsets) == 0 {
		t.Offsets = append(t.Offsets, 0)
	}
	had, n := len(t.Offsets), 0
	t.Offsets = slices.Grow(t.Offsets, len(spans))[:had+len(spans)]
	data, end := t.Data[:cap(t.Data)], len(t.Data)
	for i, p := range spans {
		b, from, to := records[i], int(p.from)+1, int(p.to)
		size := to - from
		if int64(size) > f.limit || end+size > math.MaxInt32 {
			break
		}
		if end+size+16 > len(data) {
			data = slices.Grow(data[:end], size+16*len(spans))
			data = data[:cap(data)]
		}
		if from+16 <= len(b) {
			*(*[16]byte)(data[end:]) = *(*[16]byte)(b[from:])
			if size > 16 {
				copy(data[end+16:], b[from+16:to])
			}
		} else {
			copy(data[end:], b[from:to])
		}
		end += size
		t.Offsets[had+i] = int32(end)
		n = i + 1
	}
	t.Offsets, t.Data = t.Offsets[:had+n], data[:end]
	return n
}

package csv

import (
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// fewRecords is how many records Lines looks at in one go after one that it left.
const fewRecords = 8

// Lines decodes records from the beginning of b as long as they are plain: no
// quote, no NUL, no empty line, none longer than longest, and every field good.
// It returns how many rows it appended, at most limit, and how many bytes they
// took. What follows is for Decode, unless b does not hold the end of it.
//
// It finds first where the fields of some records end, and then reads the fields
// of one column after the other, of those that are wanted. Fields that lie as those
// before them are read by vectors, the others by hand.
func (d *Decoder) Lines(b []byte, limit, longest int) (rows, taken int) {
	if d.ends.at == nil {
		d.ends, d.ahead = newMarks(d.o.Delimiter, d.o.Quote, d.width), vec.MaxRows
	}
	for rows < limit {
		want := min(limit-rows, d.ahead)
		d.ends.find(b[taken:], want*d.width)
		want = min(want, d.ends.n/d.width)
		n := d.columns(b[taken:], d.ends.records(b[taken:], want, d.width, longest))
		d.row += n
		rows += n
		taken += int(d.ends.at[n*d.width]) + 1
		switch {
		case n < want:
			d.ahead = fewRecords // where one is left, others may be near
			return rows, taken
		case n == 0:
			return rows, taken // b has no more, or none before a quote or NUL
		}
		d.ahead = min(2*d.ahead, vec.MaxRows)
	}
	return rows, taken
}

// columns appends the fields of the marked records, up to one that is not good,
// and returns how many records that were.
func (d *Decoder) columns(b []byte, rows int) int {
	good := rows
	for i, f := range d.at {
		if f == nil || good == 0 {
			continue
		}
		c := cells{b: b, at: d.ends.at[i:], width: d.width, last: i == d.width-1, null: d.o.Null, digits: d.nullDigits}
		good = min(good, d.column(f, &c, good))
	}
	if good < rows {
		for i := range d.fields {
			vec.Truncate(d.fields[i].col, d.row+good)
		}
	}
	return good
}

// column appends the texts of one field of records, up to one that is not good,
// and returns how many. Behind them the column may hold a part of a value.
func (d *Decoder) column(f *field, c *cells, rows int) int {
	switch f.kind {
	case kindText, kindVarchar:
		return d.texts(f, c, rows)
	case kindChar:
		return d.padded(f, c, rows)
	case kindInt8, kindTimestamp, kindTimestamptz:
		return d.longs(f, c, rows)
	case kindNumeric:
		return d.decimals(f, c, rows)
	}
	return d.words(f, c, rows)
}

// worthwhile says whether to go on reading by vectors at record k, when so many tries
// have not read a single one.
func worthwhile(misses, k int) bool { return misses <= 8+k/8 }

// longs appends values of 64 bits: by vectors those that lie as they mostly do.
func (d *Decoder) longs(f *field, c *cells, rows int) int {
	misses := 0
	for k := 0; k < rows; k++ {
		if worthwhile(misses, k) {
			all := slices.Grow(f.i64.Values, rows-k)
			out := all[len(all) : len(all)+rows-k]
			n := 0
			if f.kind == kindInt8 {
				n = c.numbers(out, k, 0, math.MaxInt64)
			} else {
				n = c.times(out, k, &f.clock)
			}
			f.i64.Values = all[:len(all)+n]
			if k += n; k == rows {
				break
			}
			if n == 0 {
				misses++
			}
		}
		from, to := c.span(k)
		v, ok := int64(0), false
		if f.kind == kindInt8 {
			v, ok = whole(c.b, from, to)
		} else {
			v, ok = d.time(f, c.b[from:to])
		}
		if ok && !c.isNull(from, to) {
			f.i64.Values = append(f.i64.Values, v)
		} else if !d.slow(f, c, from, to) {
			return k
		}
	}
	return rows
}

// time reads a timestamp that is written simply, whose day and form the next are
// expected to have.
func (d *Decoder) time(f *field, s []byte) (v int64, ok bool) {
	if f.kind == kindTimestamp {
		v, ok = d.calendar.timestamp(s)
	} else {
		v, ok = d.calendar.timestamptz(s)
	}
	if ok {
		f.clock.set(s, f.kind, d.calendar.days)
	}
	return v, ok
}

// words appends values of 32 bits, and those that are not read in a way of their own.
func (d *Decoder) words(f *field, c *cells, rows int) int {
	d.coefs = slices.Grow(d.coefs[:0], rows)
	misses := 0
	for k := 0; k < rows; k++ {
		if f.kind == kindInt4 && worthwhile(misses, k) {
			n := c.numbers(d.coefs[:rows-k], k, 0, 1<<31)
			for _, v := range d.coefs[:n] {
				f.i32.Values = append(f.i32.Values, int32(v))
			}
			if k += n; k == rows {
				break
			}
			if n == 0 {
				misses++
			}
		}
		from, to := c.span(k)
		if v, ok := d.word(f, c.b, from, to); ok && !c.isNull(from, to) {
			f.i32.Values = append(f.i32.Values, v)
		} else if !d.slow(f, c, from, to) {
			return k
		}
	}
	return rows
}

// word reads a value of 32 bits; false: it is none, or not simple.
func (d *Decoder) word(f *field, b []byte, from, to int) (int32, bool) {
	switch f.kind {
	case kindInt4:
		v, ok := whole(b, from, to)
		return int32(v), ok && v == int64(int32(v))
	case kindDate:
		if to-from == 10 {
			return d.calendar.date(b[from:to])
		}
	}
	return 0, false
}

// slow appends a field as Decode does, if it is good.
func (d *Decoder) slow(f *field, c *cells, from, to int) bool {
	if c.isNull(from, to) {
		f.null()
		return true
	}
	return f.set(c.b[from:to], d.format) == nil
}

func (d *Decoder) texts(f *field, c *cells, rows int) int {
	// So many bytes are at most so many characters.
	most := math.MaxInt
	if f.kind == kindVarchar {
		most = f.length
	}
	for k := 0; k < rows; k++ {
		if k += c.texts(f.text, k, rows, most); k == rows {
			break
		}
		from, to := c.span(k)
		if to-from <= most && !c.isNull(from, to) {
			f.text.AppendSpan(c.b, from, to)
		} else if !d.slow(f, c, from, to) {
			return k
		}
	}
	return rows
}

// padded appends texts with as many blanks as their column is long.
func (d *Decoder) padded(f *field, c *cells, rows int) int {
	t := f.text
	for k := range rows {
		from, to := c.span(k)
		s := c.b[from:to]
		if c.isNull(from, to) || len(s) > f.length || d.ends.wide && !ascii(s) {
			if !d.slow(f, c, from, to) {
				return k
			}
			continue
		}
		t.Data = append(t.Data, s...)
		for range f.length - len(s) {
			t.Data = append(t.Data, ' ')
		}
		t.EndRow()
	}
	return rows
}

// decimals appends numbers, at their quickest those that have the column's scale,
// or where it has none the scale of the number before.
func (d *Decoder) decimals(f *field, c *cells, rows int) int {
	d.coefs = slices.Grow(d.coefs[:0], rows)
	limit, misses := f.limit, 0
	if limit == 0 {
		limit = math.MaxInt64
	}
	for k := 0; k < rows; k++ {
		if worthwhile(misses, k) {
			have := len(d.coefs)
			n := c.numbers(d.coefs[have:have+rows-k], k, f.scale, limit)
			d.coefs = d.coefs[:have+n]
			if k += n; k == rows {
				break
			}
			if n == 0 {
				misses++
			}
		}
		from, to := c.span(k)
		if v, ok := f.coefficient(c.b, from, to); ok && !c.isNull(from, to) {
			d.coefs = append(d.coefs, v)
			continue
		}
		f.num.AppendInt64s(d.coefs, f.scale)
		d.coefs = d.coefs[:0]
		if !d.slow(f, c, from, to) {
			return k
		}
	}
	f.num.AppendInt64s(d.coefs, f.scale)
	return rows
}

// coefficient reads a number of the field's scale; false: it is none, or has
// another, or is too large.
func (f *field) coefficient(b []byte, from, to int) (v int64, ok bool) {
	neg := from < to && b[from] == '-'
	if neg {
		from++
	}
	if f.scale == 0 {
		v, ok = digits(b, from, to)
	} else {
		v, ok = scaled(b, from, to, int(f.scale))
	}
	ok = ok && (f.limit == 0 || v < f.limit)
	if neg {
		v = -v
	}
	return v, ok
}

// decimal appends a plain number that fits the column's precision as it is. In a
// column without one, the next is expected to have its scale.
func (f *field) decimal(s []byte) bool {
	coef, scale, ok := decimal(s)
	if !ok || scale > f.scale && f.limit > 0 {
		return false
	}
	if f.limit == 0 {
		f.scale = scale
	} else {
		up := pow10[f.scale-scale]
		if most := f.limit / up; coef >= most || coef <= -most {
			return false
		}
		coef, scale = coef*up, f.scale
	}
	f.num.AppendInt64(coef, scale)
	return true
}

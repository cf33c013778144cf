package csv

import "github.com/ferrisstreams/ferrisstreams/exec/vec"

// fewRecords is how many records Lines looks at in one go after one that it left.
const fewRecords = 8

// Lines decodes records from the beginning of b as long as they are plain: no
// quote, no NUL, no empty line, none longer than longest, and every field good.
// It returns how many rows it appended, at most limit, and how many bytes they
// took. What follows is for Decode, unless b does not hold the end of it.
//
// It finds first where the fields of some records end, and then reads the fields
// of one column after the other, of those that are wanted.
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
		c := cells{b: b, at: d.ends.at[i:], width: d.width, last: i == d.width-1, null: d.o.Null}
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
	case kindText, kindVarchar, kindChar:
		return d.texts(f, c, rows)
	case kindInt8:
		for k := range rows {
			from, to := c.span(k)
			if v, ok := whole(c.b, from, to); ok && !c.isNull(from, to) {
				f.i64.Values = append(f.i64.Values, v)
			} else if !d.slow(f, c, from, to) {
				return k
			}
		}
		return rows
	case kindNumeric:
		return d.decimals(f, c, rows)
	case kindTimestamp:
		for k := range rows {
			from, to := c.span(k)
			if v, ok := d.calendar.timestamp(c.b[from:to]); ok && !c.isNull(from, to) {
				f.i64.Values = append(f.i64.Values, v)
			} else if !d.slow(f, c, from, to) {
				return k
			}
		}
		return rows
	case kindTimestamptz:
		for k := range rows {
			from, to := c.span(k)
			if v, ok := d.calendar.timestamptz(c.b[from:to]); ok && !c.isNull(from, to) {
				f.i64.Values = append(f.i64.Values, v)
			} else if !d.slow(f, c, from, to) {
				return k
			}
		}
		return rows
	}
	for k := range rows {
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
	t := f.text
	for k := range rows {
		from, to := c.span(k)
		s := c.b[from:to]
		// So many bytes are at most so many characters.
		short := f.kind == kindText || len(s) <= f.length && (f.kind == kindVarchar || !d.ends.wide || ascii(s))
		if c.isNull(from, to) || !short {
			if !d.slow(f, c, from, to) {
				return k
			}
			continue
		}
		if f.kind != kindChar {
			t.AppendSpan(c.b, from, to)
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
	d.coefs = d.coefs[:0]
	for k := range rows {
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

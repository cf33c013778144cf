package pgcopy

import (
	"bytes"
	"context"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// part is one field of a line.
type part struct {
	text        []byte
	null, deflt bool
}

// nextLine finds the next line, without its end; false: the data has ended.
func (r *Reader) nextLine(ctx context.Context) (span, bool, error) {
	from, look := r.at, r.at
	quoted := false
	for {
		end, width, next := r.lineEnd(look, &quoted)
		if end >= 0 {
			r.line++
			if r.o.Format == "text" && r.eol == "\n" && bytes.IndexByte(r.buf[from:end], '\r') >= 0 {
				r.stray = strayIn(r.buf[from:end])
			}
			if r.stray != 0 {
				return span{}, false, r.mixed()
			}
			r.at = end + width
			l := span{from, end, r.line}
			return r.checked(l)
		}
		look = next
		ok, err := r.more(ctx)
		if err != nil {
			return span{}, false, err
		}
		if ok {
			continue
		}
		r.ended = true
		if from == len(r.buf) {
			return span{}, false, nil
		}
		r.line++
		r.at = len(r.buf)
		l := span{from, len(r.buf), r.line}
		if n := len(r.buf); r.eol != "\n" && n > from && r.buf[n-1] == '\r' {
			l.to-- // its \n never came
		}
		if quoted {
			return l, false, r.inLine(l, sqlerr.Errorf(sqlerr.BadCopyFileFormat, "unterminated CSV quoted field"))
		}
		return r.checked(l)
	}
}

// checked is a line that was found: not the end-of-copy marker, and valid text.
func (r *Reader) checked(l span) (span, bool, error) {
	b := r.buf[l.from:l.to]
	if len(b) == 2 && b[0] == '\\' && b[1] == '.' {
		r.ended = true
		return l, false, nil
	}
	if !ascii(b) && !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
		return l, false, where(types.CheckUTF8(b), "COPY "+r.table+", line "+itoa(l.line))
	}
	return l, true, nil
}

// lineEnd looks for the end of a line from byte look on. Without one end is -1,
// and next is where to look on.
func (r *Reader) lineEnd(look int, quoted *bool) (end, width, next int) {
	if r.o.Format == "csv" {
		return r.csvLineEnd(look, quoted)
	}
	b := r.buf
	if r.eol == "\n" {
		for {
			i := bytes.IndexByte(b[look:], '\n')
			if i < 0 {
				return -1, 0, len(b)
			}
			if look += i; !escaped(b, look) {
				return look, 1, 0
			}
			look++
		}
	}
	for i := look; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++ // what follows is data
			if i >= len(b) {
				return -1, 0, i - 1
			}
		case '\n', '\r':
			if e, w, ok := r.ending(i); ok {
				return e, w, 0
			}
			return -1, 0, i
		}
	}
	return -1, 0, len(b)
}

// escaped reports whether an odd number of backslashes stands before byte i.
func escaped(b []byte, i int) bool {
	n := 0
	for i--; i >= 0 && b[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

// strayIn is a carriage return in a line that ends in a newline, which no backslash
// makes data; 0: there is none.
func strayIn(line []byte) byte {
	for i, c := range line {
		if c == '\r' && !escaped(line, i) {
			return c
		}
	}
	return 0
}

// ending reads a line end at byte i; false: more bytes have to come. One of another
// kind than the first line's is kept as stray.
func (r *Reader) ending(i int) (end, width int, ok bool) {
	b := r.buf
	if b[i] == '\n' {
		switch r.eol {
		case "":
			r.eol = "\n"
		case "\r", "\r\n":
			r.stray = '\n'
		}
		return i, 1, true
	}
	if r.eol == "\n" {
		r.stray = '\r'
		return i, 1, true
	}
	if r.eol == "\r" {
		return i, 1, true
	}
	if i+1 == len(b) && !r.eof {
		return 0, 0, false
	}
	switch {
	case i+1 < len(b) && b[i+1] == '\n':
		r.eol = "\r\n"
		return i, 2, true
	case r.eol == "\r\n" && i+1 < len(b):
		r.stray = '\r'
	default:
		r.eol = "\r"
	}
	return i, 1, true
}

// mixed is the error of a line end that is not like the first.
func (r *Reader) mixed() error {
	name, escape := "newline", `\n`
	if r.stray == '\r' {
		name, escape = "carriage return", `\r`
	}
	var err error
	if r.o.Format == "csv" {
		err = sqlerr.Errorf(sqlerr.BadCopyFileFormat, "unquoted %s found in data", name).WithHint("Use quoted CSV field to represent %s.", name)
	} else {
		err = sqlerr.Errorf(sqlerr.BadCopyFileFormat, "literal %s found in data", name).WithHint("Use \"%s\" to represent %s.", escape, name)
	}
	return where(err, "COPY "+r.table+", line "+itoa(r.line))
}

func (r *Reader) csvLineEnd(look int, quoted *bool) (end, width, next int) {
	b := r.buf
	counted := byte('\r') // in quotes, as PostgreSQL does it: until the first line has ended, too
	if r.eol == "\n" {
		counted = '\n'
	}
	for i := look; i < len(b); i++ {
		switch c := b[i]; {
		case *quoted && c == r.o.Escape && r.o.Escape != r.o.Quote:
			if i+1 == len(b) {
				return -1, 0, i
			}
			if b[i+1] == r.o.Quote || b[i+1] == r.o.Escape {
				i++
			}
		case c == r.o.Quote:
			*quoted = !*quoted
		case !*quoted && (c == '\n' || c == '\r'):
			if e, w, ok := r.ending(i); ok {
				return e, w, 0
			}
			return -1, 0, i
		case *quoted && c == counted:
			r.line++
		}
	}
	return -1, 0, len(b)
}

// split takes a line apart. The parts are good until the next call.
func (r *Reader) split(l span) ([]part, error) {
	r.parts, r.scratch = r.parts[:0], r.scratch[:0]
	if r.o.Format == "csv" {
		return r.splitCSV(l)
	}
	b := r.buf[l.from:l.to]
	// Unescaped text is never longer, so that scratch does not move.
	if cap(r.scratch) < len(b) {
		r.scratch = make([]byte, 0, 2*len(b))
	}
	for start, i := 0, 0; ; i++ {
		switch {
		case i < len(b) && b[i] == '\\':
			i++
			continue
		case i < len(b) && b[i] != r.o.Delimiter:
			continue
		}
		end := min(i, len(b))
		raw := b[start:end]
		p := part{null: r.isNull(raw), deflt: r.o.Default != nil && string(raw) == *r.o.Default}
		if p.text = raw; bytes.IndexByte(raw, '\\') >= 0 && !p.null && !p.deflt {
			p.text = r.unescape(raw)
			if !ascii(p.text) && !utf8.Valid(p.text) || bytes.IndexByte(p.text, 0) >= 0 {
				return nil, r.inLine(l, types.CheckUTF8(p.text))
			}
		}
		r.parts = append(r.parts, p)
		if i >= len(b) {
			return r.parts, nil
		}
		start = i + 1
	}
}

// unescape appends a field of text to scratch, its escapes as what they mean.
func (r *Reader) unescape(b []byte) []byte {
	from := len(r.scratch)
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c != '\\' || i+1 == len(b) {
			r.scratch = append(r.scratch, c)
			continue
		}
		i++
		switch c = b[i]; c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'v':
			c = '\v'
		case 'x':
			if v, n := digits(b[i+1:], 16, 2); n > 0 {
				c = v
				i += n
			}
		case '0', '1', '2', '3', '4', '5', '6', '7':
			v, n := digits(b[i:], 8, 3)
			c = v
			i += n - 1
		}
		r.scratch = append(r.scratch, c)
	}
	return r.scratch[from:]
}

// digits reads at most n digits of a base.
func digits(b []byte, base, n int) (v byte, read int) {
	for read < n && read < len(b) {
		d := 99
		switch c := b[read]; {
		case c >= '0' && c <= '9':
			d = int(c - '0')
		case c >= 'a' && c <= 'f':
			d = int(c-'a') + 10
		case c >= 'A' && c <= 'F':
			d = int(c-'A') + 10
		}
		if d >= base {
			break
		}
		v = v*byte(base) + byte(d)
		read++
	}
	return v, read
}

func (r *Reader) splitCSV(l span) ([]part, error) {
	b := r.buf[l.from:l.to]
	if cap(r.scratch) < len(b) {
		r.scratch = make([]byte, 0, 2*len(b))
	}
	for i := 0; ; i++ {
		from, quoted := len(r.scratch), false
		for i < len(b) && b[i] != r.o.Delimiter {
			if b[i] != r.o.Quote {
				r.scratch = append(r.scratch, b[i])
				i++
				continue
			}
			quoted = true
			for i++; ; i++ {
				if i >= len(b) {
					return nil, r.inLine(l, sqlerr.Errorf(sqlerr.BadCopyFileFormat, "unterminated CSV quoted field"))
				}
				if b[i] == r.o.Escape && i+1 < len(b) && (b[i+1] == r.o.Quote || b[i+1] == r.o.Escape) {
					i++
				} else if b[i] == r.o.Quote {
					break
				}
				r.scratch = append(r.scratch, b[i])
			}
			i++
		}
		k := len(r.parts)
		text := r.scratch[from:]
		p := part{text: text}
		switch {
		case r.o.Default != nil && !quoted && string(text) == *r.o.Default:
			p.deflt = true
		case string(text) != r.o.Null:
		case quoted:
			p.null = at(r.o.ForceNull, k)
		default:
			p.null = !at(r.o.ForceNotNull, k)
		}
		r.parts = append(r.parts, p)
		if i >= len(b) {
			return r.parts, nil
		}
	}
}

func at(flags []bool, i int) bool { return i < len(flags) && flags[i] }

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

package types

import (
	"fmt"
	"math"
	"strings"
	"unsafe"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// arrayReader reads the text form of an array, in two passes as PostgreSQL 16
// does: the braces give the dimensions, then the elements are read.
type arrayReader struct {
	whole string // for errors
	delim byte
}

// elemsAsked is after how many elements it is asked whether the statement has ended.
const elemsAsked = 1 << 12

func (r *arrayReader) malformed(format string, args ...any) error {
	return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "malformed array literal: \"%s\"", r.whole).
		WithDetail("%s", fmt.Sprintf(format, args...))
}

func parseArray(s string, elem *Info, mod int32, f *Format) (Value, error) {
	v := Value{Type: Of(elem.Array), A: &Array{Elem: Type{elem.OID, mod}}}
	r := &arrayReader{whole: s, delim: elem.Delim}
	stated, rest, err := r.bounds(s)
	if err != nil {
		return v, err
	}
	lens, err := r.shape(rest, f.ended())
	if err != nil {
		return v, err
	}
	dims := stated
	if stated == nil {
		for _, n := range lens {
			dims = append(dims, Dim{Len: n, Lower: 1})
		}
	}
	if len(dims) != len(lens) {
		return v, r.malformed("Specified array dimensions do not match array contents.")
	}
	count := int64(1)
	for i, d := range dims {
		if d.Len != lens[i] {
			return v, r.malformed("Specified array dimensions do not match array contents.")
		}
		if count *= int64(d.Len); count > maxElements {
			return v, errArraySize()
		}
		if int64(d.Lower)+int64(d.Len) > math.MaxInt32 {
			return v, errLowerBound(d.Lower)
		}
	}
	if len(dims) == 0 || count == 0 {
		return v, nil
	}
	if f != nil && f.Most > 0 && count*int64(unsafe.Sizeof(Value{})) > f.Most {
		return v, errArrayMemory(count, f.Most)
	}
	v.A.Dims = dims
	v.A.Elems, err = r.elements(rest, lens, int(count), elem, mod, f)
	return v, err
}

// bounds reads [l:u][n]...= and white space around it.
func (r *arrayReader) bounds(s string) (dims []Dim, rest string, err error) {
	number := func(s string) int {
		n := 0
		for n < len(s) && (isDigit(s[n]) || s[n] == '-' || s[n] == '+') {
			n++
		}
		return n
	}
	for {
		s = skipSpace(s)
		if s == "" || s[0] != '[' {
			break
		}
		s = s[1:]
		if len(dims) >= maxDims {
			return nil, "", errTooManyDims(len(dims) + 1)
		}
		n := number(s)
		if n == 0 {
			return nil, "", r.malformed("\"[\" must introduce explicitly-specified array dimensions.")
		}
		lower, upper := 1, atoi(s[:n])
		s = s[n:]
		if s != "" && s[0] == ':' {
			s = s[1:]
			if n = number(s); n == 0 {
				return nil, "", r.malformed("Missing array dimension value.")
			}
			lower, upper = upper, atoi(s[:n])
			s = s[n:]
		}
		if s == "" || s[0] != ']' {
			return nil, "", r.malformed("Missing \"]\" after array dimensions.")
		}
		s = s[1:]
		if upper < lower {
			return nil, "", sqlerr.Errorf(sqlerr.ArraySubscriptError, "upper bound cannot be less than lower bound")
		}
		if upper-lower+1 > math.MaxInt32 {
			return nil, "", errArraySize()
		}
		dims = append(dims, Dim{Len: int32(upper - lower + 1), Lower: int32(lower)})
	}
	if dims == nil {
		if s == "" || s[0] != '{' {
			return nil, "", r.malformed("Array value must start with \"{\" or dimension information.")
		}
		return nil, s, nil
	}
	if s == "" || s[0] != '=' {
		return nil, "", r.malformed("Missing \"=\" after array dimensions.")
	}
	if s = skipSpace(s[1:]); s == "" || s[0] != '{' {
		return nil, "", r.malformed("Array contents must start with \"{\".")
	}
	return dims, s, nil
}

func skipSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}

// arrayState is where in the nesting shape stands.
type arrayState uint8

const (
	arrayStart arrayState = iota
	levelStarted
	elemStarted
	quotedStarted
	quotedDone
	elemDelimited
	levelDone
	levelDelimited
)

// shape finds the dimensions from the braces; none for an empty array.
func (r *arrayReader) shape(s string, ended func() error) ([]int32, error) {
	var sizes, elems, before [maxDims + 1]int32
	for i := range elems {
		elems[i] = 1
	}
	state := arrayStart
	depth, ndim := 0, 0
	quoted, empty := false, true
	i := 0
	p := pace{ended: ended}
	for ; ; i++ {
		if err := p.at(i); err != nil {
			return nil, err
		}
		if state == elemStarted || state == quotedStarted {
			empty = false
		}
		if i == len(s) {
			return nil, r.malformed("Unexpected end of input.")
		}
		c := s[i]
		if quoted && c != '"' && c != '\\' {
			continue
		}
		switch {
		case c == '\\':
			if state != levelStarted && state != elemStarted && state != quotedStarted && state != elemDelimited {
				return nil, r.malformed("Unexpected \"%c\" character.", c)
			}
			if state != quotedStarted {
				state = elemStarted
			}
			if i++; i == len(s) {
				return nil, r.malformed("Unexpected end of input.")
			}
		case c == '"':
			if state != levelStarted && state != quotedStarted && state != elemDelimited {
				return nil, r.malformed("Unexpected array element.")
			}
			if quoted = !quoted; quoted {
				state = quotedStarted
			} else {
				state = quotedDone
			}
		case c == '{':
			if state != arrayStart && state != levelStarted && state != levelDelimited {
				return nil, r.malformed("Unexpected \"%c\" character.", c)
			}
			state = levelStarted
			if depth >= maxDims {
				return nil, errTooManyDims(depth + 1)
			}
			sizes[depth] = 0
			depth++
			ndim = max(ndim, depth)
		case c == '}':
			if state != elemStarted && state != quotedDone && state != levelDone && (depth != 1 || state != levelStarted) {
				return nil, r.malformed("Unexpected \"%c\" character.", c)
			}
			state = levelDone
			depth--
			if before[depth] != 0 && elems[depth] != before[depth] {
				return nil, r.malformed("Multidimensional arrays must have sub-arrays with matching dimensions.")
			}
			before[depth], elems[depth] = elems[depth], 1
			if depth > 0 {
				sizes[depth-1]++
			}
		case c == r.delim:
			switch state {
			case levelDone:
				state = levelDelimited
			case elemStarted, quotedDone:
				state = elemDelimited
			default:
				return nil, r.malformed("Unexpected \"%c\" character.", c)
			}
			elems[depth-1]++
			sizes[ndim-1]++
		case !isSpace(c):
			if state != levelStarted && state != elemStarted && state != elemDelimited {
				return nil, r.malformed("Unexpected array element.")
			}
			state = elemStarted
		}
		if depth == 0 {
			sizes[ndim-1]++
			break
		}
	}
	if skipSpace(s[i+1:]) != "" {
		return nil, r.malformed("Junk after closing right brace.")
	}
	if empty {
		return nil, nil
	}
	return append([]int32(nil), sizes[:ndim]...), nil
}

// elements reads the elements, by their places in an array of those dimensions.
func (r *arrayReader) elements(s string, lens []int32, count int, elem *Info, mod int32, f *Format) ([]Value, error) {
	out := make([]Value, count)
	t := Type{elem.OID, mod}
	for i := range out {
		out[i] = NullOf(t)
	}
	var index [maxDims]int32
	depth, ndim := 0, len(lens)
	var text []byte
	ended, read := f.ended(), 0
	p := pace{ended: ended}
	for i := 0; ; {
		if read++; ended != nil && read%elemsAsked == 0 {
			if err := ended(); err != nil {
				return nil, err
			}
		}
		place := -1
		text = text[:0]
		end := 0 // of text without the white space after it
		quoting, quoted, leading, done := false, false, true, false
		for itemDone := false; !itemDone; {
			if i >= len(s) {
				return nil, r.malformed("Unexpected end of input.")
			}
			if err := p.at(i); err != nil {
				return nil, err
			}
			c := s[i]
			i++
			switch {
			case c == '\\':
				if i >= len(s) {
					return nil, r.malformed("Unexpected end of input.")
				}
				text = append(text, s[i])
				i++
				end, leading, quoting = len(text), false, true
			case c == '"':
				if quoted = !quoted; quoted {
					leading = false
				} else {
					end = len(text)
				}
				quoting = true
			case quoted:
				text = append(text, c)
			case c == '{':
				if depth >= ndim {
					return nil, r.malformed("Unexpected \"%c\" character.", c)
				}
				index[depth] = 0
				depth++
			case c == '}':
				if place < 0 {
					place = offsetOf(lens, index[:ndim])
				}
				depth--
				index[depth] = 0
				if depth == 0 {
					done, itemDone = true, true
				} else {
					index[depth-1]++
				}
			case c == r.delim:
				if place < 0 {
					place = offsetOf(lens, index[:ndim])
				}
				itemDone = true
				index[ndim-1]++
			case isSpace(c):
				if !leading {
					text = append(text, c)
				}
			default:
				text = append(text, c)
				end, leading = len(text), false
			}
		}
		if place < 0 || place >= count {
			return nil, r.malformed("Multidimensional arrays must have sub-arrays with matching dimensions.")
		}
		if text = text[:end]; quoting || len(text) != 4 || !strings.EqualFold(view(text), "null") {
			v, err := elem.In(string(text), mod, f)
			if err != nil {
				return nil, err
			}
			v.Type = t
			out[place] = v
		}
		if done {
			return out, nil
		}
	}
}

// offsetOf is the row-major place of an element.
func offsetOf(lens, index []int32) int {
	at, size := 0, 1
	for i := len(lens) - 1; i >= 0; i-- {
		at += int(index[i]) * size
		size *= int(lens[i])
	}
	return at
}

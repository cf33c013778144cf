package types

import (
	"encoding/binary"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

func errMalformed(kind, s, detail string) error {
	return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "malformed %s literal: \"%s\"", kind, strings.Clone(s)).WithDetail("%s", detail)
}

func hasPrefixFold(s, word string) bool {
	return len(s) >= len(word) && strings.EqualFold(s[:len(word)], word)
}

func (t *rangeType) parse(s string, f *Format) (Value, error) {
	bad := func(detail string) (Value, error) { return Value{}, errMalformed("range", s, detail) }
	rest := skipSpace(s)
	if hasPrefixFold(rest, rangeEmptyWord) {
		if skipSpace(rest[len(rangeEmptyWord):]) != "" {
			return bad("Junk after \"empty\" key word.")
		}
		return NewRange(t.oid, Range{Empty: true})
	}
	var r Range
	switch {
	case strings.HasPrefix(rest, "["):
		r.Lower.Inclusive = true
	case !strings.HasPrefix(rest, "("):
		return bad("Missing left parenthesis or bracket.")
	}
	lower, finite, rest, ok, err := rangeBound(rest[1:], f.ended())
	if err != nil {
		return Value{}, err
	}
	if !ok {
		return bad("Unexpected end of input.")
	}
	r.Lower.Infinite = !finite
	if !strings.HasPrefix(rest, ",") {
		return bad("Missing comma after lower bound.")
	}
	upper, finite, rest, ok, err := rangeBound(rest[1:], f.ended())
	if err != nil {
		return Value{}, err
	}
	if !ok {
		return bad("Unexpected end of input.")
	}
	r.Upper.Infinite = !finite
	switch {
	case strings.HasPrefix(rest, "]"):
		r.Upper.Inclusive = true
	case !strings.HasPrefix(rest, ")"):
		return bad("Too many commas.")
	}
	if skipSpace(rest[1:]) != "" {
		return bad("Junk after right parenthesis or bracket.")
	}
	for _, b := range [...]struct {
		*Bound
		text string
	}{{&r.Lower, lower}, {&r.Upper, upper}} {
		if b.Infinite {
			continue
		}
		if b.Value, err = Parse(Of(t.sub), b.text, f); err != nil {
			return Value{}, err
		}
	}
	return NewRange(t.oid, r)
}

// rangeBound reads a bound up to what ends it, without its quotes and escapes.
// None at all is an infinite one; ok is false where the text ends too soon.
func rangeBound(s string, ended func() error) (text string, finite bool, rest string, ok bool, err error) {
	ends := func(c byte) bool { return c == ',' || c == ')' || c == ']' }
	if s != "" && ends(s[0]) {
		return "", false, s, true, nil
	}
	var b strings.Builder
	quoted := false
	p := pace{ended: ended}
	for i := 0; ; i++ {
		if err := p.at(i); err != nil {
			return "", false, "", false, err
		}
		if i >= len(s) {
			return "", false, "", false, nil
		}
		switch c := s[i]; {
		case !quoted && ends(c):
			return b.String(), true, s[i:], true, nil
		case c == '\\':
			if i++; i == len(s) {
				return "", false, "", false, nil
			}
			b.WriteByte(s[i])
		case c == '"' && quoted && i+1 < len(s) && s[i+1] == '"':
			i++
			b.WriteByte('"')
		case c == '"':
			quoted = !quoted
		default:
			b.WriteByte(c)
		}
	}
}

func (t *rangeType) appendText(dst []byte, r Range, f *Format) []byte {
	if r.Empty {
		return append(dst, rangeEmptyWord...)
	}
	open, end := byte('('), byte(')')
	if r.Lower.Inclusive {
		open = '['
	}
	if r.Upper.Inclusive {
		end = ']'
	}
	dst = appendRangeBound(append(dst, open), r.Lower, f)
	return append(appendRangeBound(append(dst, ','), r.Upper, f), end)
}

func appendRangeBound(dst []byte, b Bound, f *Format) []byte {
	if b.Infinite {
		return dst
	}
	text := string(AppendText(nil, b.Value, f))
	if text != "" && !strings.ContainsAny(text, "\"\\()[], \t\n\r\v\f") {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	dst = append(dst, strings.NewReplacer(`"`, `""`, `\`, `\\`).Replace(text)...)
	return append(dst, '"')
}

func (t *rangeType) recv(b []byte) (Value, error) {
	r := formReader{b: b}
	rng, err := t.recvRange(&r)
	if err != nil {
		return Value{}, err
	}
	v, err := NewRange(t.oid, rng)
	if err == nil && len(r.b) > 0 {
		err = errMessageFormat()
	}
	return v, err
}

func errMessageFormat() error {
	return sqlerr.Errorf(sqlerr.ProtocolViolation, "invalid message format")
}

func (t *rangeType) recvRange(r *formReader) (rng Range, err error) {
	flags := r.byte() & rangeFlagsKnown
	bound := func(infinite, inclusive byte) Bound {
		b := Bound{Infinite: flags&infinite != 0, Inclusive: flags&inclusive != 0}
		if b.Infinite || flags&rangeEmpty != 0 || err != nil {
			return b
		}
		form := r.take(int(int32(r.uint32())))
		if size := Lookup(t.sub).Len; size > 0 && len(form) > int(size) {
			form = form[:size] // what follows a bound is not looked at
		}
		if err = r.err; err == nil {
			b.Value, err = FromBinary(Of(t.sub), form, nil)
		}
		return b
	}
	rng = Range{Empty: flags&rangeEmpty != 0, Lower: bound(rangeLowerInf, rangeLowerInc), Upper: bound(rangeUpperInf, rangeUpperInc)}
	if err == nil {
		err = r.err
	}
	return rng, err
}

func (t *rangeType) appendBinary(dst []byte, r Range) []byte {
	if r.Empty {
		return append(dst, rangeEmpty)
	}
	at := len(dst)
	dst = append(dst, 0)
	for _, b := range [...]struct {
		Bound
		infinite, inclusive byte
	}{{r.Lower, rangeLowerInf, rangeLowerInc}, {r.Upper, rangeUpperInf, rangeUpperInc}} {
		if b.Infinite {
			dst[at] |= b.infinite
			continue
		}
		if b.Inclusive {
			dst[at] |= b.inclusive
		}
		start := len(dst)
		dst = AppendBinary(append(dst, 0, 0, 0, 0), b.Value, nil)
		binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	}
	return dst
}

package function

import (
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// numberWriter writes one number by a template, as PostgreSQL's NUM_processor:
// a digit of the number, or what pads it, for each place of the template, and
// the sign with the first or last of them.
type numberWriter struct {
	t       numberTemplate // a copy, some of which is the number's
	number  string         // digits and a point, without a sign
	at      int            // the next character of number
	last    int            // the last character that FM leaves; -1: it leaves all
	padding int            // places before the number's first digit
	sign    byte           // + or -; 0 of a Roman numeral
	signed  bool           // the sign is written, or not to be written here
	inside  bool           // the last place had a digit
	place   int            // how many places were written
	end     int            // the place before which a sign behind the number goes
	out     []byte
}

// fixed writes a number, given as digits with or without a sign and a point, by a
// template without exponent.
func (t *numberTemplate) fixed(number string) (string, error) {
	sign := byte('+')
	if number[0] == '-' {
		sign, number = '-', number[1:]
	}
	whole := strings.IndexByte(number, '.')
	if whole < 0 {
		whole = len(number)
	}
	if whole > t.pre {
		number = strings.Repeat("#", t.pre) + "." + strings.Repeat("#", t.post)
	}
	return t.write(number, max(t.pre-whole, 0), sign)
}

// numeral writes Roman numerals: of the rest of a template only what stands
// beside a number counts.
func (t *numberTemplate) numeral(n int64) (string, error) {
	plain := numberTemplate{pieces: t.pieces, roman: true, fill: t.fill}
	return plain.write(romanNumber(n), 0, 0)
}

func (t *numberTemplate) write(number string, padding int, sign byte) (string, error) {
	w := &numberWriter{t: *t, number: number, last: -1, padding: padding, sign: sign}
	w.prepare()
	for i := range t.pieces {
		if p := &t.pieces[i]; p.pattern == numberLiteral {
			w.out = append(w.out, p.literal...)
		} else if err := w.piece(p.pattern); err != nil {
			return "", err
		}
	}
	// A template with more places than a float has digits ends where they do.
	s, _, _ := strings.Cut(string(w.out), "\x00")
	return s, nil
}

// prepare decides where the sign goes, and where the number ends.
func (w *numberWriter) prepare() {
	t := &w.t
	if t.plus || t.minus {
		w.signed = t.minus
	} else {
		if w.sign != '-' && t.fill {
			t.bracket = false
		}
		w.signed = w.sign == '+' && t.fill && t.sign == signNone
		if t.sign == signBefore && t.pre == t.signAt {
			t.sign = signAfter
		}
	}
	count := t.pre + t.post - 1
	if t.fill && t.point {
		if w.last = lastRelevant(w.number); w.last >= 0 && t.zeroTo > w.padding {
			w.last = max(w.last, min(t.zeroTo-w.padding, len(w.number)-1))
		}
	}
	if !w.signed && w.padding == 0 {
		count++
	}
	w.end = count
	if w.padding > 0 {
		w.end++
	}
	if t.point {
		w.end++
	}
}

// lastRelevant is the place of the last digit after the point that is no zero,
// else that of the point; -1 where there is none.
func lastRelevant(number string) int {
	if strings.IndexByte(number, '.') < 0 {
		return -1
	}
	return len(strings.TrimRight(number, "0")) - 1
}

// next is the next character of the number; 0 behind it.
func (w *numberWriter) next() byte {
	if w.at < len(w.number) {
		return w.number[w.at]
	}
	return 0
}

// whole reports whether FM leaves nothing after the point.
func (w *numberWriter) whole() bool {
	return w.last >= 0 && w.last < len(w.number) && w.number[w.last] == '.'
}

// hidden reports whether the next digit is the zero of a number below one, which
// shows only where a 0 asks for it.
func (w *numberWriter) hidden() bool {
	return !w.t.zero && w.at == 0 && w.next() == '0' && w.t.post != 0
}

func (w *numberWriter) put(c byte) { w.out = append(w.out, c) }

// blank writes a place without a character in it.
func (w *numberWriter) blank() {
	if !w.t.fill {
		w.put(' ')
	}
}

func (w *numberWriter) piece(p numberPattern) error {
	switch p {
	case numberNine, numberZero, numberPoint:
		if !w.t.roman {
			w.digit(p)
		}
	case numberComma, numberGroup:
		if w.inside {
			w.put(',')
		} else {
			w.blank()
		}
	case numberCurrency:
		w.put(' ')
	case numberRoman, numberRomanLower:
		s := w.number
		if p == numberRomanLower {
			s = strings.ToLower(s)
		}
		if !w.t.fill {
			s = fmt.Sprintf("%15s", s)
		}
		w.out = append(w.out, s...)
	case numberOrdinal, numberOrdinalLower:
		return w.ordinal(p)
	case numberMinus:
		if w.sign == '-' {
			w.put('-')
		} else {
			w.blank()
		}
	case numberPlus:
		if w.sign == '+' {
			w.put('+')
		} else {
			w.blank()
		}
	case numberBoth:
		w.put(w.sign)
	}
	return nil
}

// ordinal writes st, nd, rd or th behind a whole number that is not negative.
func (w *numberWriter) ordinal(p numberPattern) error {
	if w.t.roman || w.number[0] == '#' || w.sign == '-' || w.t.point {
		return nil
	}
	if c := w.number[len(w.number)-1]; c < '0' || c > '9' {
		return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "\"%s\" is not a number", w.number)
	}
	s := ordinalSuffix(w.number)
	if p == numberOrdinal {
		s = strings.ToUpper(s)
	}
	w.out = append(w.out, s...)
	return nil
}

// digit writes one place, with the sign where it is its turn.
func (w *numberWriter) digit(p numberPattern) {
	w.inside = false
	w.signBefore()
	t := &w.t
	switch {
	case w.place >= w.padding:
		w.figure(p)
	case t.zero && t.zeroFrom <= w.place:
		w.put('0')
		w.inside = true
	default:
		w.blank()
	}
	end := w.end
	if w.last >= 0 && w.last == w.at {
		end = w.place
	}
	if w.place+1 == end {
		switch {
		case w.signed && t.bracket && w.sign == '+':
			w.put(' ')
		case w.signed && t.bracket:
			w.put('>')
		case t.sign == signAfter:
			w.put(w.sign)
		}
	}
	w.place++
}

// signBefore writes the sign before the first place that shows something.
func (w *numberWriter) signBefore() {
	t := &w.t
	first := w.place >= w.padding || t.zero && t.zeroFrom == w.place
	if w.signed || !first || w.hidden() && !w.whole() {
		return
	}
	switch {
	case t.sign == signAfter:
		return
	case t.sign == signBefore, !t.bracket && w.sign == '-':
		w.put(w.sign)
	case t.bracket && w.sign == '-':
		w.put('<')
	case t.bracket:
		w.put(' ')
	default:
		w.blank()
	}
	w.signed = true
}

// figure writes a digit of the number, or its point.
func (w *numberWriter) figure(p numberPattern) {
	switch c := w.next(); {
	case c == '.':
		w.put('.')
	case w.last >= 0 && w.at > w.last && p != numberZero: // FM drops it
	case w.hidden():
		if !w.t.fill {
			w.put(' ')
		} else if w.whole() {
			w.put('0')
		}
	default:
		w.put(c)
		w.inside = true
	}
	if w.at < len(w.number) {
		w.at++
	}
}

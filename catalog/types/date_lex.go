package types

// The general reader of dates, times and intervals follows PostgreSQL's
// datetime.c, whose liberality is its interface: text is cut into fields by
// their looks, and what a field means depends on the fields before it.

// fieldKind is what a field looks like.
type fieldKind uint8

const (
	fieldNumber  fieldKind = iota // digits, perhaps with a point
	fieldString                   // letters
	fieldDate                     // digits or letters with separators
	fieldTime                     // digits with colons
	fieldZone                     // a sign and digits
	fieldSpecial                  // a sign and letters
)

// field is one piece of the input, lower case.
type field struct {
	kind fieldKind
	text string
}

// maxFields bounds the pieces of one input; the sizes bound its length.
const (
	maxFields     = 25
	dateWorkSize  = 128 + maxFields
	delayWorkSize = 256
)

// problem is why a date cannot be read; noProblem where it can.
type problem uint8

const (
	noProblem problem = iota
	badFormat
	fieldOverflow
	monthDayOverflow // the same, with a hint at DateStyle
	intervalOverflow
	zoneOverflow
	badZone
	onlyTime // a time with no date
)

// lexDates cuts s into fields. size bounds their bytes with one more for each.
func lexDates(s string, size int) ([]field, problem) {
	fields := make([]field, 0, 8)
	work := make([]byte, 0, len(s)+8)
	for i := 0; i < len(s); {
		c := s[i]
		if isSpace(c) {
			i++
			continue
		}
		start := len(work)
		take := func() {
			work = append(work, lower(s[i]))
			i++
		}
		at := func(ok func(byte) bool) bool { return i < len(s) && ok(s[i]) }
		takeAll := func(ok func(byte) bool) {
			for at(ok) {
				take()
			}
		}
		var kind fieldKind
		switch {
		case isDigit(c):
			kind = fieldNumber
			takeAll(isDigit)
			switch {
			case i < len(s) && s[i] == ':':
				kind = fieldTime
				takeAll(func(c byte) bool { return isDigit(c) || c == ':' || c == '.' })
			case i < len(s) && (s[i] == '-' || s[i] == '/' || s[i] == '.'):
				delim := s[i]
				take()
				if !at(isDigit) {
					kind = fieldDate
					takeAll(func(c byte) bool { return isDigit(c) || isAlpha(c) || c == delim })
					break
				}
				if kind = fieldDate; delim == '.' {
					kind = fieldNumber
				}
				takeAll(isDigit)
				if i < len(s) && s[i] == delim {
					kind = fieldDate
					takeAll(func(c byte) bool { return isDigit(c) || c == delim })
				}
			}
		case c == '.':
			kind = fieldNumber
			take()
			takeAll(isDigit)
		case isAlpha(c):
			kind = fieldString
			takeAll(isAlpha)
			if i == len(s) {
				break
			}
			next := s[i]
			isDate := next == '-' || next == '/' || next == '.'
			if next == '+' || isDigit(next) {
				// A zone name unless these letters are a word of their own.
				_, word := dateWord(string(work[start:]))
				isDate = !word
			}
			if isDate {
				kind = fieldDate
				take()
				takeAll(func(c byte) bool {
					return isDigit(c) || isAlpha(c) || c == '+' || c == '-' || c == '/' || c == '_' || c == '.' || c == ':'
				})
			}
		case c == '+' || c == '-':
			take()
			for at(isSpace) {
				i++
			}
			switch {
			case at(isDigit):
				kind = fieldZone
				takeAll(func(c byte) bool { return isDigit(c) || c == ':' || c == '.' || c == '-' })
			case at(isAlpha):
				kind = fieldSpecial
				takeAll(isAlpha)
			default:
				return nil, badFormat
			}
		case c > ' ' && c < 0x7f: // other punctuation separates
			i++
			continue
		default:
			return nil, badFormat
		}
		if len(fields) == maxFields || len(work)+len(fields)+1 > size-1 {
			return nil, badFormat
		}
		fields = append(fields, field{kind, string(work[start:])})
	}
	return fields, noProblem
}

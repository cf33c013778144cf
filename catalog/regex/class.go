package regex

import (
	"sync"
	"unicode"
)

var classes = struct {
	sync.Mutex
	m map[string]charset
}{m: map[string]charset{}}

// class is a named class; ok is false where there is none of that name.
func class(name string) (set charset, ok bool) {
	in, ok := classMembers[name]
	if !ok {
		return nil, false
	}
	classes.Lock()
	defer classes.Unlock()
	if set := classes.m[name]; set != nil {
		return set, true
	}
	var spans []span
	for r := rune(0); r <= maxRune; r++ {
		if !in(r) {
			continue
		}
		if n := len(spans); n > 0 && spans[n-1].hi == r-1 {
			spans[n-1].hi = r
			continue
		}
		spans = append(spans, span{r, r})
	}
	set = normal(spans)
	classes.m[name] = set
	return set, true
}

// classMembers says what belongs to each class, of all of Unicode as in a UTF-8
// database with the C library's rules.
var classMembers = map[string]func(rune) bool{
	"alnum":  func(r rune) bool { return isAlpha(r) || isDigit(r) },
	"alpha":  isAlpha,
	"ascii":  func(r rune) bool { return r < 0x80 },
	"blank":  func(r rune) bool { return r == '\t' || r == ' ' },
	"cntrl":  func(r rune) bool { return unicode.Is(unicode.Cc, r) },
	"digit":  isDigit,
	"graph":  func(r rune) bool { return isPrint(r) && !isSpace(r) },
	"lower":  isLower,
	"print":  isPrint,
	"punct":  func(r rune) bool { return isPrint(r) && !isSpace(r) && !isAlpha(r) && !isDigit(r) },
	"space":  isSpace,
	"upper":  isUpper,
	"word":   isWord,
	"xdigit": func(r rune) bool { return isDigit(r) || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F' },
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// isAlpha holds of letters and, as in the C library, of digits that are not
// ASCII's.
func isAlpha(r rune) bool {
	if r < 0x80 {
		return r|0x20 >= 'a' && r|0x20 <= 'z'
	}
	return unicode.IsLetter(r) || unicode.Is(unicode.Nd, r) || unicode.Is(unicode.Nl, r) || unicode.Is(unicode.Other_Alphabetic, r)
}

// isLower and isUpper hold both of title case, as in the C library, but of
// Greek's in capitals only.
func isLower(r rune) bool {
	return unicode.IsLower(r) || unicode.IsTitle(r) && r < 0x1f00 || unicode.Is(unicode.Other_Lowercase, r)
}

func isUpper(r rune) bool {
	return unicode.IsUpper(r) || unicode.IsTitle(r) || unicode.Is(unicode.Other_Uppercase, r)
}

func isSpace(r rune) bool {
	if r < 0x80 {
		return r == ' ' || r >= '\t' && r <= '\r'
	}
	switch r {
	case 0xa0, 0x2007, 0x202f, 0x85: // no-break spaces are not, nor is NEL
		return false
	}
	return unicode.IsSpace(r)
}

func isControl(r rune) bool { return unicode.Is(unicode.Cc, r) || r == 0x2028 || r == 0x2029 }

func isPrint(r rune) bool {
	return !isControl(r) && (unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r))
}

func isWord(r rune) bool {
	return r == '_' || isAlpha(r) || isDigit(r)
}

// collating are the names of characters in [. .] and [= =].
var collating = map[string]rune{
	"NUL": 0, "SOH": 1, "STX": 2, "ETX": 3, "EOT": 4, "ENQ": 5, "ACK": 6, "BEL": 7, "alert": 7, "BS": 8, "backspace": 8, "HT": 9, "tab": 9,
	"LF": 10, "newline": 10, "VT": 11, "vertical-tab": 11, "FF": 12, "form-feed": 12, "CR": 13, "carriage-return": 13, "SO": 14, "SI": 15,
	"DLE": 16, "DC1": 17, "DC2": 18, "DC3": 19, "DC4": 20, "NAK": 21, "SYN": 22, "ETB": 23, "CAN": 24, "EM": 25, "SUB": 26, "ESC": 27,
	"IS4": 28, "FS": 28, "IS3": 29, "GS": 29, "IS2": 30, "RS": 30, "IS1": 31, "US": 31, "space": ' ', "exclamation-mark": '!', "quotation-mark": '"',
	"number-sign": '#', "dollar-sign": '$', "percent-sign": '%', "ampersand": '&', "apostrophe": '\'', "left-parenthesis": '(',
	"right-parenthesis": ')', "asterisk": '*', "plus-sign": '+', "comma": ',', "hyphen": '-', "hyphen-minus": '-', "period": '.', "full-stop": '.',
	"slash": '/', "solidus": '/', "zero": '0', "one": '1', "two": '2', "three": '3', "four": '4', "five": '5', "six": '6', "seven": '7', "eight": '8',
	"nine": '9', "colon": ':', "semicolon": ';', "less-than-sign": '<', "equals-sign": '=', "greater-than-sign": '>', "question-mark": '?',
	"commercial-at": '@', "left-square-bracket": '[', "backslash": '\\', "reverse-solidus": '\\', "right-square-bracket": ']', "circumflex": '^',
	"circumflex-accent": '^', "underscore": '_', "low-line": '_', "grave-accent": '`', "left-brace": '{', "left-curly-bracket": '{',
	"vertical-line": '|', "right-brace": '}', "right-curly-bracket": '}', "tilde": '~', "DEL": 127,
}

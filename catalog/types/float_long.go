package types

import "strconv"

// longFloatText is how many bytes of a float's text strconv reads: it loses the size of a
// number with more than 800 digits before its point. Of a longer text the first
// floatDigits digits count, and whether there is another one than zero behind them: no
// float is nearer to its neighbours than that tells apart (the middle of two has 767
// digits at most).
const (
	longFloatText = 512
	floatDigits   = 770
)

// shortFloat is a short text that is read as the same number as t, or "" where t is none.
// It gives up with the error of ended.
func shortFloat(t string, ended func() error) (string, error) {
	out := make([]byte, 0, floatDigits+40)
	i := 0
	if t[0] == '-' || t[0] == '+' {
		out = append(out, t[0])
		i++
	}
	mark, weight := byte('e'), 1 // of the exponent, and how much of it a digit is
	if t[i] == '0' && t[i+1]|0x20 == 'x' {
		mark, weight = 'p', 4
		out = append(out, "0x"...)
		i += 2
	}
	digits, kept, exp := 0, 0, 0
	point, more := false, false
	p := pace{ended: ended}
	for ; i < len(t); i++ {
		if err := p.at(i); err != nil {
			return "", err
		}
		c := t[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if !isDigit(c) && (mark == 'e' || digitValue(c) > 15) {
			break
		}
		digits++
		switch {
		case kept == 0 && c == '0', kept < floatDigits:
			if kept > 0 || c != '0' {
				out = append(out, c)
				kept++
			}
			if point {
				exp--
			}
		default:
			more = more || c != '0'
			if !point {
				exp++
			}
		}
	}
	if digits == 0 {
		return "", nil
	}
	if kept == 0 {
		out = append(out, '0')
	}
	if more {
		out = append(out, '1')
		exp--
	}
	exp *= weight
	if i < len(t) {
		if t[i]|0x20 != mark {
			return "", nil
		}
		written, ok, err := floatExponent(t[i+1:], ended)
		if !ok || err != nil {
			return "", err
		}
		exp += written
	}
	return string(strconv.AppendInt(append(out, mark), int64(exp), 10)), nil
}

// floatExponent reads a sign and digits, of which a million million stands for all that
// is more.
func floatExponent(t string, ended func() error) (exp int, ok bool, err error) {
	sign := 1
	if t != "" && (t[0] == '-' || t[0] == '+') {
		if t[0] == '-' {
			sign = -1
		}
		t = t[1:]
	}
	p := pace{ended: ended}
	for i := range len(t) {
		if err := p.at(i); err != nil {
			return 0, false, err
		}
		if !isDigit(t[i]) {
			return 0, false, nil
		}
		exp = min(exp*10+int(t[i]-'0'), 1e12)
	}
	return sign * exp, t != "", nil
}

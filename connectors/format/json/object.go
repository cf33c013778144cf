package json

// object steps through the members of a JSON object.
type object struct {
	b     []byte
	i     int // of the next member, or the end
	begun bool
	key   []byte // between its quotes, escapes as they are
	value []byte
	fail  bool // it is no JSON object
}

// objectAt begins at b[i].
func objectAt(b []byte, i int) object {
	i = space(b, i)
	if i >= len(b) || b[i] != '{' {
		return object{b: b, i: i, fail: true}
	}
	return object{b: b, i: space(b, i+1)}
}

// next goes to the next member. Where there is none, i is behind the object.
func (o *object) next() bool {
	if o.fail {
		return false
	}
	b, i := o.b, o.i
	if i < len(b) && b[i] == '}' && !o.begun {
		o.i = i + 1
		return false
	}
	if o.begun {
		if i = space(b, i); i < len(b) && b[i] == '}' {
			o.i = i + 1
			return false
		}
		if i >= len(b) || b[i] != ',' {
			o.fail = true
			return false
		}
		i = space(b, i+1)
	}
	o.begun, o.fail = true, true
	if i >= len(b) || b[i] != '"' {
		return false
	}
	end := skipString(b, i)
	if end < 0 {
		return false
	}
	o.key = b[i+1 : end-1]
	if i = space(b, end); i >= len(b) || b[i] != ':' {
		return false
	}
	i = space(b, i+1)
	if end = skipValue(b, i, 0); end < 0 {
		return false
	}
	o.value, o.i, o.fail = b[i:end], end, false
	return true
}

// isNull reports whether a value is not there, or null.
func isNull(value []byte) bool { return len(value) == 0 || value[0] == 'n' }

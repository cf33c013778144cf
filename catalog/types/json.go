package types

// CheckJSON is PostgreSQL's error unless src is one JSON value in UTF-8.
func CheckJSON(src []byte) error { return checkJSON(view(src), nil) }

// CheckJSONUntil is CheckJSON that gives up with the error of ended, which it asks all
// the while.
func CheckJSONUntil(src []byte, ended func() error) error { return checkJSON(view(src), ended) }

// checkJSON gives up with the error of ended, where that is not nil and returns one.
func checkJSON(s string, ended func() error) error {
	if err := Pieces(s, ended, checkUTF8); err != nil {
		return err
	}
	j := jsonScanner{s: s, ended: ended}
	t, err := j.next()
	if err != nil {
		return err
	}
	if err := j.check(t); err != nil {
		return err
	}
	return j.finish()
}

// finish insists that nothing follows the value.
func (j *jsonScanner) finish() error {
	t, err := j.next()
	if err == nil && t != jsonEnd {
		return j.expected(t, "end of input")
	}
	return err
}

// check reads the value that begins with token t.
func (j *jsonScanner) check(t jsonToken) error {
	switch t {
	case '{':
		return j.checkObject()
	case '[':
		return j.checkArray()
	case jsonString, jsonNumber, jsonTrue, jsonFalse, jsonNull:
		return nil
	}
	return j.expected(t, "JSON value")
}

func (j *jsonScanner) checkObject() error {
	if err := j.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		t, err := j.next()
		if err != nil {
			return err
		}
		if t == '}' && first {
			break
		}
		if t, err = j.memberValue(t, first); err != nil {
			return err
		}
		if err := j.check(t); err != nil {
			return err
		}
		if t, err = j.next(); err != nil {
			return err
		}
		if t == '}' {
			break
		}
		if t != ',' {
			return j.expected(t, "\",\" or \"}\"")
		}
	}
	j.depth--
	return nil
}

// memberValue checks that t is a key, reads the colon and returns the token
// after it.
func (j *jsonScanner) memberValue(t jsonToken, first bool) (jsonToken, error) {
	if t != jsonString {
		if first {
			return 0, j.expected(t, "string or \"}\"")
		}
		return 0, j.expected(t, "string")
	}
	t, err := j.next()
	if err != nil {
		return 0, err
	}
	if t != ':' {
		return 0, j.expected(t, "\":\"")
	}
	return j.next()
}

func (j *jsonScanner) checkArray() error {
	if err := j.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		t, err := j.next()
		if err != nil {
			return err
		}
		if t == ']' && first {
			break
		}
		if err := j.check(t); err != nil {
			return err
		}
		if t, err = j.next(); err != nil {
			return err
		}
		if t == ']' {
			break
		}
		if t != ',' {
			return j.expected(t, "\",\" or \"]\"")
		}
	}
	j.depth--
	return nil
}

var _ = jsonType()

func jsonType() *Info {
	i := textType(&Info{OID: JSON, Name: "json", SQLName: "json", Array: 199, Len: -1, Align: 'i', Category: 'U'})
	i.In = func(s string, _ int32, f *Format) (Value, error) {
		if err := checkJSON(s, f.ended()); err != nil {
			return Value{}, err
		}
		return NewString(JSON, s), nil
	}
	i.Recv = func(b []byte, mod int32) (Value, error) { return i.In(string(b), mod, nil) }
	return i
}

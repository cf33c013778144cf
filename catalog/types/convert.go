package types

import "encoding/binary"

// AppendConverted appends b, the binary form of a value of type t, with the texts in
// it as convert appends them. A form that is cut short is appended as it is: reading it
// says what is wrong with it.
func AppendConverted(dst []byte, t OID, b []byte, convert func(dst, text []byte) ([]byte, error)) ([]byte, error) {
	info := Lookup(t)
	switch {
	case info == nil:
	case info.Category == 'A' && info.Elem != 0:
		return convertArray(dst, info.Elem, b, convert)
	case t == Record || isRowType(t):
		return convertRow(dst, b, convert)
	case IsEnum(t):
		return convert(dst, b)
	}
	switch t {
	case Text, Varchar, BPChar, Name, JSON, JSONB, JSONPath, Unknown:
		return convert(dst, b) // the byte that is the version of the last two's form is ASCII
	}
	return append(dst, b...), nil
}

func convertArray(dst []byte, elem OID, b []byte, convert func(dst, text []byte) ([]byte, error)) ([]byte, error) {
	r := binaryReader{b: b}
	dims := r.int32()
	if dims < 0 || dims > maxDims {
		return append(dst, b...), nil
	}
	r.take(8 + 8*int(dims)) // flags, the element's type, lengths and bounds
	if r.short {
		return append(dst, b...), nil
	}
	dst = append(dst, b[:len(b)-len(r.b)]...)
	for err := error(nil); len(r.b) > 0; {
		if dst, err = r.convertItem(dst, elem, convert); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func convertRow(dst, b []byte, convert func(dst, text []byte) ([]byte, error)) ([]byte, error) {
	r := binaryReader{b: b}
	dst = append(dst, r.take(4)...)
	for err := error(nil); len(r.b) > 0; {
		typ := r.take(4)
		if r.short {
			return append(dst, r.b...), nil
		}
		dst = append(dst, typ...)
		if dst, err = r.convertItem(dst, OID(binary.BigEndian.Uint32(typ)), convert); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// convertItem appends the next item, its length before it.
func (r *binaryReader) convertItem(dst []byte, t OID, convert func(dst, text []byte) ([]byte, error)) ([]byte, error) {
	rest := r.b
	size := r.int32()
	if size == -1 && !r.short {
		return append(dst, rest[:4]...), nil
	}
	item := r.take(int(size))
	if r.short {
		r.b = nil
		return append(dst, rest...), nil
	}
	at := len(dst)
	dst, err := AppendConverted(append(dst, 0, 0, 0, 0), t, item, convert)
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst, err
}

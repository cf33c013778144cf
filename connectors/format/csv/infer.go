package csv

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Inference tells columns from sample records: whole numbers are bigint, numbers
// with a fraction numeric, true and false boolean, dates and times with a zone
// timestamptz, without one timestamp, anything else text: digits too that as a number
// would be others, such as 01234, a postal code.
type Inference struct {
	Options Options
	names   []string
	shapes  []types.OID // Invalid: only NULL so far
}

// Add takes one more record of a file whose first record was header.
func (s *Inference) Add(header, record []byte) error {
	d := NewDecoder(nil, nil, s.Options)
	if s.names == nil {
		var err error
		if header == nil {
			header = record
		}
		if s.names, err = d.split(header); err != nil {
			return err
		}
		s.shapes = make([]types.OID, len(s.names))
	}
	d.width = len(s.names)
	n := 0
	err := d.each(trim(record), func(i int, v []byte, quoted bool) error {
		n = i + 1
		if i < len(s.names) && (quoted || string(v) != s.Options.Null) {
			s.shapes[i] = join(s.shapes[i], typeOf(v))
		}
		return nil
	})
	if err == nil && n != d.width {
		err = d.wrongWidth(n, nil)
	}
	return err
}

func join(old, new types.OID) types.OID {
	switch {
	case old == types.Invalid || old == new:
		return new
	case old == types.Int8 && new == types.Numeric, old == types.Numeric && new == types.Int8:
		return types.Numeric
	}
	return types.Text
}

func typeOf(v []byte) types.OID {
	if numeral(v) {
		if _, err := types.ParseInt64Bytes(v); err == nil {
			return types.Int8
		}
		if _, err := types.ParseDecimalBytes(v); err == nil {
			return types.Numeric
		}
	}
	switch strings.ToLower(string(v)) {
	case "true", "false":
		return types.Bool
	}
	if len(v) >= 19 && v[4] == '-' && v[7] == '-' && v[13] == ':' {
		f := types.DefaultFormat()
		rest := string(v[19:])
		if strings.ContainsAny(rest, "Zz+-") {
			if _, err := types.ParseTimestamptzBytes(v, f); err == nil {
				return types.Timestamptz
			}
		} else if _, err := types.ParseTimestampBytes(v, f); err == nil {
			return types.Timestamp
		}
	}
	return types.Text
}

// numeral reports whether a value is written as numbers are: without a plus, leading
// zeros, other bases and underscores, which a number would not keep.
func numeral(v []byte) bool {
	v = bytes.TrimPrefix(bytes.TrimSpace(v), []byte{'-'})
	if len(v) == 0 || strings.IndexByte("0123456789.", v[0]) < 0 || len(v) > 1 && v[0] == '0' && v[1] >= '0' && v[1] <= '9' {
		return false
	}
	for _, c := range v {
		if strings.IndexByte("0123456789.eE+-", c) < 0 {
			return false
		}
	}
	return true
}

// Columns are named by the header, or column1, column2 ... without one.
func (s *Inference) Columns(header bool) []catalog.Column {
	cols := make([]catalog.Column, len(s.names))
	for i, n := range s.names {
		t := s.shapes[i]
		if t == types.Invalid {
			t = types.Text
		}
		if n = strings.TrimSpace(n); !header || n == "" {
			n = fmt.Sprintf("column%d", i+1)
		}
		cols[i] = catalog.Column{Name: n, Type: types.Of(t)}
	}
	return cols
}

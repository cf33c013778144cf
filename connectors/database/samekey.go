package database

import (
	"context"
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// sameKey tells which rows of a batch have one key. Of those only the last is
// written: a statement cannot put a row twice, and removes before it puts.
type sameKey struct {
	columns []*rowkey.Encoder // nil: by its text
	texts   []func(dst []byte, v vec.Vec, row int) []byte
	// loose says that keys which differ here may be one there, where a column has
	// another type: '1.0' and '1.00', into a numeric. Their order is kept.
	loose bool
}

// sameKeys finds how keys are compared. Values that are equal may be written
// differently: 1.0 and 1.00, 0 and -0.
func (s *sink) sameKeys() sameKey {
	var e sameKey
	for _, k := range s.key {
		t := s.config.rel.Columns[k].Type
		if !rowkey.Orderable(t) {
			e.columns, e.loose = append(e.columns, nil), true
			e.texts = append(e.texts, vec.TextAppender(t, s.format))
			continue
		}
		e.texts = append(e.texts, nil)
		e.columns = append(e.columns, rowkey.NewEncoder([]rowkey.Column{{Type: t}}))
		e.loose = e.loose || !s.writer.distinct(k)
	}
	return e
}

// comparesAs reports whether values of a type here that differ do so in a column
// there.
func comparesAs(here, there types.Type) bool {
	if there.Mod >= 0 && there != here {
		return false // it may be rounded, or cut
	}
	return here.OID == there.OID || integer(here.OID) && integer(there.OID) || letters(here.OID) && letters(there.OID)
}

func integer(t types.OID) bool { return t == types.Int2 || t == types.Int4 || t == types.Int8 }

func letters(t types.OID) bool { return t == types.Text || t == types.Varchar }

// appendKey appends a row's key, none of whose columns is NULL: keys that are equal
// have the same bytes.
func (s *sink) appendKey(dst []byte, b *vec.Batch, row int) []byte {
	for i, k := range s.key {
		if e := s.equal.columns[i]; e != nil {
			dst, _ = e.Append(dst, b.Cols[k:k+1], row)
			continue
		}
		at := len(dst)
		dst = s.equal.texts[i](append(dst, 0, 0, 0, 0), b.Cols[k], row)
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at))
	}
	return dst
}

// netted applies the rows that are left of a batch, both in their order. Where keys
// may be one there, what comes first is applied first.
func (s *sink) netted(ctx context.Context, b *vec.Batch, put, gone []int32) ([]stream.Reject, error) {
	if !s.equal.loose {
		return s.apply(ctx, b, put, gone)
	}
	var rejects []stream.Reject
	for len(put)+len(gone) > 0 {
		puts := before(put, gone)
		gones := 0
		if puts == 0 {
			gones = before(gone, put)
		}
		refused, err := s.apply(ctx, b, put[:puts], gone[:gones])
		if rejects = append(rejects, refused...); err != nil {
			return rejects, err
		}
		put, gone = put[puts:], gone[gones:]
	}
	return rejects, nil
}

// before counts the rows that come before all of the others.
func before(rows, others []int32) int {
	if len(others) == 0 {
		return len(rows)
	}
	n := 0
	for n < len(rows) && rows[n] < others[0] {
		n++
	}
	return n
}

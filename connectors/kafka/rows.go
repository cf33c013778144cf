package kafka

import (
	"bytes"
	"encoding/hex"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// decoder is what the formats' decoders have in common.
type decoder interface {
	Bind(cols []vec.Vec)
	Decode(record []byte) error
	Null()
}

// changing is a decoder of which a record makes any number of rows, two at most.
type changing interface {
	decoder
	// Rows is how many the last one made.
	Rows() int
}

// rows turns records into rows of the scan's columns.
type rows struct {
	rel     *catalog.Relation
	config  *config
	policy  stream.Policy
	keeps   bool // the scan wants records as they came
	decoder decoder
	changes changing // the decoder, where it is one
	out     []int    // columns of the batch that the decoder fills
	bound   []vec.Vec
	hidden  []hidden
	taken   []*kgo.Record // the record of each row
	keyHex  bool
	scratch []byte
}

// hidden is a pseudo-column that is read.
type hidden struct {
	out  int
	name string
}

func newRows(env *stream.Env, rel *catalog.Relation, c *config, scan stream.Scan) (*rows, error) {
	r := &rows{rel: rel, config: c, policy: scan.OnReject, keeps: scan.Raw, keyHex: c.keyBytes}
	visible := len(rel.Columns)
	all := rel.AllColumns()
	var read []int
	var cols []catalog.Column
	for i, k := range scan.Columns {
		if k < visible || ofChange(all[k].Name) {
			read, cols, r.out = append(read, k), append(cols, all[k]), append(r.out, i)
			continue
		}
		r.hidden = append(r.hidden, hidden{out: i, name: all[k].Name})
	}
	r.bound = make([]vec.Vec, len(r.out))
	var err error
	r.decoder, err = c.decoder(env, rel, cols, read, scan.OnReject == stream.NullBad)
	r.changes, _ = r.decoder.(changing)
	return r, err
}

// whole puts a record's value into one column as it is.
type whole struct {
	name    string
	text    bool
	nullBad bool
	col     *vec.Bytes
}

func (w *whole) Bind(cols []vec.Vec) {
	w.col = nil
	if len(cols) > 0 {
		w.col = cols[0].(*vec.Bytes)
	}
}

func (w *whole) Decode(record []byte) error {
	if w.col == nil {
		return nil
	}
	if w.text && (!utf8.Valid(record) || bytes.IndexByte(record, 0) >= 0) {
		if w.nullBad {
			w.col.AppendNull()
			return nil
		}
		return &sqlerr.Error{Code: sqlerr.CharacterNotInRepertoire, Column: w.name, Message: `invalid byte sequence for encoding "UTF8"`}
	}
	w.col.Append(record)
	return nil
}

func (w *whole) Null() {
	if w.col != nil {
		w.col.AppendNull()
	}
}

// decode appends rows of the records to b until it is full, moves the
// partition's next offset past what it took, and returns how many that were. A
// record without a value (a tombstone) is a row of NULLs with its key.
func (r *rows) decode(b *vec.Batch, pt *part, records []*kgo.Record, read *stream.Read, s *source) (int, error) {
	for i, c := range r.out {
		r.bound[i] = b.Cols[c]
	}
	r.decoder.Bind(r.bound)
	r.taken = r.taken[:0]
	n, size := 0, int64(0)
	for _, rec := range records {
		if pt.end >= 0 && rec.Offset >= pt.end {
			pt.next = pt.end
			n++
			break
		}
		if len(r.taken) == vec.MaxRows || r.changes != nil && len(r.taken) == vec.MaxRows-1 || len(read.Rejects) == vec.MaxRows {
			break
		}
		if rec.Attrs.IsControl() || rec.Offset < pt.next {
			pt.next = max(pt.next, rec.Offset+1)
			n++
			continue
		}
		size += int64(len(rec.Value))
		err := r.one(rec)
		if err != nil {
			place := s.config.place(rec)
			out := outage(r.rel, place, err)
			if err = stream.RecordError(r.rel, place, err); out != nil {
				err = out
			}
			if r.policy == stream.Fail || out != nil {
				if len(r.taken) > 0 {
					break // the rows before it first, then the error
				}
				return n, err
			}
			s.env.Metrics.Rejects.Add(1)
			read.Rejects = append(read.Rejects, stream.Reject{
				Position: stream.Position{Split: s.config.split(pt.partition), Offset: encode(pt.id, rec.Offset)},
				At:       rec.Offset, Raw: bytes.Clone(rec.Value), Key: bytes.Clone(rec.Key), Err: err,
			})
		} else if r.changes != nil {
			for range r.changes.Rows() {
				r.taken = append(r.taken, rec)
			}
		} else {
			r.taken = append(r.taken, rec)
		}
		pt.next = rec.Offset + 1
		n++
	}
	b.Rows = len(r.taken)
	if r.keeps {
		r.raw(read)
	}
	s.env.Metrics.RecordsRead.Add(int64(b.Rows))
	s.env.Metrics.BytesRead.Add(size)
	return n, r.fillHidden(b)
}

func (r *rows) one(rec *kgo.Record) error {
	if !r.keyHex && len(r.hidden) > 0 && rec.Key != nil && !utf8.Valid(rec.Key) && r.reads("_key") && r.policy != stream.NullBad {
		return &sqlerr.Error{
			Code: sqlerr.CharacterNotInRepertoire, Column: "_key", Message: `invalid byte sequence for encoding "UTF8"`,
			Detail: "Set key.format = 'bytes' to read keys that are not text.",
		}
	}
	if rec.Value == nil {
		r.decoder.Null()
		return nil
	}
	return r.decoder.Decode(rec.Value)
}

func (r *rows) reads(name string) bool {
	for _, h := range r.hidden {
		if h.name == name {
			return true
		}
	}
	return false
}

func (r *rows) fillHidden(b *vec.Batch) error {
	for _, h := range r.hidden {
		switch h.name {
		case "_key":
			v := b.Cols[h.out].(*vec.Bytes)
			for _, rec := range r.taken {
				switch {
				case rec.Key == nil || !r.keyHex && !utf8.Valid(rec.Key):
					v.AppendNull()
				case r.keyHex:
					v.Data = hex.AppendEncode(append(v.Data, `\x`...), rec.Key)
					v.EndRow()
				default:
					v.Append(rec.Key)
				}
			}
		case "_topic":
			v := b.Cols[h.out].(*vec.Bytes)
			for _, rec := range r.taken {
				v.AppendString(rec.Topic)
			}
		case "_partition":
			v := b.Cols[h.out].(*vec.Fixed[int32])
			for _, rec := range r.taken {
				v.Values = append(v.Values, rec.Partition)
			}
		case "_offset":
			v := b.Cols[h.out].(*vec.Fixed[int64])
			for _, rec := range r.taken {
				v.Values = append(v.Values, rec.Offset)
			}
		case "_timestamp":
			v := b.Cols[h.out].(*vec.Fixed[int64])
			for _, rec := range r.taken {
				v.Values = append(v.Values, rec.Timestamp.UnixMicro()+types.UnixEpoch)
			}
		case "_headers":
			if err := r.headers(b.Cols[h.out].(*vec.Bytes)); err != nil {
				return err
			}
		}
	}
	return nil
}

// headers writes each record's headers as an object; of a name that comes twice
// the last counts, and what is not text is hexadecimal.
func (r *rows) headers(v *vec.Bytes) error {
	for _, rec := range r.taken {
		if len(rec.Headers) == 0 {
			v.AppendString("{}")
			continue
		}
		s := append(r.scratch[:0], '{')
		for i, h := range rec.Headers {
			if i > 0 {
				s = append(s, ',')
			}
			s = append(types.AppendJSONString(s, h.Key), ':')
			switch {
			case h.Value == nil:
				s = append(s, "null"...)
			case utf8.Valid(h.Value) && bytes.IndexByte(h.Value, 0) < 0:
				s = types.AppendJSONBytes(s, h.Value)
			default:
				s = append(hex.AppendEncode(append(s, `"\\x`...), h.Value), '"')
			}
		}
		r.scratch = append(s, '}')
		var err error
		if v.Data, err = types.AppendCanonicalJSON(v.Data, r.scratch); err != nil {
			return stream.RecordError(r.rel, r.config.place(rec), err)
		}
		v.EndRow()
	}
	return nil
}

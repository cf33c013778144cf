package kafka

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
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
	runs    *runs    // nil: records are decoded one by one
	out     []int    // columns of the batch that the decoder fills
	bound   []vec.Vec
	hidden  []hidden
	key     bool // _key is read
	keyHex  bool
	scratch []byte
	text    []byte // a value in UTF-8, of one that is not
}

// hidden is a pseudo-column that is read.
type hidden struct {
	out  int
	what byte // the first letter of its name
}

func newRows(env *stream.Env, rel *catalog.Relation, c *config, scan stream.Scan) (*rows, error) {
	r := &rows{rel: rel, config: c, policy: scan.OnReject, keeps: scan.Raw, keyHex: c.keyBytes}
	visible := len(rel.Columns)
	all := rel.AllColumns()
	var read []int
	var cols []catalog.Column
	for i, k := range scan.Columns {
		if k < visible || json.OfChange(all[k].Name) {
			read, cols, r.out = append(read, k), append(cols, all[k]), append(r.out, i)
			continue
		}
		h := hidden{out: i, what: all[k].Name[1]}
		if all[k].Name == "_topic" {
			h.what = 'T' // not the timestamp
		}
		r.hidden, r.key = append(r.hidden, h), r.key || h.what == 'k'
	}
	r.bound = make([]vec.Vec, len(r.out))
	var err error
	r.decoder, err = c.decoder(env, rel, cols, read, scan.OnReject == stream.NullBad)
	r.changes, _ = r.decoder.(changing)
	if d, ok := r.decoder.(running); ok && r.changes == nil && !r.keeps && !r.key && c.charset == nil {
		r.runs = &runs{decoder: d}
		if len(r.hidden) > 0 {
			r.runs.records = make([]record, len(r.runs.values))
		}
	}
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

// decode appends rows of a chunk's records to b until it is full, moves the
// partition's next offset past what it took, and reports whether that was all. A
// record without a value (a tombstone) is a row of NULLs with its key.
// limit is the first offset that it does not take.
func (r *rows) decode(b *vec.Batch, c *chunk, read *stream.Read, s *source, limit int64, past func(*record) bool) (all bool, err error) {
	for i, k := range r.out {
		r.bound[i] = b.Cols[k]
	}
	r.decoder.Bind(r.bound)
	pt, most, size, limited := c.part, vec.MaxRows, int64(0), false
	if r.changes != nil {
		most-- // one record may make two
	}
	for n := 0; n < s.config.maxPoll && b.Rows < most && len(read.Rejects) < vec.MaxRows; n++ {
		if r.runs != nil && past == nil && r.runs.wanted() {
			rows, bytes, err := r.run(b, c, min(most-b.Rows, s.config.maxPoll-n), limit)
			if err != nil {
				return false, err
			}
			size += bytes
			if rows > 0 {
				n += rows - 1
				continue
			}
		}
		rec, err := c.batches.read()
		if err != nil {
			if b.Rows > 0 || len(read.Rejects) > 0 {
				break // the rows before it first, then the error
			}
			return false, s.config.of(pt.topic).topicError(fmt.Errorf("partition %d: %w", pt.number, err))
		}
		switch {
		case rec == nil:
			pt.next, all = max(pt.next, c.batches.next), true
		case pt.end >= 0 && rec.offset >= pt.end:
			pt.next, all = pt.end, true
		case rec.offset >= limit:
			pt.next, limited = limit, true
			c.batches.unread()
		case past != nil && past(rec):
			c.last, all = true, true
		}
		if all || limited {
			break
		}
		if rec.offset < pt.next {
			continue
		}
		size += int64(len(rec.value))
		rows, err := r.one(rec)
		if err != nil {
			place := r.config.place(pt.partition, rec.offset)
			out := outage(r.rel, place, err)
			if err = stream.RecordError(r.rel, place, err); out != nil {
				err = out
			}
			if r.policy == stream.Fail || out != nil {
				if b.Rows > 0 {
					c.batches.unread()
					break // the rows before it first, then the error
				}
				return false, err
			}
			s.env.Metrics.Rejects.Add(1)
			read.Rejects = append(read.Rejects, stream.Reject{
				Position: stream.Position{Split: s.config.split(pt.partition), Offset: encode(pt.id, rec.offset, -1)},
				At:       rec.offset, Raw: bytes.Clone(rec.value), Key: bytes.Clone(rec.key), Err: err,
			})
		}
		for range rows {
			if err := r.beside(b, rec, pt.partition); err != nil {
				return false, err
			}
			if r.keeps {
				read.Raw = append(read.Raw, stream.Record{At: rec.offset, Key: rec.key, Value: rec.value})
			}
		}
		b.Rows += rows
		pt.next = rec.offset + 1
	}
	if !all && c.batches.done() {
		pt.next, all = max(pt.next, c.batches.next), true
	}
	// The batch in hand may be that of the next record, whose epoch is not before that of the
	// last one: it tells of what was read as well.
	if e := c.batches.head.leader; e >= 0 {
		pt.epoch = e
	}
	s.env.Metrics.RecordsRead.Add(int64(b.Rows))
	s.env.Metrics.BytesRead.Add(size)
	return all, nil
}

// one decodes a record's value and returns how many rows it has made.
func (r *rows) one(rec *record) (int, error) {
	if r.key && !r.keyHex && rec.key != nil && !utf8.Valid(rec.key) && r.policy != stream.NullBad {
		return 0, &sqlerr.Error{
			Code: sqlerr.CharacterNotInRepertoire, Column: "_key", Message: `invalid byte sequence for encoding "UTF8"`,
			Detail: "Set key.format = 'bytes' to read keys that are not text.",
		}
	}
	if rec.value == nil {
		r.decoder.Null()
	} else if err := r.decoder.Decode(r.utf8(rec.value)); err != nil {
		return 0, err
	}
	if r.changes != nil {
		return r.changes.Rows(), nil
	}
	return 1, nil
}

// utf8 is a value in UTF-8, up to the next one.
func (r *rows) utf8(value []byte) []byte {
	if r.config.charset == nil {
		return value
	}
	r.text = r.config.text(value, r.text)
	return r.text
}

// beside writes what a row has beside the record's value.
func (r *rows) beside(b *vec.Batch, rec *record, p partition) error {
	for _, h := range r.hidden {
		switch col := b.Cols[h.out]; h.what {
		case 'k':
			v := col.(*vec.Bytes)
			switch {
			case rec.key == nil || !r.keyHex && !utf8.Valid(rec.key):
				v.AppendNull()
			case r.keyHex:
				v.Data = hex.AppendEncode(append(v.Data, `\x`...), rec.key)
				v.EndRow()
			default:
				v.Append(rec.key)
			}
		case 'T':
			col.(*vec.Bytes).AppendString(p.topic)
		case 'p':
			col.(*vec.Fixed[int32]).Append(p.number)
		case 'o':
			col.(*vec.Fixed[int64]).Append(rec.offset)
		case 't':
			col.(*vec.Fixed[int64]).Append(rec.millis*1000 + types.UnixEpoch)
		case 'h':
			if err := r.headers(col.(*vec.Bytes), rec); err != nil {
				return stream.RecordError(r.rel, r.config.place(p, rec.offset), err)
			}
		}
	}
	return nil
}

// headers writes a record's headers as an object; of a name that comes twice the
// last counts, and what is not text is hexadecimal.
func (r *rows) headers(v *vec.Bytes, rec *record) error {
	var n int64
	i := 0
	if len(rec.headers) > 0 {
		n, i = wire.Varint(rec.headers, 0)
	}
	s := append(r.scratch[:0], '{')
	for k := int64(0); k < n && i >= 0; k++ {
		var name, value []byte
		if name, i = field(rec.headers, i); i >= 0 {
			value, i = field(rec.headers, i)
		}
		if k > 0 {
			s = append(s, ',')
		}
		s = append(types.AppendJSONBytes(s, name), ':')
		switch {
		case value == nil:
			s = append(s, "null"...)
		case utf8.Valid(value) && bytes.IndexByte(value, 0) < 0:
			s = types.AppendJSONBytes(s, value)
		default:
			s = append(hex.AppendEncode(append(s, `"\\x`...), value), '"')
		}
	}
	if i < 0 {
		return sqlerr.Errorf(sqlerr.DataCorrupted, "the headers of a record are longer than it is")
	}
	r.scratch = append(s, '}')
	var err error
	if v.Data, err = types.AppendCanonicalJSON(v.Data, r.scratch); err != nil {
		return err
	}
	v.EndRow()
	return nil
}

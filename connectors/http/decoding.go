package http

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// decoder makes rows of records: one of the formats'.
type decoder interface {
	Bind(cols []vec.Vec)
	Decode(record []byte) error
	Null()
}

// decoding makes the rows of a scan, and what else of them is looked at.
type decoding struct {
	source  *source
	policy  stream.Policy
	columns []catalog.Column // of the relation, that are decoded: the scan's, then others
	places  []int            // of columns among the relation's
	outs    []int            // of the scan's, where each is in the batch
	beside  []vec.Vec        // of the others
	decoder decoder
	bound   []vec.Vec
	text    []byte
	format  *types.Format
}

// newDecoding decodes the columns of the relation among a scan's, and those in also.
func newDecoding(s *source, columns []int, policy stream.Policy, also ...int) *decoding {
	d := &decoding{source: s, policy: policy, format: types.DefaultFormat()}
	d.format.Enum = s.env.Labels
	for out, c := range columns {
		if c < len(s.rel.Columns) && !slices.Contains(d.places, c) {
			d.columns, d.places, d.outs = append(d.columns, s.rel.Columns[c]), append(d.places, c), append(d.outs, out)
		}
	}
	for _, c := range also {
		if c >= 0 && !slices.Contains(d.places, c) {
			d.columns, d.places = append(d.columns, s.rel.Columns[c]), append(d.places, c)
			d.beside = append(d.beside, vec.NewBatch([]types.Type{s.rel.Columns[c].Type}).Cols[0])
		}
	}
	if d.decoder = d.csv(); s.config.format != formatCSV {
		d.decoder = json.NewDecoder(d.columns, json.Options{NullBad: policy == stream.NullBad, Labels: s.env.Labels})
	}
	return d
}

func (d *decoding) csv() *csv.Decoder {
	c := d.source.config
	return csv.NewDecoder(d.source.rel.Columns, d.places, csv.Options{Delimiter: c.delimiter, Null: c.null, NullBad: d.policy == stream.NullBad, Labels: d.source.env.Labels})
}

// begin takes up a page. Of CSV its first line may name the columns, which is taken out.
func (d *decoding) begin(p *page) error {
	c := d.source.config
	if c.format != formatCSV {
		return nil
	}
	of := d.csv()
	if d.decoder = of; len(p.records) == 0 || c.headed == "false" || c.headed == "auto" && !of.IsHeader(p.records[0], d.source.rel.Columns) {
		return nil
	}
	p.header, p.records = p.records[0], p.records[1:]
	if err := of.Header(p.header); err != nil {
		return stream.RecordError(d.source.rel, c.what()+", header", err)
	}
	return nil
}

// into says where rows go.
func (d *decoding) into(b *vec.Batch) {
	d.bound = d.bound[:0]
	for _, out := range d.outs {
		d.bound = append(d.bound, b.Cols[out])
	}
	for _, v := range d.beside {
		vec.Truncate(v, 0)
		d.bound = append(d.bound, v)
	}
	d.decoder.Bind(d.bound)
}

// row decodes one record. An error is about the record.
func (d *decoding) row(record []byte) error {
	err := d.decoder.Decode(record)
	if err != nil && d.policy == stream.NullBad { // what has no field at all has none that is bad
		d.decoder.Null()
		return nil
	}
	return err
}

// drop takes the last row away again.
func (d *decoding) drop(row int) {
	for _, v := range d.bound {
		vec.Truncate(v, row)
	}
	d.decoder.Bind(d.bound)
}

// value is a decoded column's in a row, as text; false: it is NULL.
func (d *decoding) value(column, row int) (string, bool) {
	at := slices.Index(d.places, column)
	v := vec.Get(d.bound[at], row, d.columns[at].Type)
	if v.Null {
		return "", false
	}
	d.text = types.AppendText(d.text[:0], v, d.format)
	return string(d.text), true
}

// key is a row's, as a number that no two keys are likely to share.
func (d *decoding) key(columns []int, row int) uint64 {
	h := sha256.New()
	for _, c := range columns {
		text, ok := d.value(c, row)
		n := len(text)
		if !ok {
			n = -1
		}
		h.Write(binary.AppendVarint(nil, int64(n)))
		h.Write([]byte(text))
	}
	return binary.LittleEndian.Uint64(h.Sum(nil))
}

// reject is a record that does not decode, where it may be passed over.
func (d *decoding) reject(at stream.Offset, n int64, where string, record []byte, err error) (stream.Reject, error) {
	bad := stream.RecordError(d.source.rel, where, err)
	if d.policy == stream.Fail {
		return stream.Reject{}, bad
	}
	d.source.env.Metrics.Rejects.Add(1)
	return stream.Reject{Position: stream.Position{Split: split, Offset: at}, At: n, Raw: bytes.Clone(record), Err: sqlerr.From(bad)}, nil
}

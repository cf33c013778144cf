package file

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// sink appends to one file. The token of an epoch is the length up to which the
// file then holds whole epochs; recovery cuts it there. While a sink is open, and
// after a crash, there is a mark beside the file.
type sink struct {
	path    string
	config  config
	metrics *stream.Metrics
	encoder encoder
	blocks  blocks     // in place of encoder
	changes *envelopes // in place of encoder, or before blocks
	f       *os.File
	turn    *turn // among this process's writers of the file
	codec   object.Codec

	buf       []byte  // rows not yet written to the file
	packed    []byte  // buf as a frame
	sealer    *sealer // of a file that is encrypted
	length    int64   // of the file
	unended   int64   // the length at which the file's last line, which others wrote, lacks its end; 0: it has one
	committed int64   // of the file at the last committed epoch
	epoch     stream.Epoch
	prepared  []prepared // those that wait for their decision, ascending
	owner     string     // of the mark; "": nobody who will come back
	marked    bool
	dirty     bool
	created   bool // the file was not there before, and nothing has committed since
}

// prepared is an epoch that ends at a length of the file.
type prepared struct {
	epoch  stream.Epoch
	length int64
}

// Exclusive is stream.Exclusive's: the file is locked.
func (s *sink) Exclusive() {}

// Sink opens the relation for writing and cuts off what lies past the last
// committed epoch.
func (Connector) Sink(ctx context.Context, env *stream.Env, rel *catalog.Relation, o stream.SinkOptions) (stream.Sink, error) {
	c, _, err := read(rel, stream.RoleSink)
	if err != nil {
		return nil, err
	}
	if o.Changelog && c.changelog == "append" {
		return nil, noAppends(rel)
	}
	for _, col := range rel.Columns {
		if slices.ContainsFunc(rel.Hidden, func(h catalog.Column) bool { return h.Name == col.Name }) {
			return nil, sqlerr.Unsupported("Leave it out, or write it under another name.", "column %q of %q cannot be written: a file has no such thing", col.Name, rel.Name)
		}
	}
	if err := c.sealable(o); err != nil {
		return nil, err
	}
	if c.rolling() {
		return openRolling(ctx, env, rel, c, o)
	}
	return openSinkFile(ctx, env, rel, c, o, c.path)
}

// openSinkFile opens one file for writing.
func openSinkFile(ctx context.Context, env *stream.Env, rel *catalog.Relation, c config, o stream.SinkOptions, path string) (*sink, error) {
	path, err := object.Resolve(path, env.FileRoots)
	if err != nil {
		return nil, err
	}
	s := &sink{path: path, config: c, metrics: env.Metrics, codec: c.codec.For(unsealed(path)), epoch: o.Committed, owner: cmp.Or(o.ID, o.Job)}
	if c.encrypt {
		s.sealer = &sealer{passphrase: c.passphrase}
	}
	var header []byte
	if s.changes, err = c.envelopes(env, rel, o.Changelog, o.Key); err != nil {
		return nil, err
	}
	switch {
	case c.contained():
		s.blocks, err = newAvroFile(env, rel, &c, o.Changelog)
	case c.format == formatParquet:
		s.blocks, err = newParquetFile(env, rel, &c, o.Changelog)
	case s.changes == nil:
		s.encoder, header, err = c.encoder(env, rel, o.Changelog)
	}
	if err != nil {
		return nil, err
	}
	if err := s.open(ctx, o); err != nil {
		s.Close()
		return nil, err
	}
	if s.length > 0 && s.sealer != nil && o.Token == nil {
		s.Close()
		return nil, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "file %q is there already, and an encrypted file takes no more rows", path).
			WithHint("Write to another file: put {batch_id} or {timestamp} into the path.")
	}
	if s.length == 0 {
		s.buf = append(s.buf, header...)
		return s, nil
	}
	if s.sealer == nil && s.blocks != nil {
		err = s.blocks.Resume(ctx, path)
	} else if s.lines() {
		if s.unended, err = s.lineEnd(); err == nil && o.Token == nil {
			err = s.sameHeader(rel, o.Changelog)
		}
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// lines reports whether the file is read as lines, byte for byte.
func (s *sink) lines() bool {
	return s.blocks == nil && s.sealer == nil && s.codec == object.None && s.config.format != formatProtobuf
}

// lineEnd is the length of a file whose last line has no end, else 0.
func (s *sink) lineEnd() (int64, error) {
	var last [1]byte
	if _, err := s.f.ReadAt(last[:], s.length-1); err != nil {
		return 0, object.PathError("read", s.path, err)
	}
	if last[0] == '\n' {
		return 0, nil
	}
	return s.length, nil
}

// sameHeader refuses rows for a file of CSV whose header has their columns in another order,
// or others beside them: they would be read as what they are not. op: the rows have one.
func (s *sink) sameHeader(rel *catalog.Relation, op bool) error {
	columns := rel.Columns
	if s.config.format != formatCSV || len(columns) == 0 {
		return nil
	}
	if op {
		columns = append([]catalog.Column{{Name: "_op"}}, columns...)
	}
	const longest = 1 << 20 // of a header that is looked at
	record := make([]byte, min(s.length, longest))
	if _, err := s.f.ReadAt(record, 0); err != nil {
		return object.PathError("read", s.path, err)
	}
	record = bytes.TrimPrefix(record, []byte("\xef\xbb\xbf"))
	end, _, _ := csv.End(record, s.config.csv.Quote, 0, false)
	if end < 0 {
		end = len(record)
	}
	if names := csv.NewDecoder(columns, nil, s.config.csv).OtherHeader(record[:end], columns); names != "" {
		return sqlerr.Errorf(sqlerr.InvalidTableDefinition, "the header of file %q has not the columns of \"%s\" in their order", s.path, rel.Name).
			WithDetail("The header names %s.", names).
			WithHint("Write to another file, or declare the columns as the header names them, all of them and in its order.")
	}
	return nil
}

func (s *sink) open(ctx context.Context, o stream.SinkOptions) error {
	patience := time.Duration(0)
	if o.Job == "" {
		patience = lockPatience
	}
	size, err := s.lock(ctx, patience)
	if err != nil {
		return err
	}
	if s.committed, err = s.decided(o, size); err != nil {
		return err
	}
	if err := s.mark(o.Job); err != nil {
		return err
	}
	s.length = size
	return s.cut(s.committed)
}

// decided is how much of the file is not to be cut off.
func (s *sink) decided(o stream.SinkOptions, size int64) (int64, error) {
	keep, crashed, err := s.crashed(size)
	if err != nil {
		return 0, err
	}
	if o.Token == nil {
		if !crashed && !s.config.append {
			return 0, nil
		}
		return keep, nil
	}
	committed, err := decodeToken(o.Token)
	if err != nil {
		return 0, err
	}
	if size < committed {
		return 0, sqlerr.Errorf(sqlerr.DataCorrupted, "file %q has %d bytes, and %d were committed", s.path, size, committed).
			WithHint("Put the file back, or drop the job and create it again.")
	}
	return max(committed, keep), nil
}

// cut truncates the file.
func (s *sink) cut(length int64) error {
	s.buf = s.buf[:0]
	if s.sealer != nil {
		s.sealer.message = nil
	}
	if s.blocks != nil {
		s.blocks.Cut(length)
	}
	if s.changes != nil {
		s.changes.reset()
	}
	if s.length != length {
		if err := s.f.Truncate(length); err != nil {
			return object.PathError("truncate", s.path, err)
		}
		if err := s.f.Sync(); err != nil {
			return object.PathError("fsync", s.path, err)
		}
		s.length = length
	}
	_, err := s.f.Seek(length, io.SeekStart)
	if err != nil {
		return object.PathError("seek in", s.path, err)
	}
	return nil
}

func syncDir(path string) error {
	dir := filepath.Dir(path)
	d, err := os.Open(dir)
	if err != nil {
		return object.PathError("open directory", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return object.PathError("fsync directory", dir, err)
	}
	return nil
}

func encodeToken(length int64) []byte { return binary.AppendUvarint([]byte{1}, uint64(length)) }

func decodeToken(b []byte) (int64, error) {
	if len(b) > 1 && b[0] == 1 {
		if x, n := binary.Uvarint(b[1:]); n == len(b)-1 && x < 1<<62 {
			return int64(x), nil
		}
	}
	return 0, sqlerr.Errorf(sqlerr.DataCorrupted, "the token kept for a file sink is not one of a file")
}

func (s *sink) Write(_ context.Context, b *vec.Batch) ([]stream.Reject, error) {
	if s.f == nil {
		return nil, os.ErrClosed
	}
	if s.config.changelog == "append" && b.Ops != nil {
		for i := range b.Rows {
			if b.Op(i) == vec.Delete {
				return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "file %q takes appended rows only, and the query deletes one", s.path)
			}
		}
	}
	n := b.Len()
	var rejects []stream.Reject
	for i := range n {
		row := i
		if b.Sel != nil {
			row = int(b.Sel[i])
		}
		if err := s.take(b, row); err != nil {
			e := *sqlerr.From(err)
			e.Message = "writing to file \"" + s.path + "\": " + e.Message
			rejects = append(rejects, stream.Reject{Err: &e})
		}
		if s.full() {
			if err := s.flush(false); err != nil {
				return rejects, err
			}
		}
	}
	s.metrics.RecordsWritten.Add(int64(n - len(rejects)))
	// A frame is an epoch, unless it grows too large to hold.
	if len(s.buf) >= maxFrame {
		return rejects, s.flush(false)
	}
	return rejects, nil
}

const maxFrame = 16 << 20

// take encodes a row. The error is the row's, which is then not there.
func (s *sink) take(b *vec.Batch, row int) error {
	switch {
	case s.changes != nil:
		record, err := s.changes.add(b, row)
		if record != nil {
			s.put(record)
		}
		return err
	case s.blocks != nil:
		return s.blocks.Add(b, row)
	}
	at := len(s.buf)
	buf, err := s.encoder.Append(s.buf, b, row)
	if s.buf = buf; err != nil {
		s.buf = buf[:at]
	}
	return err
}

// put takes the record of a change.
func (s *sink) put(record []byte) {
	if w, ok := s.blocks.(*avroFile); ok {
		w.AddRecord(record)
		return
	}
	s.buf = append(append(s.buf, record...), '\n')
}

// full reports whether what is held is written before the epoch ends.
func (s *sink) full() bool {
	switch {
	case s.changes != nil && s.changes.full():
		return true
	case s.blocks != nil:
		return s.blocks.Full()
	}
	return len(s.buf) >= s.config.buffer && s.codec == object.None
}

// flush writes what is held, as one frame where the file is compressed. last: the epoch
// has no more.
func (s *sink) flush(last bool) error {
	if s.changes != nil && (last || s.changes.full()) {
		s.changes.let(last, s.put)
	}
	if len(s.buf) == 0 && (s.blocks == nil || !s.blocks.Pending()) && (s.sealer == nil || s.sealer.message == nil || !last) {
		return nil
	}
	out := s.buf
	if s.blocks != nil {
		var err error
		at := s.length
		if s.sealer != nil && at > 0 {
			at = s.sealer.plain
		}
		if s.packed, err = s.blocks.Block(s.packed[:0], at, last); err != nil {
			return err
		}
		out = s.packed
	}
	if s.codec != object.None {
		var err error
		if s.packed, err = s.codec.Append(s.packed[:0], s.buf); err != nil {
			return err
		}
		out = s.packed
	}
	if s.sealer != nil {
		var err error
		if out, err = s.sealer.seal(out, last); err != nil {
			return err
		}
	}
	if s.unended > 0 && s.length == s.unended {
		// Else the file's last record and the first one here would be one line, and neither be read.
		out = append([]byte{'\n'}, out...)
	}
	n, err := s.f.Write(out)
	s.length += int64(n)
	s.dirty = true
	if err != nil {
		return object.PathError("write to", s.path, err)
	}
	s.metrics.BytesWritten.Add(int64(n))
	s.buf = s.buf[:0]
	return nil
}

func (s *sink) Prepare(_ context.Context, e stream.Epoch) ([]byte, error) {
	if s.f == nil {
		return nil, os.ErrClosed
	}
	if err := s.flush(true); err != nil {
		return nil, err
	}
	if s.dirty {
		if err := s.f.Sync(); err != nil {
			return nil, object.PathError("fsync", s.path, err)
		}
		s.dirty = false
	}
	s.prepared = append(s.prepared, prepared{e, s.length})
	return encodeToken(s.length), nil
}

// Commit notes the epoch's length; of an epoch that was committed before the
// sink was opened there is nothing to do.
func (s *sink) Commit(_ context.Context, e stream.Epoch, token []byte) error {
	if e <= s.epoch {
		return nil
	}
	length, err := decodeToken(token)
	if err != nil {
		return err
	}
	s.epoch, s.committed, s.created = e, length, false
	s.prepared = slices.DeleteFunc(s.prepared, func(p prepared) bool { return p.epoch <= e })
	if s.owner == "" {
		return s.unmark() // nobody comes back with the token
	}
	return nil
}

// Rollback cuts off the epoch and all that was written after it.
func (s *sink) Rollback(_ context.Context, e stream.Epoch, _ []byte) error {
	if e <= s.epoch || s.f == nil {
		return nil
	}
	s.prepared = slices.DeleteFunc(s.prepared, func(p prepared) bool { return p.epoch >= e })
	if n := len(s.prepared); n > 0 {
		return s.cut(s.prepared[n-1].length)
	}
	return s.cut(s.committed)
}

// Close writes nothing more. Where nothing was committed and all was taken back
// it leaves the directory as it was.
func (s *sink) Close() error {
	if s.turn != nil {
		defer writers.leave(s.turn)
	}
	if s.f == nil {
		return nil
	}
	f := s.f
	s.f = nil
	if s.blocks != nil {
		s.blocks.Close()
	}
	var err error
	if s.marked && s.length == s.committed {
		if s.created {
			err = os.Remove(s.path)
		}
		err = errors.Join(err, s.unmark())
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return object.PathError("close", s.path, err)
	}
	return nil
}

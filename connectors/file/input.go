package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// input is one file being read: a window of its bytes, and records cut from it.
type input struct {
	split  stream.Split
	path   string
	number int32
	config *config
	from   stream.Offset // where to begin
	next   stream.Offset // where it ended

	f     object.File
	z     io.ReadCloser // f, decompressed
	codec object.Codec
	id    identity
	mtime int64 // as a timestamptz

	// buf[r:w] is unread; buf[r] is byte base+r of the file.
	buf  []byte
	r, w int
	base int64

	started bool // what comes before the first record is read: mark, header, bracket
	array   bool // one JSON array; its bracket is read
	closed  bool // and its closing bracket is, too
	header  []byte
	fresh   bool  // the header was read, and nothing after it
	limit   int64 // read no further; -1: no limit
	eof     bool  // the last fill found nothing
	ended   bool

	searched int  // bytes after r that are known to hold no record end
	quoted   bool // and whether a quote is open there
	overlong bool // the record at skipFrom is being passed over
	skipFrom int64
	skip     int64         // of a message: how many bytes of it are left
	fault    *sqlerr.Error // and why it is passed over
	strict   bool          // reading ends with a message that cannot be cut
	rotated  int           // quiet polls since the path named another file
	head     fingerprint

	// Of a split that is a file, and not a path:
	label   string // the path that the file was first seen at
	own     bool   // the pattern matches the path that it has now
	done    bool   // it was left for good
	passed  bool   // nothing of it is read
	weighed bool   // whether the rest is decoded in stripes has been decided
}

// open opens the file at its position; the zero position is its beginning.
func (in *input) open(ctx context.Context, at position) error {
	f, err := in.config.store.Open(ctx, in.path)
	if err != nil {
		return err
	}
	return in.take(f, at)
}

// whole begins to read a file that does not change: one that is done has nothing
// more, and, latest, what there is counts as done.
func (in *input) whole(latest bool) error {
	if in.from == nil {
		if in.passed = latest; latest {
			in.next = position{done: true}.encode()
		}
		return nil
	}
	at, err := decodePosition(in.split, in.from)
	in.passed = at.done
	return err
}

// take reads from f, which is the split's file under this name or an older one.
func (in *input) take(f object.File, at position) error {
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return object.PathError("stat", in.path, err)
	}
	in.close()
	in.f, in.id = f, identityOf(info)
	in.mtime = info.ModTime().UnixMicro() + types.UnixEpoch
	in.codec = in.config.codec.For(in.path)
	in.base, in.r, in.w = 0, 0, 0
	in.started, in.fresh, in.array, in.closed, in.eof, in.ended = false, false, false, false, false, false
	in.header = nil
	in.searched, in.quoted, in.overlong, in.rotated = 0, false, false, 0
	in.skip, in.fault = 0, nil
	in.head = fingerprint{}
	if in.codec == object.None {
		in.z = io.NopCloser(f)
	} else if in.z, err = in.codec.Reader(f); err != nil {
		if info.Size() == 0 {
			in.z = io.NopCloser(f) // nothing was ever written to it
			return nil
		}
		return in.fileError(err)
	}
	if in.config.charset != nil {
		in.z = in.config.charset.Reader(in.z)
	}
	if at.offset == 0 {
		return nil
	}
	in.array, in.closed = at.shape != lines, at.shape == arrayEnd
	if in.config.format == formatCSV {
		// The header is needed again.
		if _, err := in.start(); err != nil {
			return err
		}
		if in.base+int64(in.r) > at.offset {
			return in.truncated(at.offset)
		}
	}
	in.started, in.fresh = true, false
	return in.seek(at.offset)
}

// direct reports whether what is read are the file's bytes as they lie there.
func (in *input) direct() bool { return in.codec == object.None && in.config.charset == nil }

// seek moves to a byte offset that lies ahead.
func (in *input) seek(offset int64) error {
	if in.direct() {
		size, err := in.f.Seek(0, io.SeekEnd)
		if err != nil {
			return object.PathError("seek in", in.path, err)
		}
		if size < offset {
			return in.truncated(offset)
		}
		if _, err := in.f.Seek(offset, io.SeekStart); err != nil {
			return object.PathError("seek in", in.path, err)
		}
		in.base, in.r, in.w = offset, 0, 0
		return nil
	}
	for in.base+int64(in.w) < offset {
		in.r = in.w
		if err := in.fill(); err != nil {
			return err
		}
		if in.eof {
			return in.truncated(offset)
		}
	}
	in.r = int(offset - in.base)
	return nil
}

func (in *input) truncated(offset int64) error {
	return sqlerr.Errorf(sqlerr.DataCorrupted, "%s was truncated: it ends before byte %d, up to which it has been read", in.name(), offset).
		WithHint("Put the file back, or create the stream again to read it from the start.")
}

// fileError words an error of reading the file.
func (in *input) fileError(err error) error {
	at := in.base + int64(in.w)
	if in.codec != object.None {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return sqlerr.Errorf(sqlerr.DataCorrupted, "%s ends in the middle of its %s data, after %d bytes", in.name(), in.codec, at)
		}
		var pe *os.PathError
		var said *sqlerr.Error
		if !errors.As(err, &pe) && !errors.As(err, &said) {
			return sqlerr.Errorf(sqlerr.DataCorrupted, "%s is not valid %s data after %d bytes: %w", in.name(), in.codec, at, err).
				WithHint("Set compression to what the file is, or to 'none'.")
		}
	}
	return object.PathError("read", in.path, err)
}

// fill reads more bytes behind buf[:w]. eof tells that there were none.
func (in *input) fill() error {
	if in.limit >= 0 && in.base+int64(in.w) >= in.limit {
		in.eof = true
		return nil
	}
	if in.r > 0 && (in.r == in.w || len(in.buf)-in.w < len(in.buf)/4) {
		copy(in.buf, in.buf[in.r:in.w])
		in.base += int64(in.r)
		in.w -= in.r
		in.r = 0
	}
	if len(in.buf)-in.w < 1024 {
		bigger := make([]byte, max(2*len(in.buf), in.config.buffer))
		copy(bigger, in.buf[:in.w])
		in.buf = bigger
	}
	in.eof = false
	room := in.buf[in.w:]
	if in.limit >= 0 {
		room = room[:min(int64(len(room)), in.limit-in.base-int64(in.w))]
	}
	for range 100 {
		n, err := in.z.Read(room)
		in.w += n
		switch {
		case n > 0:
			in.rotated = 0
			return nil // an error comes again
		case err == io.EOF:
			in.eof = true
			return in.shrunk()
		case err != nil:
			return in.fileError(err)
		}
	}
	return in.fileError(io.ErrNoProgress)
}

// shrunk finds, at the end of a file that is not followed, whether it has been
// cut short meanwhile.
func (in *input) shrunk() error {
	if in.config.follow || !in.direct() || in.config.store.Whole() {
		return nil
	}
	info, err := in.f.Stat()
	if err != nil {
		return object.PathError("stat", in.path, err)
	}
	if at := in.base + int64(in.w); info.Size() < at {
		return in.truncated(at)
	}
	return nil
}

// position is where the next record begins.
func (in *input) position() position {
	at := in.base + int64(in.r)
	if in.overlong {
		at = in.skipFrom
	}
	return in.positionAt(at)
}

func (in *input) positionAt(offset int64) position {
	if in.head.n < min(offset, fingerprintBytes) && in.f != nil && !in.config.store.Whole() {
		in.head = fingerprintOf(in.f, offset)
	}
	p := position{offset: offset, id: in.id, head: in.head}
	p.done = in.done || in.label != in.path && in.own && in.rotated >= quietPolls && offset == in.base+int64(in.w)
	if in.closed {
		p.shape = arrayEnd
	} else if in.array {
		p.shape = array
	}
	return p
}

// start reads what comes before the first record. false: there is not enough of
// the file yet.
func (in *input) start() (bool, error) {
	if in.config.format == formatProtobuf {
		in.started = true
		return true, nil
	}
	const mark = "\xef\xbb\xbf"
	if ok, err := in.have(len(mark)); err != nil {
		return false, err
	} else if !ok && !in.last() && strings.HasPrefix(mark, string(in.buf[in.r:in.w])) {
		return false, nil // the rest of a mark may come
	}
	if in.base == 0 && in.r == 0 && bytes.HasPrefix(in.buf[:in.w], []byte(mark)) {
		in.r += len(mark)
	}
	if in.config.format == formatCSV {
		if in.config.header == "false" {
			in.started = true
			return true, nil
		}
		rec, ok, err := in.record()
		if errors.Is(err, errOverlong) {
			return false, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the header of %s is longer than max_line_bytes (%d)", in.name(), in.config.maxLine).
				WithHint("Set max_line_bytes to more, or has_headers = 'false' where the file has none.")
		}
		if err != nil || !ok {
			return false, err
		}
		in.header = append([]byte(nil), rec...)
		in.started, in.fresh = true, true
		return true, nil
	}
	for {
		i := in.r
		for i < in.w && isSpace(in.buf[i]) {
			i++
		}
		if i < in.w {
			if in.buf[i] == '[' {
				in.r, in.array = i+1, true
			}
			in.started = true
			return true, nil
		}
		in.r = i
		if err := in.fill(); err != nil {
			return false, err
		}
		if in.eof {
			return false, nil
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// have fills until n bytes are unread.
func (in *input) have(n int) (bool, error) {
	for in.w-in.r < n {
		if err := in.fill(); err != nil || in.eof {
			return false, err
		}
	}
	return true, nil
}

// last reports whether bytes at the end of the file without a line break are a
// record: in a file that is followed they are the beginning of one.
func (in *input) last() bool { return in.eof && (!in.config.follow || in.rotated >= 2) }

// errOverlong is a record longer than max_line_bytes, its line end not counted.
var errOverlong = errors.New("the record is too long")

// record returns the next record with its line end, or its length, and moves past it; the bytes
// are good until the next call. false: there is none yet. errOverlong: the
// record has been passed over.
func (in *input) record() ([]byte, bool, error) {
	if in.config.format == formatProtobuf {
		return in.message()
	}
	for {
		if !in.overlong {
			if end := in.end(); end >= 0 {
				rec := in.buf[in.r:end]
				in.r, in.searched, in.quoted = end, 0, false
				if len(bytes.TrimSuffix(rec, []byte{'\n'})) > in.config.maxLine {
					in.skipFrom = in.base + int64(end-len(rec))
					return nil, false, errOverlong
				}
				return rec, true, nil
			}
			if in.w-in.r > in.config.maxLine {
				in.overlong, in.skipFrom = true, in.base+int64(in.r)
			}
		} else if end := in.resync(); end >= 0 {
			in.r = end
			in.overlong, in.searched, in.quoted = false, 0, false
			return nil, false, errOverlong
		}
		if in.overlong {
			in.r, in.searched = in.w, 0
		}
		if err := in.fill(); err != nil {
			return nil, false, err
		}
		if !in.eof {
			continue
		}
		if !in.last() {
			return nil, false, nil
		}
		if in.overlong {
			in.overlong = false
			return nil, false, errOverlong
		}
		rec := in.buf[in.r:in.w]
		if in.array && !in.closed {
			return nil, false, sqlerr.Errorf(sqlerr.DataCorrupted, "%s ends inside its JSON array, at byte %d", in.name(), in.base+int64(in.w))
		}
		in.r, in.searched, in.quoted = in.w, 0, false
		return rec, len(rec) > 0, nil
	}
}

// end finds the index after the record that begins at r, -1 where the buffer
// does not hold all of it.
func (in *input) end() int {
	b := in.buf[in.r:in.w]
	switch {
	case in.config.format == formatCSV:
		end, stop, quoted := csv.End(b, in.config.csv.Quote, in.searched, in.quoted)
		in.searched, in.quoted = stop, quoted
		if end < 0 {
			return -1
		}
		return in.r + end
	case in.array:
		return in.element()
	}
	nl := bytes.IndexByte(b[in.searched:], '\n')
	if nl < 0 {
		in.searched = len(b)
		return -1
	}
	return in.r + in.searched + nl + 1
}

// resync finds the index after the record that is passed over, whose beginning
// is not held any more: in CSV a line break outside of quotes, as in any record.
func (in *input) resync() int {
	b := in.buf[in.r:in.w]
	if in.config.format == formatCSV {
		end, _, quoted := csv.End(b, in.config.csv.Quote, 0, in.quoted)
		if in.quoted = quoted; end < 0 {
			return -1
		}
		return in.r + end
	}
	if nl := bytes.IndexByte(b, '\n'); nl >= 0 {
		return in.r + nl + 1
	}
	return -1
}

// element finds the next element of the file's array, and moves r to it. After
// the closing bracket a rest of white space is no record.
func (in *input) element() int {
	for in.r < in.w && (isSpace(in.buf[in.r]) || in.buf[in.r] == ',' && !in.closed) {
		in.r++
	}
	if in.r == in.w {
		return -1
	}
	if in.buf[in.r] == ']' && !in.closed {
		in.closed = true
		in.r++
		return in.element()
	}
	n := json.End(in.buf[in.r:in.w])
	if n < 0 {
		return -1
	}
	return in.r + n
}

// blank reports whether a record of JSON lines holds nothing.
func blank(rec []byte) bool {
	for _, c := range rec {
		if !isSpace(c) {
			return false
		}
	}
	return true
}

func (in *input) close() {
	if in.z != nil {
		in.z.Close()
	}
	if in.f != nil {
		in.f.Close()
	}
	in.f, in.z = nil, nil
}

// resume finds the file that a position was taken in. A followed file may have
// been rotated since: then it lies beside its old name.
func (in *input) resume(ctx context.Context, at position) error {
	f, size, err := openFile(ctx, in.config.store, in.path, at)
	if err != nil && (!in.config.follow || !errors.Is(err, fs.ErrNotExist)) {
		return err
	}
	if f != nil {
		if in.config.follow && size < at.offset {
			if err := f.Close(); err != nil {
				return object.PathError("close", in.path, err)
			}
			return in.afresh(ctx, "was truncated", at)
		}
		return in.take(f, at)
	}
	if in.config.store.Whole() && in.config.loseSilent {
		return in.open(ctx, position{})
	}
	if !in.config.follow {
		return sqlerr.Errorf(sqlerr.DataCorrupted, "%s is another one than that which was read up to byte %d", in.name(), at.offset).
			WithHint("Put the %s back, or create the stream again to read the new one from the start.", in.config.store.Noun())
	}
	dir := filepath.Dir(in.path)
	names, dirErr := os.ReadDir(dir)
	if dirErr != nil {
		return object.PathError("open directory", dir, dirErr)
	}
	for _, n := range names {
		p := filepath.Join(dir, n.Name())
		if old, size, err := stat(p); err != nil || old != at.id || size < at.offset {
			continue
		}
		if f, _, err := openFile(ctx, in.config.store, p, at); err != nil {
			return err
		} else if f != nil {
			return in.take(f, at)
		}
	}
	return in.afresh(ctx, "was replaced", at)
}

// openFile opens the file at the path; nil: it is another one than that which
// the position was taken in.
func openFile(ctx context.Context, store object.Store, path string, at position) (object.File, int64, error) {
	f, err := store.Open(ctx, path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, object.PathError("stat", path, err)
	}
	same := at.id == identity{} || identityOf(info) == at.id
	// Of a shorter file one says that it was cut.
	if same && (info.Size() < at.head.n || at.head.of(f)) {
		return f, info.Size(), nil
	}
	if err := f.Close(); err != nil {
		return nil, 0, object.PathError("close", path, err)
	}
	return nil, 0, nil
}

// afresh reads the file from its beginning, where it does not count that what
// followed the position is lost.
func (in *input) afresh(ctx context.Context, what string, at position) error {
	if !at.done && !in.config.loseSilent {
		return in.lost(what, at.offset)
	}
	return in.open(ctx, position{})
}

// absent reports whether err says that a followed file is not there, and that
// loses nothing: it was not read yet, or what is lost does not count. It is
// looked for again and again.
func (in *input) absent(err error) bool {
	return err != nil && in.config.follow && errors.Is(err, fs.ErrNotExist) && (in.from == nil || in.config.loseSilent)
}

func (in *input) lost(what string, offset int64) error {
	return sqlerr.Errorf(sqlerr.SnapshotTooOld, "file %q %s while nobody read it: what followed byte %d is lost", in.path, what, offset).
		WithHint("Set on_data_loss = 'continue' to go on with what the file holds now.")
}

// first is the path that the file was first seen at.
func (in *input) first() string {
	if in.label != "" {
		return in.label
	}
	return in.path
}

// name is what messages call the input.
func (in *input) name() string { return in.config.named(in.path) }

func (in *input) place(offset int64) string {
	return fmt.Sprintf("%s, offset %d", in.name(), offset)
}

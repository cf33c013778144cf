package file

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/protobuf"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// badRecord is the error of a record that cannot be cut from its file. What there is of it
// has been passed over, but where reading ends with it (input.strict): there it is met again.
type badRecord struct {
	at  int64 // the byte where it begins
	raw []byte
	err *sqlerr.Error
}

func (b *badRecord) Error() string { return b.err.Error() }
func (b *badRecord) Unwrap() error { return b.err }

// message is record of Protobuf: the next message, behind its length.
func (in *input) message() ([]byte, bool, error) {
	if in.config.soleMessage() {
		return in.wholeFile()
	}
	for {
		if in.overlong {
			n := min(in.skip, int64(in.w-in.r))
			if in.r, in.skip = in.r+int(n), in.skip-n; in.skip == 0 {
				return nil, false, in.skipped()
			}
		} else if rec, err := in.cut(); rec != nil || err != nil {
			return rec, err == nil, err
		} else if in.overlong {
			continue
		}
		if err := in.fill(); err != nil {
			return nil, false, err
		}
		if !in.eof {
			continue
		}
		switch {
		case !in.last():
			return nil, false, nil
		case in.overlong:
			return nil, false, in.skipped()
		case in.r == in.w:
			return nil, false, nil
		}
		rest := in.buf[in.r:in.w]
		bad := &badRecord{at: in.base + int64(in.r), raw: rest, err: sqlerr.Errorf(sqlerr.DataCorrupted,
			"the %s ends within a message, of which it has %d bytes with its length", in.config.store.Noun(), len(rest))}
		if !in.strict {
			in.r = in.w
		}
		return nil, false, bad
	}
}

// cut is the message at r with its length; nil where the window does not hold all of it, or
// where it is to be passed over.
func (in *input) cut() ([]byte, error) {
	at, size, more, err := protobuf.Cut(in.buf[in.r:in.w])
	switch {
	case err != nil && in.config.follow:
		// No strategy for bad records can pass over a file that goes on so.
		e := *sqlerr.From(err)
		e.Message = in.place(in.base+int64(in.r)) + ": " + e.Message
		return nil, &e
	case err != nil:
		e := *sqlerr.From(err)
		e.Detail += " With it the rest of the file is lost, as nothing says where the next message begins."
		return nil, in.skipping(math.MaxInt64, &e)
	case more:
		return nil, nil
	case size > uint64(in.config.maxLine):
		e := sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the record says that it is %d bytes long, and max_line_bytes is %d", size, in.config.maxLine).
			WithHint("Set max_line_bytes to more, or protobuf.framing to what the file is.")
		return nil, in.skipping(int64(min(size, math.MaxInt64-binary.MaxVarintLen64))+int64(at), e)
	case uint64(in.w-in.r-at) < size:
		return nil, nil
	}
	rec := in.buf[in.r : in.r+at+int(size)]
	in.r += len(rec)
	return rec, nil
}

// wholeFile is the file as one message; an empty one holds none.
func (in *input) wholeFile() ([]byte, bool, error) {
	if in.base+int64(in.r) > 0 && !in.overlong {
		in.eof = true
		return nil, false, nil
	}
	for {
		if in.w-in.r > in.config.maxLine && !in.overlong {
			e := sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the record is longer than max_line_bytes (%d)", in.config.maxLine)
			if err := in.skipping(math.MaxInt64, e); err != nil {
				return nil, false, err
			}
		}
		if in.overlong {
			in.r = in.w
		}
		if err := in.fill(); err != nil {
			return nil, false, err
		}
		if !in.eof {
			continue
		}
		if in.overlong {
			return nil, false, in.skipped()
		}
		rec := in.buf[in.r:in.w]
		in.r = in.w
		return rec, len(rec) > 0, nil
	}
}

// skipping begins to pass over n bytes with a message that is not read, for a reason;
// where reading ends with it the error says so at once.
func (in *input) skipping(n int64, why *sqlerr.Error) error {
	at := in.base + int64(in.r)
	if in.strict {
		return &badRecord{at: at, err: why}
	}
	in.overlong, in.skipFrom, in.skip, in.fault = true, at, n, why
	return nil
}

// skipped is the error of a message that has been passed over.
func (in *input) skipped() error {
	bad := &badRecord{at: in.skipFrom, err: in.fault}
	in.overlong, in.skip, in.fault = false, 0, nil
	return bad
}

// body is a record without what stands before it.
func (in *input) body(rec []byte) []byte {
	if in.config.format != formatProtobuf || in.config.soleMessage() {
		return rec
	}
	at, _, _, err := protobuf.Cut(rec)
	if err != nil {
		return rec // it was cut by its length
	}
	return rec[at:]
}

// raw is a copy of a record as it came, without what parts it from the next one.
func (in *input) raw(rec []byte) []byte {
	if in.config.format == formatProtobuf {
		return bytes.Clone(in.body(rec))
	}
	return bytes.Clone(bytes.TrimRight(rec, "\r\n"))
}

// lastMessages is the index after the last whole message of b, which begins with one; 0: it
// holds none.
func lastMessages(b []byte) int {
	n := 0
	for {
		at, size, more, err := protobuf.Cut(b[n:])
		if err != nil || more || size > uint64(len(b)-n-at) {
			return n
		}
		n += at + int(size)
	}
}

// latest is the position after the last complete record of a file. What is compressed, and
// messages, are not found from the end: all of it is read.
func (r *reader) latest(ctx context.Context, path string) (stream.Offset, error) {
	in := &input{path: path, config: &r.source.config, limit: -1}
	if c := in.config; c.format != formatProtobuf && c.charset == nil && c.codec.For(path) == object.None {
		return lastLine(path)
	}
	defer in.close()
	if err := in.open(ctx, position{}); err != nil {
		return nil, err
	}
	if ok, err := in.start(); err != nil || !ok {
		return nil, err
	}
	for {
		at := in.position()
		_, ok, err := in.record()
		var bad *badRecord
		switch {
		case errors.As(err, &bad) && bad.raw != nil, err == nil && !ok:
			return at.encode(), nil
		case err != nil && bad == nil && !errors.Is(err, errOverlong):
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// info is what is known of an object.
type info struct {
	key      string
	size     int64
	etag     string
	modified time.Time
}

// reading is an object that is read. Read goes through it by one request; where that
// breaks off, another one goes on at the same byte of the same object.
type reading struct {
	store *store
	ctx   context.Context
	info  info
	at    int64
	body  io.ReadCloser // from at; nil: it is not asked for
	stop  context.CancelFunc
}

// breaks is how many requests in a row may end without a byte.
const breaks = 3

// Under is object.Waiting's.
func (r *reading) Under(ctx context.Context) { r.ctx = ctx }

// Read is io.Reader's.
func (r *reading) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for broken := 0; ; {
		if r.at >= r.info.size {
			return 0, io.EOF
		}
		if err := r.ctx.Err(); err != nil {
			return 0, err
		}
		if r.body == nil {
			if err := r.ask(); err != nil {
				return 0, err
			}
		}
		halt := context.AfterFunc(r.ctx, r.stop)
		n, err := r.body.Read(p)
		halt()
		r.at += int64(n)
		if err != nil && r.at < r.info.size {
			r.drop() // it broke off
			if broken++; n == 0 && broken >= breaks {
				return 0, r.failure(err)
			}
		}
		if n > 0 {
			r.store.read.Add(int64(n))
			return n, nil
		}
	}
}

// ask begins a request from where reading stands.
func (r *reading) ask() error {
	ctx, stop := context.WithCancel(context.WithoutCancel(r.ctx)) // it outlives one Read
	halt := context.AfterFunc(r.ctx, stop)
	defer halt()
	body, err := r.get(ctx, r.at, r.info.size)
	if err != nil {
		stop()
		return err
	}
	r.body, r.stop = body, stop
	return nil
}

// get asks for the bytes from from to to, less one, of the object that was opened.
func (r *reading) get(ctx context.Context, from, to int64) (io.ReadCloser, error) {
	o := minio.GetObjectOptions{ServerSideEncryption: r.store.config.readable()}
	if err := o.SetMatchETag(r.info.etag); err != nil {
		return nil, r.failure(err)
	}
	if from > 0 || to < r.info.size {
		if err := o.SetRange(from, to-1); err != nil {
			return nil, r.failure(err)
		}
	}
	r.store.requests.Add(1)
	body, _, _, err := r.store.core.GetObject(ctx, r.store.config.bucket, r.info.key, o)
	if err != nil {
		if cerr := r.ctx.Err(); cerr != nil {
			return nil, cerr
		}
		return nil, r.failure(err)
	}
	return body, nil
}

// ReadAt is io.ReaderAt's: one request.
func (r *reading) ReadAt(p []byte, off int64) (int, error) {
	to := min(off+int64(len(p)), r.info.size)
	if off >= to {
		return 0, io.EOF
	}
	done := 0
	for broken := 0; off+int64(done) < to; {
		body, err := r.get(r.ctx, off+int64(done), to)
		if err != nil {
			return done, err
		}
		n, err := io.ReadFull(body, p[done:to-off])
		r.store.read.Add(int64(n))
		err = errors.Join(err, body.Close())
		done += n
		if err != nil && off+int64(done) < to {
			if cerr := r.ctx.Err(); cerr != nil {
				return done, cerr
			}
			if broken++; n == 0 && broken >= breaks {
				return done, r.failure(err)
			}
		}
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

// Seek is io.Seeker's.
func (r *reading) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.info.size
	}
	if offset < 0 {
		return r.at, fmt.Errorf("seeking in object %q: %d is before its beginning", r.store.config.url(r.info.key), offset)
	}
	if offset != r.at {
		r.drop()
		r.at = offset
	}
	return offset, nil
}

// drop ends the request that is under way.
func (r *reading) drop() {
	if r.body != nil {
		r.stop()
		r.body.Close()
	}
	r.body = nil
}

// Close ends what is under way; it may be called twice.
func (r *reading) Close() error {
	r.drop()
	return nil
}

// failure words an error of reading the object.
func (r *reading) failure(err error) error {
	u := r.store.config.url(r.info.key)
	if isReply(err, "PreconditionFailed") {
		return sqlerr.Errorf(sqlerr.ConnectionFailure, "object %q was replaced while it was read, at byte %d", u, r.at).
			WithHint("Write new objects under new names; it is read again from its beginning where nothing of it was.")
	}
	return r.store.config.failure(fmt.Sprintf("reading object %q at byte %d", u, r.at), err)
}

// Stat is object.File's. Nothing is asked for.
func (r *reading) Stat() (fs.FileInfo, error) { return objectInfo{r.info}, nil }

// objectInfo is an object as a file.
type objectInfo struct{ of info }

// Name and the others are fs.FileInfo's.
func (i objectInfo) Name() string       { return path.Base(i.of.key) }
func (i objectInfo) Size() int64        { return i.of.size }
func (i objectInfo) Mode() fs.FileMode  { return 0o444 }
func (i objectInfo) ModTime() time.Time { return i.of.modified }
func (i objectInfo) IsDir() bool        { return false }
func (i objectInfo) Sys() any           { return version(i) }

// version tells an object from others that had its key.
type version struct{ of info }

// Identity is object.Identified's: a part of a hash of what the store calls it.
func (v version) Identity() [2]uint64 {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %d", v.of.etag, v.of.size)
	h := sha256.Sum256(b.Bytes())
	return [2]uint64{binary.BigEndian.Uint64(h[:8]), binary.BigEndian.Uint64(h[8:16])}
}

package s3

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/file"
)

const (
	// leastPart is what every part but an object's last must have.
	leastPart = 5 << 20
	// mostParts is how many numbers the parts of an object have; each epoch takes one.
	mostParts = 10_000
)

// part is one that is stored.
type part struct {
	Number int    `json:"n"`
	ETag   string `json:"e"`
	Size   int64  `json:"s"`
}

// made is an object as a token has it: the parts that it is completed with. Closed: it
// is completed when the token's epoch commits; others get more rows, unless a new
// process finds them.
type made struct {
	Key    string `json:"k"`
	ID     string `json:"u"`
	Parts  []part `json:"p"`
	Closed bool   `json:"c,omitempty"`
}

func (m *made) size() int64 {
	n := int64(0)
	for _, p := range m.Parts {
		n += p.Size
	}
	return n
}

// token is what an epoch of a sink prepares to: every object that is not completed.
type token struct {
	Version int    `json:"v"`
	Objects []made `json:"o,omitempty"`
}

const tokenVersion = 1

func (t token) encode() ([]byte, error) {
	t.Version = tokenVersion
	b, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encoding the token of an S3 sink: %w", err)
	}
	return b, nil
}

func decodeToken(b []byte) (token, error) {
	var t token
	if err := json.Unmarshal(b, &t); err != nil || t.Version != tokenVersion {
		return t, sqlerr.Errorf(sqlerr.DataCorrupted, "the token kept for an S3 sink is not one of version %d", tokenVersion)
	}
	return t, nil
}

// upload is an object that is being written. Its full parts are stored as they come.
// An epoch that ends stores what is left as one more part, which the object would end
// with; when there is more, a longer part of a higher number takes its place. So no
// part that a token names is ever written again.
type upload struct {
	key   string
	id    string // "": it is not begun
	rows  *file.Encoded
	buf   []byte // bytes after the full parts
	full  []*part
	last  *part // what buf was when the epoch ended; nil: buf holds nothing, or more
	next  int   // a part's number
	size  int64 // of the full parts
	began time.Time
	used  time.Time
	dirty bool // there are rows since the last epoch
}

// bytes is how long the object is, as far as it is encoded.
func (u *upload) bytes() int64 { return u.size + int64(len(u.buf)) }

// made is the object as it stands: every part is stored.
func (u *upload) made(closed bool) made {
	m := made{Key: u.key, ID: u.id, Closed: closed}
	for _, p := range u.full {
		m.Parts = append(m.Parts, *p)
	}
	if u.last != nil {
		m.Parts = append(m.Parts, *u.last)
	}
	return m
}

// begin asks for the upload's id.
func (s *sink) begin(ctx context.Context, u *upload) error {
	if u.id != "" {
		return nil
	}
	id, err := s.core.NewMultipartUpload(ctx, s.config.bucket, u.key, minio.PutObjectOptions{ServerSideEncryption: s.config.sse, ContentType: "application/octet-stream"})
	if err != nil {
		return s.failed(u.key, err)
	}
	u.id = id
	return nil
}

// store stores bytes as the next part, while others are stored and rows go on. They
// are the part's from now on.
func (s *sink) store(ctx context.Context, u *upload, b []byte) (*part, error) {
	if err := s.begin(ctx, u); err != nil {
		return nil, err
	}
	p := &part{Number: u.next, Size: int64(len(b))}
	u.next++
	id, key := u.id, u.key
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	s.parts.Go(func() {
		defer func() { <-s.slots }()
		o := minio.PutObjectPartOptions{}
		if s.config.readable() != nil {
			o.SSE = s.config.sse
		}
		stored, err := s.core.PutObjectPart(s.life, s.config.bucket, key, id, p.Number, bytes.NewReader(b), int64(len(b)), o)
		if err != nil {
			s.mu.Lock()
			if s.broken == nil {
				s.broken = s.failed(key, err)
			}
			s.mu.Unlock()
			return
		}
		p.ETag = stored.ETag
		s.metrics.BytesWritten.Add(int64(len(b)))
	})
	return p, nil
}

// stored waits until every part is. Where ctx ends first they are given up, and with them
// whatever else the sink would store: it can then be rolled back and closed.
func (s *sink) stored(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.cancel)
	defer stop()
	s.parts.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.trouble()
}

// trouble is why a part was not stored; what was written since is lost with it.
func (s *sink) trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// flush encodes the rows that are held, and stores full parts. last: the object is
// whole behind them.
func (s *sink) flush(ctx context.Context, u *upload, last bool) error {
	var err error
	if u.buf, err = u.rows.Flush(u.buf, last); err != nil {
		return err
	}
	if int64(len(u.buf)) < s.partSize {
		return nil
	}
	p, err := s.store(ctx, u, u.buf)
	if err != nil {
		return err
	}
	u.full, u.size = append(u.full, p), u.size+p.Size
	u.buf, u.last = nil, nil
	return nil
}

// end stores what the object ends with now.
func (s *sink) end(ctx context.Context, u *upload) error {
	if !u.dirty {
		return nil
	}
	if err := s.flush(ctx, u, true); err != nil {
		return err
	}
	if u.dirty = false; len(u.buf) == 0 {
		return nil
	}
	p, err := s.store(ctx, u, slices.Clone(u.buf)) // more may be appended to it
	if err != nil {
		return err
	}
	u.last = p
	return nil
}

// complete makes an object visible. It may have been before: then it is there.
func (s *sink) complete(ctx context.Context, m made) error {
	if len(m.Parts) == 0 {
		return nil
	}
	parts := make([]minio.CompletePart, len(m.Parts))
	for i, p := range m.Parts {
		parts[i] = minio.CompletePart{PartNumber: p.Number, ETag: p.ETag}
	}
	_, err := s.core.CompleteMultipartUpload(ctx, s.config.bucket, m.Key, m.ID, parts, minio.PutObjectOptions{})
	if err == nil {
		return nil
	}
	if !isReply(err, "NoSuchUpload", "InvalidPart", "NoSuchKey") {
		return s.failed(m.Key, err)
	}
	o, serr := s.core.StatObject(ctx, s.config.bucket, m.Key, minio.StatObjectOptions{ServerSideEncryption: s.config.readable()})
	switch {
	case serr == nil && o.Size == m.size():
		return nil
	case serr == nil:
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "object %q has %d bytes, and %d were written", s.config.url(m.Key), o.Size, m.size()).
			WithHint("Somebody else writes there: give the sink a path of its own.")
	case !isReply(serr, "NoSuchKey"):
		return s.failed(m.Key, serr)
	case s.loseSilent:
		return nil
	}
	return sqlerr.Errorf(sqlerr.UndefinedFile, "object %q is not there, nor is the upload that was to become it", s.config.url(m.Key)).
		WithDetail("Its rows, %d bytes, are committed.", m.size()).
		WithHint("If it was moved or removed after it had been completed, or its rows may be lost, set on_data_loss = 'continue'. Rules of the bucket that abort uploads must leave them longer than the gateway may be away.")
}

// abort removes an upload. That it is not there is well.
func (s *sink) abort(ctx context.Context, key, id string) error {
	if id == "" {
		return nil
	}
	if err := s.core.AbortMultipartUpload(ctx, s.config.bucket, key, id); err != nil && !isReply(err, "NoSuchUpload", "NoSuchKey") {
		return s.failed(key, err)
	}
	return nil
}

func (s *sink) failed(key string, err error) error {
	return s.config.failure("writing object \""+s.config.url(key)+"\"", err)
}

package s3

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
)

// store is the bucket as a place of files. Splits are listed on another goroutine than
// the one that reads.
type store struct {
	config config
	*client
	requests, read atomic.Int64 // GETs, and bytes that they brought

	mu     sync.Mutex
	listed []string        // what the last listing found
	at     time.Time       // when; zero: there was none
	infos  map[string]info // of objects listed and not opened
}

func newStore(c config) (*store, error) {
	cl, err := newClient(c)
	if err != nil {
		return nil, err
	}
	return &store{config: c, client: cl, infos: map[string]info{}}, nil
}

// Close closes the connections.
func (s *store) Close() error {
	if s.client == nil {
		return nil
	}
	return s.client.Close()
}

// Whole is object.Store's: an object is written at once, and replaced by another.
func (*store) Whole() bool { return true }

// Noun is object.Store's.
func (*store) Noun() string { return "object" }

// Resolve is object.Store's: splits are URLs.
func (s *store) Resolve(path string) (string, error) {
	if !strings.HasPrefix(path, s.config.url("")) {
		return "", sqlerr.Errorf(sqlerr.DataCorrupted, "the position kept for %q is not one of bucket %q", path, s.config.bucket)
	}
	return path, nil
}

// List is object.Store's. A source that does not follow reads what there was when it
// was first listed.
func (s *store) List(ctx context.Context, _ string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.at.IsZero() && (!s.config.follow || time.Since(s.at) < s.config.poll) {
		return s.listed, nil
	}
	found, err := s.list(ctx)
	if err != nil {
		return nil, err
	}
	s.listed, s.at = s.listed[:0:0], time.Now()
	fresh := map[string]info{}
	for _, i := range found {
		u := s.config.url(i.key)
		s.listed = append(s.listed, u)
		fresh[u] = i
	}
	slices.Sort(s.listed)
	s.infos = fresh
	return s.listed, nil
}

// literal is what the keys of all objects begin with that are meant.
func (c *config) literal() string {
	if i := strings.IndexAny(c.key, "*?["); i >= 0 {
		return c.key[:i]
	}
	return c.key
}

// list asks for all objects that are meant.
func (s *store) list(ctx context.Context) ([]info, error) {
	prefix := s.config.literal()
	if !s.config.raw && !isPattern(s.config.key) {
		i, err := s.stat(ctx, prefix)
		if err != nil {
			return nil, err
		}
		return []info{i}, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // what lists ends with it
	var found []info
	for o := range s.core.ListObjectsIter(ctx, s.config.bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, s.config.failure("listing objects of \""+s.config.url(prefix)+"\"", o.Err)
		}
		if s.meant(o.Key) {
			found = append(found, info{key: o.Key, size: o.Size, etag: o.ETag, modified: o.LastModified})
		}
	}
	return found, ctx.Err()
}

// meant reports whether a listed key is one that is read: what stands for a folder is
// none, and hidden ones (_SUCCESS, .part) are only where a pattern names them.
func (s *store) meant(key string) bool {
	if strings.HasSuffix(key, "/") {
		return false
	}
	if isPattern(s.config.key) {
		pattern := s.config.key
		if s.config.raw {
			if strings.HasSuffix(pattern, "/") {
				pattern += "**"
			} else {
				pattern += "*"
			}
		}
		return matches(strings.Split(pattern, "/"), strings.Split(key, "/"))
	}
	rest := strings.Split(strings.TrimPrefix(key, s.config.key), "/")
	for i, part := range rest {
		if part == "" || i == 0 && !strings.HasSuffix(s.config.key, "/") && s.config.key != "" {
			continue // the rest of a name that the prefix begins
		}
		if part[0] == '_' || part[0] == '.' {
			return strings.Contains(part, "=") // _year=2026 is a folder of a column
		}
	}
	return true
}

// matches matches a key's parts with a pattern's; ** is any number of them.
func matches(pattern, key []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			if len(pattern) == 1 {
				return len(key) > 0
			}
			for i := range key {
				if matches(pattern[1:], key[i:]) {
					return true
				}
			}
			return false
		}
		if len(key) == 0 {
			return false
		}
		if ok, err := path.Match(pattern[0], key[0]); err != nil || !ok {
			return false
		}
		pattern, key = pattern[1:], key[1:]
	}
	return len(key) == 0
}

// stat asks for one object.
func (s *store) stat(ctx context.Context, key string) (info, error) {
	o, err := s.core.StatObject(ctx, s.config.bucket, key, minio.StatObjectOptions{ServerSideEncryption: s.config.readable()})
	if isReply(err, "NoSuchKey") { // which a HEAD says of a bucket that is not there, too
		if there, berr := s.core.BucketExists(ctx, s.config.bucket); berr == nil && !there {
			err = minio.ErrorResponse{Code: "NoSuchBucket", Message: "The bucket does not exist", StatusCode: http.StatusNotFound}
		}
	}
	if err != nil {
		return info{}, s.config.failure("looking for object \""+s.config.url(key)+"\"", err)
	}
	return info{key: key, size: o.Size, etag: o.ETag, modified: o.LastModified}, nil
}

// Open is object.Store's. An object that was just listed is asked for when it is read.
func (s *store) Open(ctx context.Context, path string) (object.File, error) {
	s.mu.Lock()
	i, ok := s.infos[path]
	delete(s.infos, path)
	s.mu.Unlock()
	if !ok {
		var err error
		if i, err = s.stat(ctx, strings.TrimPrefix(path, s.config.url(""))); err != nil {
			return nil, err
		}
	}
	return &reading{store: s, ctx: ctx, info: i}, nil
}

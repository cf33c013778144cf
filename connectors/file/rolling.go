package file

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// rolling writes to one file after the other. A file ends at a commit alone, so an epoch
// lies in one file, and no file is renamed: it has its name from its beginning. While an
// epoch waits for its decision the next one is written already, maybe to a file of its
// own; so the token of an epoch names the files that the two epochs after it may begin,
// and a start finds there what was never decided.
type rolling struct {
	env     *stream.Env
	rel     *catalog.Relation
	config  config
	options stream.SinkOptions

	now     func() time.Time
	current *sink  // nil: the next row begins a file
	bucket  string // the span of time that the current file belongs to
	names   names
	past    []names      // of the last committed epoch, and of those prepared since
	sealed  []sealedFile // files that ended with an epoch that is not decided
	epoch   stream.Epoch // the last committed
}

// names are those of files that are not begun.
type names struct {
	epoch stream.Epoch // whose token has them
	start named        // the file that the next row begins, where none is open
	plan  named        // the one after that
}

// named is a file that is not begun: its path, and the span of time that it belongs to.
type named struct{ path, bucket string }

// sealedFile is a file that ends with an epoch.
type sealedFile struct {
	epoch  stream.Epoch
	file   *sink
	bucket string
}

// Rotations of a sink.
const (
	rotateNever  = ""
	rotateHourly = "hourly"
	rotateDaily  = "daily"
	rotateSize   = "size"
)

// rolling reports whether a sink writes to more than one file.
func (c *config) rolling() bool { return c.rotation != rotateNever || !c.template.Plain() }

// readRotation reads the keys of rotation, and the path as a template.
func (c *config) readRotation(v *stream.Values) error {
	switch s := stream.Fold(v.String("rotation")); s {
	case "", "none", "false":
	case rotateHourly, rotateDaily:
		c.rotation = s
	default:
		n, ok := stream.ParseSize(v.String("rotation"))
		if !ok || n < 1<<10 {
			v.Reject("rotation", "hourly, daily, none, or the size at which a file ends, such as 128MB, of 1 KB at least")
		}
		c.rotation, c.rotateAt = rotateSize, n
	}
	if v.String("max_files") != "" {
		c.maxFiles = int(v.Int("max_files", 1, 1<<20))
	}
	path := c.path
	// A rotated file's name has what tells it from the one before.
	field := map[string]string{rotateHourly: "{date}_{hour}", rotateDaily: "{date}", rotateSize: "{timestamp}"}[c.rotation]
	t, err := object.ParseTemplate(path)
	if err == nil && field != "" && !t.Has("timestamp", "batch_id") && !(c.rotation == rotateHourly && t.Has("hour") || c.rotation == rotateDaily && t.Has("date", "day")) {
		dir, name := filepath.Split(path)
		stem, ext, dotted := strings.Cut(name, ".")
		if name = stem + "-" + field; dotted {
			name += "." + ext
		}
		t, err = object.ParseTemplate(dir + name)
	}
	if err != nil {
		return err
	}
	c.template = t
	if c.maxFiles > 0 && !c.rolling() {
		v.Reject("max_files", "a value only beside rotation, or a path with fields")
	}
	return nil
}

// expand names a file that is begun about now, with an epoch.
func (r *rolling) expand(e stream.Epoch) named {
	batch := strconv.FormatUint(uint64(e), 10)
	if r.options.Job == "" {
		batch = strconv.FormatInt(r.now().UnixMilli(), 10) // transactions have no number of their own
	}
	return named{r.config.template.Expand(r.now(), batch), r.at()}
}

// at is the span of time that a file belongs to which is begun now: another span is
// another file.
func (r *rolling) at() string {
	now := r.now().UTC()
	t := r.config.template
	switch {
	case t.Has("minute"):
		return now.Format("200601021504")
	case t.Has("hour") || r.config.rotation == rotateHourly:
		return now.Format("2006010215")
	case t.Has("date", "day") || r.config.rotation == rotateDaily:
		return now.Format("20060102")
	case t.Has("month"):
		return now.Format("200601")
	case t.Has("year"):
		return now.Format("2006")
	}
	return ""
}

// due reports whether the current file ends with the epoch that was just prepared, and the
// one that was planned is next.
func (r *rolling) due(plan named) bool {
	if r.options.Job == "" || r.current.length == 0 {
		return false
	}
	return r.config.template.Has("batch_id") || plan.bucket != r.bucket || r.config.rotation == rotateSize && r.current.length >= r.config.rotateAt
}

func openRolling(ctx context.Context, env *stream.Env, rel *catalog.Relation, c config, o stream.SinkOptions) (stream.Sink, error) {
	r := &rolling{env: env, rel: rel, config: c, options: o, now: time.Now, epoch: o.Committed}
	r.names = names{epoch: o.Committed, start: r.expand(o.Committed + 1), plan: r.expand(o.Committed + 2)}
	if o.Token == nil {
		r.past = []names{r.names}
		return r, r.cleanAll(ctx)
	}
	t, err := decodeRollingToken(o.Token)
	if err != nil {
		return nil, err
	}
	r.names.start, r.names.plan = t.start, t.plan
	r.past = []names{r.names}
	for _, n := range []named{t.start, t.plan} {
		if n.path == "" {
			continue
		}
		path, err := object.Resolve(n.path, env.FileRoots)
		if err == nil && path != t.path {
			err = r.clean(ctx, path)
		}
		if err != nil {
			return nil, err
		}
	}
	if t.path == "" {
		return r, nil
	}
	o.Token = t.token
	if r.current, err = openSinkFile(ctx, env, rel, c, o, t.path); err != nil {
		return nil, err
	}
	r.bucket = t.bucket
	if t.start.path != "" {
		err = r.current.Close() // it ended with the epoch
		r.current = nil
	}
	return r, err
}

// cleanAll removes what this job has written to files before its first commit.
func (r *rolling) cleanAll(ctx context.Context) error {
	if r.options.Job == "" {
		return nil
	}
	files, err := object.Glob(r.config.template.Pattern(), r.env.FileRoots)
	if err != nil {
		return nil //nolint:nilerr // there is no directory
	}
	for _, f := range files {
		s := &sink{path: f, owner: cmp.Or(r.options.ID, r.options.Job)}
		if _, crashed, err := s.crashed(1 << 62); err == nil && crashed {
			if err := r.clean(ctx, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// clean removes what an epoch that was never decided has written to a file of its own.
func (r *rolling) clean(ctx context.Context, path string) error {
	resolved, err := object.Resolve(path, r.env.FileRoots)
	if err != nil {
		return err
	}
	mark := (&sink{path: resolved}).markPath()
	if _, err := os.Stat(mark); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	inner := r.options
	inner.Token = nil
	s, err := openSinkFile(ctx, r.env, r.rel, r.config, inner, path)
	if err != nil {
		return err
	}
	s.created = s.committed == 0 // nothing has committed to it: it goes
	s.buf = s.buf[:0]
	return s.Close()
}

// begin opens the file that the next row goes to.
func (r *rolling) begin(ctx context.Context) error {
	path, err := object.Resolve(r.names.start.path, r.env.FileRoots)
	if err != nil {
		return err
	}
	if err := makeDirs(filepath.Dir(path)); err != nil {
		return err
	}
	r.bucket = r.names.start.bucket
	o := r.options
	o.Committed, o.Token = r.names.epoch, nil
	r.current, err = openSinkFile(ctx, r.env, r.rel, r.config, o, r.names.start.path)
	return err
}

// makeDirs makes a directory and those above it, durably.
func makeDirs(dir string) error {
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, os.ErrNotExist) {
		return nil //nolint:nilerr // opening the file says what is wrong
	}
	if err := makeDirs(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return object.PathError("create directory", dir, err)
	}
	return syncDir(dir)
}

// Exclusive is stream.Exclusive's: the file is locked.
func (r *rolling) Exclusive() {}

func (r *rolling) Write(ctx context.Context, b *vec.Batch) ([]stream.Reject, error) {
	if b.Len() == 0 {
		return nil, nil
	}
	if r.current == nil {
		if err := r.begin(ctx); err != nil {
			return nil, err
		}
	}
	return r.current.Write(ctx, b)
}

func (r *rolling) Prepare(ctx context.Context, e stream.Epoch) ([]byte, error) {
	t := rollingToken{bucket: r.bucket}
	planned := r.names.plan
	r.names = names{epoch: e, plan: r.expand(e + 2)}
	switch {
	case r.current == nil:
		r.names.start = planned
	default:
		var err error
		if t.token, err = r.current.Prepare(ctx, e); err != nil {
			return nil, err
		}
		t.path = r.current.path
		if resolved, err := object.Resolve(planned.path, r.env.FileRoots); err == nil && resolved != t.path && r.due(planned) {
			r.sealed = append(r.sealed, sealedFile{e, r.current, r.bucket})
			r.current, r.names.start = nil, planned
		}
	}
	t.start, t.plan = r.names.start, r.names.plan
	r.past = append(r.past, r.names)
	return t.encode(), nil
}

func (r *rolling) Commit(ctx context.Context, e stream.Epoch, token []byte) error {
	if e <= r.epoch {
		return nil
	}
	t, err := decodeRollingToken(token)
	if err != nil {
		return err
	}
	if t.path != "" {
		of := r.current
		for _, s := range r.sealed {
			if s.epoch == e {
				of = s.file
			}
		}
		if of != nil && of.path == t.path {
			if err := of.Commit(ctx, e, t.token); err != nil {
				return err
			}
		}
	}
	r.epoch = e
	r.past = slices.DeleteFunc(r.past, func(n names) bool { return n.epoch < e })
	keep := r.sealed[:0]
	ended := false
	for _, s := range r.sealed {
		if s.epoch > e {
			keep = append(keep, s)
			continue
		}
		ended = true
		err = errors.Join(err, s.file.Close())
	}
	r.sealed = keep
	if err == nil && ended && r.config.maxFiles > 0 {
		err = r.expire()
	}
	return err
}

// Rollback takes back an epoch and those after it: files that they began go, and one that
// ended with them goes on.
func (r *rolling) Rollback(ctx context.Context, e stream.Epoch, token []byte) error {
	if e <= r.epoch {
		return nil
	}
	for n := len(r.sealed); n > 0 && r.sealed[n-1].epoch >= e; n = len(r.sealed) {
		if r.current != nil {
			err := r.current.Rollback(ctx, e, token)
			if err = errors.Join(err, r.drop()); err != nil {
				return err
			}
		}
		r.current, r.bucket, r.sealed = r.sealed[n-1].file, r.sealed[n-1].bucket, r.sealed[:n-1]
	}
	r.past = slices.DeleteFunc(r.past, func(n names) bool { return n.epoch >= e })
	if n := len(r.past); n > 0 {
		r.names = r.past[n-1]
	}
	if r.current == nil {
		return nil
	}
	if err := r.current.Rollback(ctx, e, nil); err != nil || r.names.start.path == "" {
		return err
	}
	return r.drop() // the epoch had begun it
}

// drop closes a file that nothing has committed to, and removes it.
func (r *rolling) drop() error {
	err := r.current.cut(r.current.committed)
	err = errors.Join(err, r.current.Close())
	r.current = nil
	return err
}

// Close closes the files; what is not decided of them stays for the next start.
func (r *rolling) Close() error {
	var err error
	for _, s := range r.sealed {
		err = errors.Join(err, s.file.Close())
	}
	r.sealed = nil
	if r.current != nil {
		err = errors.Join(err, r.current.Close())
		r.current = nil
	}
	return err
}

// expire removes the oldest files whose names the template makes, but for max_files and
// those that are written to.
func (r *rolling) expire() error {
	matcher := r.config.template.Matcher()
	files, err := object.Glob(r.config.template.Pattern(), r.env.FileRoots)
	if err != nil {
		return err
	}
	open := func(path string) bool {
		return r.current != nil && path == r.current.path || slices.ContainsFunc(r.sealed, func(s sealedFile) bool { return s.file.path == path })
	}
	type aged struct {
		path string
		at   time.Time
	}
	var all []aged
	for _, f := range files {
		if open(f) || !matcher.MatchString(f) {
			continue
		}
		if _, err := os.Stat((&sink{path: f}).markPath()); err == nil {
			continue // somebody else writes it
		}
		info, err := os.Stat(f)
		if err != nil {
			continue // somebody else has removed it
		}
		all = append(all, aged{f, info.ModTime()})
	}
	slices.SortFunc(all, func(a, b aged) int {
		if c := b.at.Compare(a.at); c != 0 {
			return c
		}
		return strings.Compare(b.path, a.path)
	})
	most := r.config.maxFiles
	if r.current != nil {
		most--
	}
	for _, f := range all[min(most, len(all)):] {
		if err := os.Remove(f.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return object.PathError("remove", f.path, err)
		}
	}
	return nil
}

// rollingToken is what a start needs: the file of the epoch, its own token, and the names
// of files that may have been begun since.
type rollingToken struct {
	path, bucket string
	start, plan  named
	token        []byte
}

const rollingForm = 2

func (t rollingToken) encode() []byte {
	b := []byte{rollingForm}
	for _, s := range []string{t.path, string(t.token), t.bucket, t.start.path, t.start.bucket, t.plan.path, t.plan.bucket} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return b
}

func decodeRollingToken(b []byte) (rollingToken, error) {
	var t rollingToken
	bad := sqlerr.Errorf(sqlerr.DataCorrupted, "the token kept for a file sink is not one of rotated files")
	if len(b) == 0 || b[0] != rollingForm {
		return t, bad
	}
	b = b[1:]
	var token string
	for _, s := range []*string{&t.path, &token, &t.bucket, &t.start.path, &t.start.bucket, &t.plan.path, &t.plan.bucket} {
		n, k := binary.Uvarint(b)
		if k <= 0 || n > uint64(len(b)-k) {
			return t, bad
		}
		*s, b = string(b[k:k+int(n)]), b[k+int(n):]
	}
	t.token = []byte(token)
	return t, nil
}

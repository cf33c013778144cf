package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// A followed pattern may match the names that its own files are rotated to, so
// that a path does not tell whether a file has been read. Its splits are files,
// known by device and inode: path#device:inode, with the path that the file had
// when it was first seen. Where a file is rotated to a name that the pattern does
// not match, its split goes on with those of that kind that nobody else can see.

// tracked reports whether splits are files and not paths.
func (s *source) tracked() bool { return s.config.follow && object.IsGlob(s.config.path) }

// registry names the files of one source. Splits and readers use it from
// different goroutines.
type registry struct {
	mu    sync.Mutex
	names map[identity]stream.Split
	used  map[stream.Split]bool
	// closed are files that were read to their end and are not open any more:
	// their inodes may be given to others.
	closed map[identity]position
}

// name is the split of the file that has the path now.
func (g *registry) name(path string, id identity) stream.Split {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at, ok := g.closed[id]; ok && !continues(path, at) {
		delete(g.closed, id)
		delete(g.names, id)
	}
	if n, ok := g.names[id]; ok {
		return n
	}
	first := stream.Split(fmt.Sprintf("%s#%d:%d", path, id.dev, id.ino))
	n := first
	for i := 2; g.used[n]; i++ {
		n = stream.Split(fmt.Sprintf("%s~%d", first, i)) // the inode was another file's
	}
	g.set(id, n)
	return n
}

func (g *registry) set(id identity, n stream.Split) {
	if g.names == nil {
		g.names, g.used, g.closed = map[identity]stream.Split{}, map[stream.Split]bool{}, map[identity]position{}
	}
	g.names[id], g.used[n] = n, true
}

// claim gives a file to a split that has read it, under whatever name it was
// seen meanwhile.
func (g *registry) claim(id identity, n stream.Split) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for other, m := range g.names {
		if m == n && other != id {
			delete(g.names, other) // its inode was this split's in an earlier life
		}
	}
	g.set(id, n)
}

// add gives a split one more file.
func (g *registry) add(id identity, n stream.Split) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set(id, n)
}

// taken reports whether a split reads the file, or has.
func (g *registry) taken(id identity) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.names[id]
	return ok
}

// drop ends a split whose file is not there any more; the next with its inode
// gets another name.
func (g *registry) drop(id identity, n stream.Split) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set(id, n)
	delete(g.names, id)
}

// close notes that a file is read and not open any more. gone: it is removed.
func (g *registry) close(at position, gone bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if gone {
		delete(g.names, at.id)
		return
	}
	if _, ok := g.names[at.id]; ok {
		g.closed[at.id] = at
	}
}

// continues reports whether the file at the path is, as far as can be told, the
// one in which the position was taken.
func continues(path string, at position) bool {
	f, err := os.Open(path)
	if err != nil {
		return true // it is told when it can be read
	}
	defer f.Close()
	info, err := f.Stat()
	return err != nil || info.Size() >= at.offset && at.head.of(f)
}

// name is where a file lies. own: the pattern matches that.
type name struct {
	path string
	own  bool
}

// survey finds the files that the pattern matches, and those beside them.
func (s *source) survey() (map[identity]name, error) {
	found := map[identity]name{}
	own, err := object.Glob(s.config.path, s.env.FileRoots)
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, p := range own {
		if id, _, err := stat(p); err == nil {
			found[id] = name{p, true}
		}
		dirs = append(dirs, filepath.Dir(p))
	}
	// Where every file has been rotated there is none to tell its directory by.
	if parents, err := filepath.Glob(filepath.Dir(strings.TrimPrefix(s.config.path, "file://"))); err == nil {
		for _, d := range parents {
			if d, err := object.Resolve(d, s.env.FileRoots); err == nil {
				dirs = append(dirs, d)
			}
		}
	}
	slices.Sort(dirs)
	for _, d := range slices.Compact(dirs) {
		entries, err := os.ReadDir(d)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return nil, object.PathError("open directory", d, err)
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			if id := identityOf(info); found[id].path == "" {
				found[id] = name{filepath.Join(d, e.Name()), false}
			}
		}
	}
	return found, nil
}

// label is the path in a split's name, and the file's identity, where it has one.
func label(split stream.Split) (path string, id identity) {
	s := string(split)
	i := strings.LastIndexByte(s, '#')
	if i < 0 {
		return s, identity{}
	}
	number, _, _ := strings.Cut(s[i+1:], "~")
	if n, err := fmt.Sscanf(number, "%d:%d", &id.dev, &id.ino); err != nil || n != 2 {
		return s, identity{}
	}
	return s[:i], id
}

// track takes up splits that are files. Two that name the same file are one:
// where a split has a position in it, the other has only been listed.
func (r *reader) track(ctx context.Context, from []stream.Position, latest bool) error {
	type start struct {
		in *input
		at position
	}
	var all []start
	for _, p := range from {
		path, id := label(p.Split)
		st := start{at: position{id: id}}
		if p.Offset != nil {
			at, err := decodePosition(p.Split, p.Offset)
			if err != nil {
				return err
			}
			st.at = at
		} else if id == (identity{}) {
			now, _, err := stat(path)
			if err != nil {
				continue // it is listed when it is there
			}
			st.at.id = now
		}
		path, err := object.Resolve(path, r.source.env.FileRoots)
		if err != nil {
			return err
		}
		st.in = &input{split: p.Split, path: path, label: path, config: &r.source.config, limit: -1, from: p.Offset, next: p.Offset,
			strict: r.scan.OnReject == stream.Fail}
		all = append(all, st)
	}
	slices.SortStableFunc(all, func(a, b start) int {
		if a, b := a.in.from == nil, b.in.from == nil; a || b {
			return cmp.Compare(btoi(a), btoi(b))
		}
		return cmp.Or(cmp.Compare(btoi(a.at.done), btoi(b.at.done)), cmp.Compare(b.at.offset, a.at.offset))
	})
	where, err := r.source.survey()
	if err != nil {
		return err
	}
	seen := map[identity]bool{}
	for _, in := range r.inputs {
		seen[in.id] = true
	}
	for _, st := range all {
		in, at := st.in, st.at
		if seen[at.id] {
			continue
		}
		n, ok := where[at.id]
		if !ok {
			if in.from != nil && !at.done && !r.source.config.loseSilent {
				return in.lost("was removed", at.offset)
			}
			r.source.files.drop(at.id, in.split)
			continue
		}
		seen[at.id] = true
		in.path, in.own, in.number = n.path, n.own, int32(len(r.inputs))
		r.source.files.claim(at.id, in.split)
		if at.done && !n.own && continues(n.path, at) {
			r.source.files.close(at, false)
			continue
		}
		if latest && in.from == nil {
			if in.from, err = r.latest(ctx, in.path); err != nil {
				return err
			}
		}
		in.id = at.id
		if err := r.activate(ctx, in); err != nil {
			in.close()
			return err
		}
		r.inputs = append(r.inputs, in)
	}
	return nil
}

// find opens a split's file under the name that it has now.
func (r *reader) find(in *input) error {
	at := position{id: in.id}
	if in.from != nil {
		var err error
		if at, err = decodePosition(in.split, in.from); err != nil {
			return err
		}
	}
	for range 100 { // as long as it is being renamed
		f, err := os.Open(in.path)
		if err == nil {
			info, err := f.Stat()
			if err != nil {
				f.Close()
				return object.PathError("stat", in.path, err)
			}
			if identityOf(info) == at.id {
				return r.begin(in, f, info.Size(), at)
			}
			f.Close()
		} else if !errors.Is(err, fs.ErrNotExist) {
			return object.PathError("open", in.path, err)
		}
		where, err := r.source.survey()
		if err != nil {
			return err
		}
		n, ok := where[at.id]
		if !ok {
			break
		}
		in.path, in.own = n.path, n.own
	}
	if in.from != nil && !at.done && !in.config.loseSilent {
		return in.lost("was removed", at.offset)
	}
	in.ended = true
	r.source.files.drop(at.id, in.split)
	return nil
}

// begin reads f, which has the identity of the position, from there on, or, where
// it was cut or is another one all the same, from its beginning.
func (r *reader) begin(in *input, f *os.File, size int64, at position) error {
	what := ""
	switch {
	case size < at.offset:
		what = "was truncated"
	case !at.head.of(f):
		what = "was replaced"
	default:
		return in.take(f, at)
	}
	if !at.done && !in.config.loseSilent {
		f.Close()
		return in.lost(what, at.offset)
	}
	return in.take(f, position{})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// settle looks, at the end of a file, what has become of it: cut, renamed,
// removed. What the pattern still matches is followed on under its new name.
func (r *reader) settle(in *input) error {
	id, size, err := stat(in.path)
	if err == nil && id == in.id {
		if size < in.base+int64(in.w) {
			return r.again(in)
		}
		if in.path == in.label {
			in.rotated = 0
			return nil
		}
	} else if in.own || in.rotated < quietPolls {
		where, err := r.source.survey()
		if err != nil {
			return err
		}
		n, ok := where[in.id]
		if in.own = n.own; ok {
			in.path = n.path
		}
	}
	if in.rotated < quietPolls {
		in.rotated++
	}
	if in.own || in.rotated < quietPolls {
		return nil
	}
	return r.leave(in)
}

// again reads a file that was cut from its beginning.
func (r *reader) again(in *input) error {
	f, err := os.Open(in.path)
	if err != nil {
		return ignoreAbsent(object.PathError("open", in.path, err))
	}
	if info, err := f.Stat(); err != nil || identityOf(info) != in.id {
		return errors.Join(err, f.Close()) // it was renamed just now
	}
	r.of = nil
	return in.take(f, position{})
}

// leave goes on, at the end of a file that was rotated to a name the pattern does
// not match, with one written after it that has such a name too; else the split
// ends, once the file that the label names has a split of its own.
func (r *reader) leave(in *input) error {
	was, err := in.f.Stat()
	if err != nil {
		return object.PathError("stat", in.path, err)
	}
	gone := was.Sys().(*syscall.Stat_t).Nlink == 0
	newest, err := os.Stat(in.label)
	if err != nil {
		if gone {
			r.end(in, true)
		}
		return nil //nolint:nilerr // its name will be given to another
	}
	path, next, err := between(in.label, was, newest, func(base string, info fs.FileInfo) bool {
		own, err := filepath.Match(filepath.Base(in.config.path), base)
		return own || err != nil || r.source.files.taken(identityOf(info))
	})
	if err != nil {
		return err
	}
	if next == nil {
		if r.source.files.taken(identityOf(newest)) {
			r.end(in, gone)
		}
		return nil
	}
	f, err := openAs(path, next)
	if f == nil || err != nil {
		return err
	}
	at := in.position()
	r.of = nil
	if err := in.take(f, position{}); err != nil {
		return err
	}
	in.path, in.own = path, false
	r.source.files.close(at, gone)
	r.source.files.add(in.id, in.split)
	return nil
}

// end ends a split.
func (r *reader) end(in *input, gone bool) {
	in.ended, in.done = true, true
	r.source.files.close(in.position(), gone)
}

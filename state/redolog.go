package state

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// redoLog is the log's segment files, in a directory of their own.
type redoLog struct {
	s    *Store
	dir  string
	size int // of a segment

	// Of who holds Store.tablesMu, as is making.
	file   *os.File // of the active segment; nil: it has not been written to yet
	buf    []byte
	making chan error // gets the outcome of make in the background; nil: none runs

	mu       sync.Mutex
	segments []*segment // by number, none missing
	active   int        // the place of the one that is written; those behind it are empty

	wait sync.WaitGroup
}

const segmentName = "%016x.log"

func (l *redoLog) path(number uint64) string {
	return filepath.Join(l.dir, fmt.Sprintf(segmentName, number))
}

func segmentsEntry(first, last uint64) entry {
	return entry{key: metaKey(kindSegments, nil), value: numbers(first, last)}
}

// openRedo finds the log's end, and returns the version of its last entry, 0 where
// there is none from the segment from on: entries before it are in the newest pages.
// first and last are what the store knows of segments.
func (s *Store) openRedo(dir string, size int, first, last, from uint64) (version uint64, err error) {
	if size == 0 {
		size = segmentBytes
	}
	l := &redoLog{s: s, dir: dir, size: size}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, fmt.Errorf("making the directory of the redo log: %w", err)
	}
	if err := l.sweep(first, last); err != nil {
		return 0, err
	}
	ended := false // a segment was not full
	for n := first; last > 0 && n <= last; n++ {
		if n < from {
			info, err := os.Stat(l.path(n))
			if err != nil {
				return 0, fmt.Errorf("looking for a segment of the redo log: %w", err)
			}
			// Who reads it looks closer.
			l.segments = append(l.segments, &segment{number: n, path: l.path(n), end: int(info.Size()), sealed: true})
			continue
		}
		sg, data, err := readSegment(l.path(n), n)
		if err != nil {
			return 0, err
		}
		l.segments = append(l.segments, sg)
		if err := sg.walk(data, version, s.counter.limit); err != nil {
			return 0, err
		}
		if ended && sg.end > segmentHead {
			return 0, fmt.Errorf("%w: %s has records, and the segment before it is not full", ErrRedoDamaged, sg.path)
		}
		version = sg.last
		if !ended {
			l.active = len(l.segments) - 1
		}
		ended = ended || !sg.sealed
	}
	if len(l.segments) > 0 && !ended {
		l.active = len(l.segments) - 1 // sealed: the next one was not made
	}
	if err := l.settle(); err != nil {
		return 0, err
	}
	s.redo = l
	return version, nil
}

// settle syncs what a killed process wrote and did not sync: it is read now, and what
// is built on it must not outlive it. It is one record, of the active segment or, where
// it is a seal, of the one before.
func (l *redoLog) settle() error {
	if len(l.segments) == 0 {
		return nil
	}
	if l.active > 0 {
		f, err := l.synced(l.segments[l.active-1])
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return fmt.Errorf("closing a segment of the redo log: %w", err)
		}
	}
	var err error
	l.file, err = l.synced(l.segments[l.active])
	return err
}

// synced opens a segment's file, and returns it when all that it has is durable.
func (l *redoLog) synced(sg *segment) (*os.File, error) {
	f, err := os.OpenFile(sg.path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("opening a segment of the redo log: %w", err)
	}
	resync := l.s.resync
	if resync == nil {
		resync = (*os.File).Sync
	}
	if err := resync(f); err != nil {
		return nil, errors.Join(fmt.Errorf("syncing a segment of the redo log: %w", err), f.Close())
	}
	return f, nil
}

// sweep removes the files of segments that have been given up, or that had not been
// made to the end.
func (l *redoLog) sweep(first, last uint64) error {
	names, err := os.ReadDir(l.dir)
	if err != nil {
		return fmt.Errorf("reading the directory of the redo log: %w", err)
	}
	for _, name := range names {
		number, ok := strings.CutSuffix(name.Name(), ".log")
		if n, err := strconv.ParseUint(number, 16, 64); ok && err == nil && n >= first && n <= last {
			continue
		}
		if err := os.Remove(filepath.Join(l.dir, name.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a file of the redo log: %w", err)
		}
	}
	return nil
}

// takes reports whether an entry fits a segment.
func (l *redoLog) takes(log []byte) bool {
	return l != nil && len(log) > 0 && segmentHead+recordSize(len(log))+recordHead <= l.size
}

// room makes sure that the active segment has room for an entry, and a seal behind
// it. Where it fails nothing has been written.
func (l *redoLog) room(size int) error {
	l.mu.Lock()
	var sg *segment
	if l.active < len(l.segments) {
		sg = l.segments[l.active]
	}
	next := l.active+1 < len(l.segments)
	l.mu.Unlock()
	if sg != nil && !sg.sealed {
		if sg.end+recordSize(size)+recordHead <= l.size {
			if sg.end > l.size/2 && !next && l.making == nil {
				l.makeAhead()
			}
			return nil
		}
	}
	if err := l.made(sg != nil && !next); err != nil {
		return err
	}
	return l.advance(sg)
}

// makeAhead makes the next segment in the background.
func (l *redoLog) makeAhead() {
	l.making = make(chan error, 1) // room, so that nobody needs to ask
	done := l.making
	l.wait.Go(func() { done <- l.make() })
}

// made returns when there is a segment to go on with. One that could not be made ahead
// is made now: the disk may have been full then, and have room again.
func (l *redoLog) made(missing bool) error {
	if l.making != nil {
		err := <-l.making
		l.making = nil
		if err != nil {
			return l.make()
		}
		return nil
	}
	l.mu.Lock()
	none := len(l.segments) == 0
	l.mu.Unlock()
	if none || missing {
		return l.make()
	}
	return nil
}

// advance goes on to the next segment; sg, nil: there was none, is sealed before.
func (l *redoLog) advance(sg *segment) error {
	if sg != nil && !sg.sealed {
		if err := l.s.writer.between(stepSeal, func() error { return l.write(sg, max(sg.last, 1), nil) }); err != nil {
			return err
		}
	}
	l.mu.Lock()
	if sg != nil {
		sg.sealed = true
		l.active++
	}
	now := l.segments[l.active]
	if sg != nil {
		now.last = sg.last
	}
	l.mu.Unlock()
	f, err := os.OpenFile(now.path, os.O_RDWR, 0)
	if err != nil {
		return l.s.writer.fail(fmt.Errorf("opening a segment of the redo log: %w", err))
	}
	old := l.file
	l.file = f
	if old != nil {
		return old.Close()
	}
	return nil
}

// append writes an entry, for which there is room, and returns when it is durable.
func (l *redoLog) append(version uint64, log []byte) error {
	l.mu.Lock()
	sg := l.segments[l.active]
	l.mu.Unlock()
	return l.write(sg, version, log)
}

func (l *redoLog) write(sg *segment, version uint64, log []byte) error {
	l.buf = sg.appendRecord(l.buf[:0], sg.end, version, log)
	if _, err := l.file.WriteAt(l.buf, int64(sg.end)); err != nil {
		return l.s.writer.fail(fmt.Errorf("writing the redo log: %w", err))
	}
	if err := datasync(l.file); err != nil {
		return l.s.writer.fail(fmt.Errorf("syncing the redo log: %w", err))
	}
	l.mu.Lock()
	sg.end += len(l.buf)
	sg.last = version
	l.mu.Unlock()
	if cap(l.buf) > maxKeptBuffer {
		l.buf = nil
	}
	return nil
}

const maxKeptBuffer = 64 << 10

// make adds a segment behind the last one. One goroutine at a time.
func (l *redoLog) make() error {
	l.mu.Lock()
	number := uint64(1)
	first := number
	if n := len(l.segments); n > 0 {
		number, first = l.segments[n-1].number+1, l.segments[0].number
	}
	l.mu.Unlock()
	sg := &segment{number: number, path: l.path(number), end: segmentHead}
	_, _ = rand.Read(sg.salt[:]) // never fails
	if err := l.s.writer.ready(); err != nil {
		return err
	}
	if err := l.s.writer.between(stepSegment, func() error { return l.fill(sg) }); err != nil {
		return err
	}
	if err := l.list(first, number); err != nil {
		return err
	}
	l.mu.Lock()
	l.segments = append(l.segments, sg)
	l.mu.Unlock()
	return nil
}

// list records which segments there are.
func (l *redoLog) list(first, last uint64) error {
	v, err := l.s.take()
	if err != nil {
		return err
	}
	return l.s.writer.alone(stepSegments, v, segmentsEntry(first, last))
}

// fill makes a segment's file, its blocks written.
func (l *redoLog) fill(sg *segment) error {
	tmp := sg.path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("making a segment of the redo log: %w", err)
	}
	part := make([]byte, min(l.size, 256<<10))
	copy(part, appendSegmentHead(nil, sg.number, sg.salt))
	for left := l.size; left > 0 && err == nil; left -= len(part) {
		_, err = f.Write(part[:min(left, len(part))])
		clear(part[:segmentHead])
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(tmp, sg.path)
	}
	if err == nil {
		err = syncDir(l.dir)
	}
	if err != nil {
		return fmt.Errorf("making a segment of the redo log: %w", err)
	}
	return nil
}

// place is the segment in which the log stands: entries to come are in it or behind
// it.
func (l *redoLog) place() uint64 {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.segments) == 0 {
		return 0
	}
	return l.segments[l.active].number
}

// trim removes the segments before a number. Store.tablesMu is held.
func (l *redoLog) trim(number uint64) error {
	l.mu.Lock()
	n := 0
	for n < l.active && l.segments[n].number < number {
		n++
	}
	gone := l.segments[:n]
	l.mu.Unlock()
	if n == 0 {
		return nil
	}
	if l.making != nil { // it lists the segments too
		if err := <-l.making; err != nil {
			l.s.log.Warn("making a segment of the redo log ahead", "error", err)
		}
		l.making = nil
	}
	l.mu.Lock()
	first, last := l.segments[n].number, l.segments[len(l.segments)-1].number
	l.mu.Unlock()
	if err := l.list(first, last); err != nil {
		return err
	}
	l.mu.Lock()
	l.segments, l.active = slices.Clone(l.segments[n:]), l.active-n
	l.mu.Unlock()
	var errs []error
	for _, sg := range gone {
		errs = append(errs, os.Remove(sg.path))
	}
	return errors.Join(errs...)
}

func (l *redoLog) close() error {
	if l == nil {
		return nil
	}
	l.wait.Wait()
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// redoReader reads entries of segment files, in order.
type redoReader struct {
	segments []segment
	base, up uint64
	data     []byte // of the first segment
	at       int    // in data; 0: it is not read yet
	log      []byte // the next entry; nil: none was read
	version  uint64 // of log
}

// read begins to read the entries above base up to a version, which lie in a
// segment or behind it.
func (l *redoLog) read(from, base, up uint64) redoReader {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := redoReader{base: base, up: up}
	for i := 0; i <= l.active && i < len(l.segments); i++ {
		if l.segments[i].number >= from {
			r.segments = append(r.segments, *l.segments[i])
		}
	}
	return r
}

// until calls fn with the entries of versions below one.
func (r *redoReader) until(version uint64, fn func(log []byte, version uint64) error) error {
	for {
		if r.log == nil {
			if more, err := r.next(); err != nil || !more {
				return err
			}
		}
		if r.version >= version || r.version > r.up {
			return nil
		}
		log := r.log
		r.log = nil
		if r.version <= r.base {
			continue
		}
		if err := fn(log, r.version); err != nil {
			return err
		}
	}
}

// next reads the next entry.
func (r *redoReader) next() (more bool, err error) {
	for len(r.segments) > 0 {
		sg := &r.segments[0]
		if r.at == 0 {
			var check *segment
			if check, r.data, err = readSegment(sg.path, sg.number); err != nil {
				return false, err
			}
			sg.salt, r.at = check.salt, segmentHead
		}
		if r.at < sg.end {
			version, log, ok := sg.record(r.data, r.at)
			if !ok {
				return false, fmt.Errorf("%w: %s has no whole record at byte %d", ErrRedoDamaged, sg.path, r.at)
			}
			r.at += recordSize(len(log))
			if len(log) > 0 {
				r.version, r.log = version, log
				return true, nil
			}
		}
		// It is read to its end, or sealed.
		r.segments, r.data, r.at = r.segments[1:], nil, 0
	}
	return false, nil
}

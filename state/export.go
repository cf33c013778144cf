package state

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// An export is a file: exportMagic and its format, four bytes; then blocks as a
// backup has them. Its first record has an empty key, and as its value what the
// caller says of it; the others have keys from the operator on.
const (
	exportMagic  = "FERRISJS"
	exportFormat = 1
)

// ErrExport is what errors.Is finds in the error of a file that is no export, or a
// damaged or unfinished one.
var ErrExport = errors.New("the file is no whole export of a job's state")

// Export writes what a snapshot has of a job: what its operators keep, positions and
// watermarks. Tokens of sinks and what waits for them, and versions of the tables, are this
// store's alone.
func (sn *Snapshot) Export(ctx context.Context, job ID, head []byte, to io.Writer) error {
	b := &backupWriter{to: bufio.NewWriterSize(to, 64<<10)}
	if _, err := b.to.Write(binary.BigEndian.AppendUint32([]byte(exportMagic), exportFormat)); err != nil {
		return fmt.Errorf("writing an export: %w", err)
	}
	err := b.put(nil, head)
	if version := sn.versions[job]; err == nil && version > 0 {
		err = sn.s.scan(version, appendID(nil, job), func(key, value []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if len(key) < prefixLen || !exported(binary.BigEndian.Uint32(key[idLen:])) {
				return nil
			}
			return b.put(key[idLen:], value)
		})
	}
	if err == nil {
		err = b.end()
	}
	if err != nil {
		return fmt.Errorf("writing an export: %w", err)
	}
	return nil
}

// exported reports whether an export has an operator's keys. Older ones have what waited
// for sinks, too, which is not read.
func exported(operator uint32) bool { return known(operator) && operator != StagedOperator }

func known(operator uint32) bool {
	return operator < MaxOperator || operator == opPositions || operator == opWatermarks
}

// ReadExport reads an export through, whose every byte it checks, and returns what
// its writer has said of it. each is called with every record, and may keep nothing
// of it; nil: nobody is.
func ReadExport(ctx context.Context, from io.Reader, each func(sp Space, key, value []byte) error) (head []byte, err error) {
	from = bufio.NewReaderSize(from, 64<<10)
	begin := make([]byte, len(exportMagic)+4)
	if _, err := io.ReadFull(from, begin); err != nil || string(begin[:len(exportMagic)]) != exportMagic {
		return nil, fmt.Errorf("reading its head: %w", ErrExport)
	}
	if f := binary.BigEndian.Uint32(begin[len(exportMagic):]); f != exportFormat {
		return nil, fmt.Errorf("it was written in format %d, this binary reads %d: %w", f, exportFormat, ErrExport)
	}
	count, at := uint64(0), int64(len(begin)) // at: where the block begins
	damaged := func(what string) error {
		return fmt.Errorf("at byte %d, after %d records, %s: %w", at, count, what, ErrExport)
	}
	var frame [8]byte
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(from, frame[:]); err != nil {
			return nil, damaged("it ends")
		}
		size, sum := binary.BigEndian.Uint32(frame[:4]), binary.BigEndian.Uint32(frame[4:])
		if size == 0 && sum == 0 {
			break
		}
		if size > backupBlock+mostRecord {
			return nil, damaged(fmt.Sprintf("a block claims %d bytes", size))
		}
		block := make([]byte, size)
		if n, err := io.ReadFull(from, block); err != nil {
			return nil, damaged(fmt.Sprintf("it ends in a block, of which it has %d of %d bytes", n, size))
		}
		if crc32.Checksum(block, castagnoli) != sum {
			return nil, damaged("a block is damaged")
		}
		at += int64(len(frame)) + int64(size)
		for len(block) > 0 {
			key, rest, ok := cutField(block)
			if !ok {
				return nil, damaged("a record is damaged")
			}
			value, rest, ok := cutField(rest)
			if !ok {
				return nil, damaged("a record is damaged")
			}
			block = rest
			if count++; count == 1 {
				if len(key) != 0 {
					return nil, damaged("a record is damaged")
				}
				head = value
				continue
			}
			if len(key) < prefixLen-idLen || !known(binary.BigEndian.Uint32(key)) {
				return nil, damaged("a record is damaged")
			}
			sp := Space{binary.BigEndian.Uint32(key), binary.BigEndian.Uint16(key[4:])}
			if each == nil || !exported(sp.Operator) {
				continue
			}
			if err := each(sp, key[6:], value); err != nil {
				return nil, err
			}
		}
	}
	var n [8]byte
	if _, err := io.ReadFull(from, n[:]); err != nil || binary.BigEndian.Uint64(n[:]) != count || count == 0 {
		return nil, damaged("its end is cut off, or counts other records")
	}
	return head, nil
}

// Import puts what an export has in the place of what the job has committed, all or
// nothing. The number of the committed epoch, and what sinks know of it, stay. The
// job must not run, and its last epoch be decided: else ErrUndecided. After an error
// the job has what it had.
func (j *Job) Import(ctx context.Context, from io.Reader) error {
	j.r.op.Lock()
	defer j.r.op.Unlock()
	s := j.s
	s.mu.Lock()
	dropped, undecided := j.r.dropped, j.r.undecided
	s.mu.Unlock()
	switch {
	case dropped:
		return fmt.Errorf("importing the state of job %s: %w", j.id, errDropped)
	case undecided:
		return fmt.Errorf("importing the state of job %s: %w", j.id, ErrUndecided)
	}
	s.undecided(j.r)
	err := j.replace(ctx, from)
	if err == nil {
		return nil
	}
	if _, rerr := s.rollback(j.id, j.r); rerr != nil {
		err = errors.Join(err, rerr)
	}
	return fmt.Errorf("importing the state of job %s: %w", j.id, err)
}

// replace deletes what there is at one version and writes what comes at the next,
// which then becomes the committed one.
func (j *Job) replace(ctx context.Context, from io.Reader) error {
	s := j.s
	gone, err := s.take()
	if err != nil {
		return err
	}
	w := pageQueue{w: &s.writer, version: gone}
	err = s.keys(math.MaxUint64, appendID(nil, j.id), func(key []byte) error {
		if err := ctx.Err(); err != nil || len(key) < prefixLen || !exported(binary.BigEndian.Uint32(key[idLen:])) {
			return err
		}
		return w.put(entry{key: append([]byte{}, key...), del: true})
	})
	if err == nil {
		err = w.flush()
	}
	if err != nil {
		return err
	}
	version, err := s.take()
	if err != nil {
		return err
	}
	w.version = version
	_, err = ReadExport(ctx, from, func(sp Space, key, value []byte) error {
		return w.put(entry{key: append(appendSpace(nil, j.id, sp), key...), value: append([]byte{}, value...)})
	})
	if err == nil {
		err = w.flush()
	}
	if err != nil {
		return err
	}
	at, err := s.take()
	if err != nil {
		return err
	}
	s.mu.Lock()
	epoch, last := j.r.epoch, j.r.last
	s.mu.Unlock()
	if err := s.writer.marks(stepUndone, at, committedEntry(j.id, epoch, version, last)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j.r.known, j.r.undecided, j.r.version = true, false, version
	s.advance()
	return nil
}

// pageQueue writes entries in parts, as they come.
type pageQueue struct {
	w       *writer
	version uint64
	entries []entry
	size    int
}

func (q *pageQueue) put(e entry) error {
	e.version = q.version
	q.entries, q.size = append(q.entries, e), q.size+e.size()
	if q.size < q.w.limit && len(q.entries) < int(q.w.db.MaxBatchCount())/4 {
		return nil
	}
	return q.flush()
}

func (q *pageQueue) flush() error {
	entries := q.entries
	q.entries, q.size = nil, 0
	return q.w.pages(entries, stepUndo)
}

// keys calls fn with the keys under a prefix as they stand at a version. fn may not
// keep them.
func (s *Store) keys(version uint64, prefix []byte, fn func(key []byte) error) error {
	return s.spaceKeys(version, prefix, func(key []byte) error { return fn(append(prefix[:len(prefix):len(prefix)], key...)) })
}

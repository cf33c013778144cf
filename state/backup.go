package state

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
)

// A backup is a file: backupMagic and its format, four bytes; blocks of records,
// each with its length and its CRC-32C before it; and at the end a block of
// length 0 and the number of records. A record is the key without its format and
// the value, each with its length; the first one's key is empty and its value the
// lowest version that the restored store may use.
const (
	backupMagic  = "FERRISBK"
	backupFormat = 3 // 1 has no log of the tables' commits, 2 has it under other keys
	oldestBackup = 1
	backupBlock  = 1 << 20
	mostRecord   = MaxKey + MaxValue + 1<<10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrBackup is what errors.Is finds in the error of a file that is no backup, or
// a damaged or unfinished one.
var ErrBackup = errors.New("the file is no whole backup")

// Backup writes all that is committed, as of one vector: the catalog, the tables
// and each job's last committed epoch. Writers go on meanwhile.
func (s *Store) Backup(ctx context.Context, to io.Writer) error {
	cut := s.cut()
	defer cut.sn.Close()
	b := &backupWriter{to: bufio.NewWriterSize(to, 64<<10)}
	head := binary.BigEndian.AppendUint32([]byte(backupMagic), backupFormat)
	if _, err := b.to.Write(head); err != nil {
		return fmt.Errorf("writing a backup: %w", err)
	}
	if err := b.all(ctx, s, cut); err != nil {
		return fmt.Errorf("writing a backup: %w", err)
	}
	return nil
}

// cut is what a backup holds: the versions that it reads, and records to go with
// them.
type cut struct {
	sn      *Snapshot
	next    uint64
	records []entry // committed and delivered, their versions to be the restored store's
}

func (s *Store) cut() *cut {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &cut{sn: &Snapshot{s: s, versions: map[ID]uint64{}}}
	s.counter.mu.Lock()
	c.next = s.counter.limit
	s.counter.mu.Unlock()
	for id, r := range s.jobs {
		if !r.known || r.dropped {
			continue
		}
		c.sn.versions[id] = r.version
		// An epoch that runs or is prepared is none of the restored store: its
		// number is passed over.
		last := r.last + 1
		if owns(id) {
			last = r.epoch
		}
		c.records = append(c.records, committedEntry(id, r.epoch, c.next, last))
		for sink, epoch := range r.delivered {
			c.records = append(c.records, entry{key: deliveredKey(id, sink), value: numbers(min(epoch, r.epoch))})
		}
	}
	s.hold(c.sn)
	return c
}

type backupWriter struct {
	to    *bufio.Writer
	block []byte
	count uint64
}

func (b *backupWriter) all(ctx context.Context, s *Store, c *cut) error {
	if err := b.put(nil, numbers(c.next)); err != nil {
		return err
	}
	redo := appendSpace(nil, TablesID, Space{Operator: opRedo})[:prefixLen-2]
	for id, version := range c.sn.versions {
		if version == 0 {
			continue
		}
		err := s.scan(version, appendID(nil, id), func(key, value []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if bytes.HasPrefix(key, redo) {
				return nil
			}
			return b.put(key[1:], value)
		})
		if err != nil {
			return err
		}
	}
	if c.sn.versions[TablesID] > 0 {
		if err := b.redo(ctx, s, c.sn); err != nil {
			return err
		}
	}
	for _, e := range c.records {
		if err := b.put(e.key[1:], e.value); err != nil {
			return err
		}
	}
	return b.end()
}

// end writes what follows the last record.
func (b *backupWriter) end() error {
	if err := b.flush(); err != nil {
		return err
	}
	if _, err := b.to.Write(binary.BigEndian.AppendUint64(make([]byte, 8), b.count)); err != nil {
		return err
	}
	return b.to.Flush()
}

// redo writes the redo log as a store has it that has no segments.
func (b *backupWriter) redo(ctx context.Context, s *Store, sn *Snapshot) error {
	base, _, err := s.redoAt(sn.versions[TablesID])
	if err != nil {
		return err
	}
	mark := redoMarkEntry(base, 0)
	if err := b.put(mark.key[1:], mark.value); err != nil {
		return err
	}
	slots := uint64(0)
	return sn.Log(func(log []byte, version uint64) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, e := range slotsOf(slots, version, log) {
			if err := b.put(e.key[1:], e.value); err != nil {
				return err
			}
			slots++
		}
		return nil
	})
}

func (b *backupWriter) put(key, value []byte) error {
	b.count++
	b.block = append(binary.AppendUvarint(b.block, uint64(len(key))), key...)
	b.block = append(binary.AppendUvarint(b.block, uint64(len(value))), value...)
	if len(b.block) < backupBlock {
		return nil
	}
	return b.flush()
}

func (b *backupWriter) flush() error {
	if len(b.block) == 0 {
		return nil
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(len(b.block)))
	head = binary.BigEndian.AppendUint32(head, crc32.Checksum(b.block, castagnoli))
	if _, err := b.to.Write(head); err != nil {
		return err
	}
	_, err := b.to.Write(b.block)
	b.block = b.block[:0]
	return err
}

// Restore makes a data directory of a backup. The directory must not be there, or
// be empty. Where it fails, what it has written is removed; a directory that a
// crash left half restored is refused by Open.
func Restore(ctx context.Context, dir string, from io.Reader) (err error) {
	names, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("restoring a backup: %w", err)
	}
	// A restore that failed has left its lock there.
	if slices.ContainsFunc(names, func(e os.DirEntry) bool { return e.Name() != lockFile }) {
		return fmt.Errorf("restoring a backup: directory %s is not empty; remove it, or name another one", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("restoring a backup: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("restoring a backup into %s: %w", dir, err), os.RemoveAll(filepath.Join(dir, storeDir)))
		}
		err = errors.Join(err, lock.release())
	}()
	s := &Store{log: slog.New(slog.DiscardHandler)}
	db, err := s.openBadger(Options{Dir: dir})
	if err != nil {
		return err
	}
	s.writer = writer{db: db, fault: func(step) error { return nil }, limit: chunkBytes(db), dir: dir, free: freeSpace,
		logs: logSyncer{dir: filepath.Join(dir, storeDir), file: (*os.File).Sync}}
	err = readBackup(ctx, bufio.NewReaderSize(from, 64<<10), &s.writer)
	if err = errors.Join(err, s.writer.logs.close(), db.Close()); err != nil {
		return err
	}
	return writeFormat(dir) // last: without it nobody opens the directory
}

// readBackup writes a backup's records.
func readBackup(ctx context.Context, from io.Reader, w *writer) error {
	head := make([]byte, len(backupMagic)+4)
	if _, err := io.ReadFull(from, head); err != nil || string(head[:len(backupMagic)]) != backupMagic {
		return fmt.Errorf("reading its head: %w", ErrBackup)
	}
	if f := binary.BigEndian.Uint32(head[len(backupMagic):]); f < oldestBackup || f > backupFormat {
		return fmt.Errorf("it was written in format %d, this binary reads %d to %d: %w", f, oldestBackup, backupFormat, ErrBackup)
	}
	r := &backupReader{w: w}
	var frame [8]byte
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.ReadFull(from, frame[:]); err != nil {
			return fmt.Errorf("it ends after %d records: %w", r.count, ErrBackup)
		}
		size, sum := binary.BigEndian.Uint32(frame[:4]), binary.BigEndian.Uint32(frame[4:])
		if size == 0 {
			return r.end(from)
		}
		if size > backupBlock+mostRecord {
			return fmt.Errorf("a block claims %d bytes: %w", size, ErrBackup)
		}
		block := make([]byte, size)
		if _, err := io.ReadFull(from, block); err != nil || crc32.Checksum(block, castagnoli) != sum {
			return fmt.Errorf("a block after %d records is damaged: %w", r.count, ErrBackup)
		}
		if err := r.records(block); err != nil {
			return err
		}
	}
}

type backupReader struct {
	w       *writer
	version uint64
	count   uint64
}

// end checks that all is there and writes the counter.
func (r *backupReader) end(from io.Reader) error {
	var count [8]byte
	if _, err := io.ReadFull(from, count[:]); err != nil || binary.BigEndian.Uint64(count[:]) != r.count || r.count == 0 {
		return fmt.Errorf("it says that it has other than its %d records: %w", r.count, ErrBackup)
	}
	err := r.w.meta([]entry{
		{key: metaKey(kindCounter, nil), value: numbers(r.version + 1)},
		{key: metaKey(kindFloor, nil), value: numbers(r.version)},
	}, r.version)
	if err != nil {
		return err
	}
	return r.w.sync()
}

func (r *backupReader) records(block []byte) error {
	var entries []entry
	for len(block) > 0 {
		key, rest, ok := cutField(block)
		if !ok {
			return ErrBackup
		}
		value, rest, ok := cutField(rest)
		if !ok {
			return ErrBackup
		}
		block = rest
		r.count++
		if r.count == 1 {
			if len(key) != 0 || readNumbers(value, &r.version) != nil || r.version == 0 {
				return ErrBackup
			}
			continue
		}
		entries = append(entries, entry{key: append([]byte{keyFormat}, key...), value: value, version: r.version})
	}
	for len(entries) > 0 {
		n, size := 0, 0
		for n < len(entries) && (n == 0 || size+entries[n].size() <= r.w.limit) && n < int(r.w.db.MaxBatchCount())/2 {
			size += entries[n].size()
			n++
		}
		if err := r.w.put(entries[:n]); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

func cutField(b []byte) (field, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, false
	}
	return b[w : w+int(n)], b[w+int(n):], true
}

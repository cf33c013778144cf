package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
)

// A segment is a file of the redo log of a fixed size, whose blocks are all there
// before its first record, so that a record costs one write and one sync that
// touches nothing else. It begins with a head: magic, its number, its salt, and the
// CRC-32C of these, padded. Records follow, each at a multiple of 8: the CRC-32C of
// all else that is its own, of the salt and of its place; the entry's length; its
// version; the entry. One of length 0 seals the segment: what follows is in the
// next one.
//
// Records are written one at a time, each synced before the next begins, so only
// the very last one can be torn. Behind it nothing can have its right sum: what
// lies there are zeros, or what was torn before, and the salt is known to nobody
// who could have written a record into a row.
const (
	segmentMagic = "FERRISRL"
	segmentHead  = 32
	recordHead   = 16
	recordAlign  = 8
	segmentBytes = 4 << 20
)

// ErrRedoDamaged is what errors.Is finds in the error of a redo log that has lost
// what was committed.
var ErrRedoDamaged = errors.New("the redo log of the tables is damaged")

// segment is a file of the log. redoLog.mu guards end and sealed of those that are
// written.
type segment struct {
	number uint64
	salt   [8]byte
	path   string
	end    int // behind its last record
	last   uint64
	sealed bool
}

func appendSegmentHead(dst []byte, number uint64, salt [8]byte) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, segmentMagic...), number)
	dst = append(dst, salt[:]...)
	dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst, castagnoli))
	return append(dst, 0, 0, 0, 0)
}

// readSegment reads a segment's file, whole, and checks its head.
func readSegment(path string, number uint64) (*segment, []byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading a segment of the redo log: %w", err)
	}
	if len(data) < segmentHead {
		return nil, nil, fmt.Errorf("%w: %s has %d bytes", ErrRedoDamaged, path, len(data))
	}
	s := &segment{number: number, path: path, end: segmentHead}
	copy(s.salt[:], data[16:])
	if want := appendSegmentHead(nil, number, s.salt); !bytes.Equal(data[:segmentHead], want) {
		return nil, nil, fmt.Errorf("%w: %s does not begin as segment %d does", ErrRedoDamaged, path, number)
	}
	return s, data, nil
}

// sum is a record's. at is its place; head what follows the sum, of 12 bytes.
func (s *segment) sum(at int, head, entry []byte) uint32 {
	var b [8 + 8 + recordHead - 4]byte
	copy(b[:], s.salt[:])
	binary.BigEndian.PutUint64(b[8:], uint64(at))
	copy(b[16:], head)
	return crc32.Update(crc32.Checksum(b[:], castagnoli), castagnoli, entry)
}

// appendRecord appends a record that is to lie at a place, padded.
func (s *segment) appendRecord(dst []byte, at int, version uint64, entry []byte) []byte {
	from := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(entry)))
	dst = binary.BigEndian.AppendUint64(dst, version)
	dst = append(dst, entry...)
	binary.BigEndian.PutUint32(dst[from:], s.sum(at, dst[from+4:from+recordHead], entry))
	for (len(dst)-from)%recordAlign != 0 {
		dst = append(dst, 0)
	}
	return dst
}

// recordSize is what a record of an entry takes.
func recordSize(entry int) int {
	return (recordHead + entry + recordAlign - 1) / recordAlign * recordAlign
}

// record reads the record at a place; false: there is none that is whole.
func (s *segment) record(data []byte, at int) (version uint64, entry []byte, ok bool) {
	if at+recordHead > len(data) {
		return 0, nil, false
	}
	head := data[at : at+recordHead]
	n := binary.BigEndian.Uint32(head[4:])
	if uint64(n) > uint64(len(data)-at-recordHead) {
		return 0, nil, false
	}
	version = binary.BigEndian.Uint64(head[8:])
	if version == 0 {
		return 0, nil, false
	}
	entry = data[at+recordHead : at+recordHead+int(n)]
	return version, entry, binary.BigEndian.Uint32(head) == s.sum(at, head[4:], entry)
}

// walk finds the segment's end. Versions of its records ascend from above after to
// below limit. What has its right sum behind a record that has not was committed, and the
// record before it too: then the segment is damaged.
func (s *segment) walk(data []byte, after, limit uint64) error {
	s.last = after
	for !s.sealed {
		version, entry, ok := s.record(data, s.end)
		switch {
		case !ok:
			return s.tail(data)
		case len(entry) == 0:
			s.sealed = true
		case version <= s.last || version >= limit:
			return fmt.Errorf("%w: %s has version %d at byte %d, behind version %d", ErrRedoDamaged, s.path, version, s.end, s.last)
		default:
			s.last = version
		}
		s.end += recordSize(len(entry))
	}
	return nil
}

func (s *segment) tail(data []byte) error {
	for at := s.end + recordAlign; at+recordHead <= len(data); at += recordAlign {
		if version, _, ok := s.record(data, at); ok && version >= s.last {
			return fmt.Errorf("%w: %s has no whole record at byte %d, and one of version %d at byte %d", ErrRedoDamaged, s.path, s.end, version, at)
		}
	}
	return nil
}

package database

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// binlogAt is a position in a server's binlog: between two transactions.
type binlogAt struct {
	snapshot bool // reading the table is under way
	// Where a server numbers transactions, those that have come, as it writes them. They
	// hold on whichever server has them.
	gtids string
	// Where it does not, the server's uuid, and the place in a file of its.
	byFile bool
	server string
	file   string
	pos    uint64
}

// binlogFormat begins a position in a binlog; position's begins with 1, changesAt's
// with 2.
const binlogFormat = 3

func (at binlogAt) encode() stream.Offset {
	b := []byte{binlogFormat, 0}
	if at.snapshot {
		b[1] |= 1
	}
	if at.byFile {
		b[1] |= 2
	}
	for _, s := range []string{at.gtids, at.server, at.file} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return binary.AppendUvarint(b, at.pos)
}

// String is the position as a message has it.
func (at binlogAt) String() string {
	if at.byFile {
		return fmt.Sprintf("%s:%d", at.file, at.pos)
	}
	return fmt.Sprintf("GTID %q", at.gtids)
}

func (s *source) decodeBinlog(o stream.Offset) (binlogAt, error) {
	bad := sqlerr.Errorf(sqlerr.DataCorrupted, "the position kept for %s is not one of how %q is read", s.config.what(), s.rel.Name).
		WithHint("Its cdc was changed: DROP the job and create it again.")
	if len(o) < 2 || o[0] != binlogFormat || o[1] > 3 {
		return binlogAt{}, bad
	}
	at := binlogAt{snapshot: o[1]&1 != 0, byFile: o[1]&2 != 0}
	b := []byte(o[2:])
	for _, to := range []*string{&at.gtids, &at.server, &at.file} {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return binlogAt{}, bad
		}
		*to, b = string(b[size:size+int(n)]), b[size+int(n):]
	}
	pos, size := binary.Uvarint(b)
	if size <= 0 || size != len(b) {
		return binlogAt{}, bad
	}
	at.pos = pos
	return at, nil
}

// gtidDomains are MariaDB's GTIDs that a reader has come to: of each domain the last.
type gtidDomains map[uint32]mariaGTID

// mariaGTID is a transaction's number within a domain, and the server that gave it.
type mariaGTID struct {
	server   uint32
	sequence uint64
}

// parseDomains reads 0-1-100,1-2-5.
func parseDomains(s string) (gtidDomains, error) {
	all := gtidDomains{}
	for _, one := range list(s) {
		parts := strings.Split(one, "-")
		if len(parts) != 3 {
			return nil, sqlerr.Errorf(sqlerr.ProtocolViolation, "%q is no GTID of MariaDB's", one)
		}
		domain, err1 := strconv.ParseUint(parts[0], 10, 32)
		server, err2 := strconv.ParseUint(parts[1], 10, 32)
		sequence, err3 := strconv.ParseUint(parts[2], 10, 64)
		if err := cmp.Or(err1, err2, err3); err != nil {
			return nil, sqlerr.Errorf(sqlerr.ProtocolViolation, "%q is no GTID of MariaDB's", one)
		}
		all[uint32(domain)] = mariaGTID{uint32(server), sequence}
	}
	return all, nil
}

// String is the set as the server writes it, domains ascending.
func (d gtidDomains) String() string {
	var parts []string
	for _, domain := range slices.Sorted(maps.Keys(d)) {
		parts = append(parts, fmt.Sprintf("%d-%d-%d", domain, d[domain].server, d[domain].sequence))
	}
	return strings.Join(parts, ",")
}

// within reports whether another set has come as far in each domain.
func (d gtidDomains) within(other gtidDomains) bool {
	for domain, at := range d {
		if other[domain].sequence < at.sequence {
			return false
		}
	}
	return true
}

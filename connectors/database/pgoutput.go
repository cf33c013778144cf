package database

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// lsn is a place in a server's log of changes.
type lsn uint64

// String is a place as the server writes it.
func (l lsn) String() string { return fmt.Sprintf("%X/%X", uint32(l>>32), uint32(l)) }

func parseLSN(s string) (lsn, error) {
	var high, low uint32
	if _, err := fmt.Sscanf(s, "%X/%X", &high, &low); err != nil {
		return 0, sqlerr.Errorf(sqlerr.ProtocolViolation, "the server says %q where a place in its log is due", s)
	}
	return lsn(high)<<32 | lsn(low), nil
}

// outRelation is what pgoutput says of a table before its changes, and again when it
// has been altered.
type outRelation struct {
	id           uint32
	schema, name string
	identity     byte // d, n, f, i
	columns      []outColumn
}

type outColumn struct {
	key  bool // of the replica identity
	name string
	typ  types.OID
}

// outChange is one change of a row.
type outChange struct {
	relation uint32
	rowChange
}

// outReader reads pgoutput's messages, version 1 of its protocol. What it gives is
// good until the next call.
type outReader struct {
	b    []byte
	bad  bool
	old  []logValue
	row  []logValue
	drop []uint32
}

func errOutput() error {
	return sqlerr.Errorf(sqlerr.ProtocolViolation, "the server sends what is no message of pgoutput")
}

func (r *outReader) byte() byte {
	if len(r.b) < 1 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *outReader) uint16() uint16 {
	if len(r.b) < 2 {
		r.bad = true
		return 0
	}
	v := binary.BigEndian.Uint16(r.b)
	r.b = r.b[2:]
	return v
}

func (r *outReader) uint32() uint32 {
	if len(r.b) < 4 {
		r.bad = true
		return 0
	}
	v := binary.BigEndian.Uint32(r.b)
	r.b = r.b[4:]
	return v
}

func (r *outReader) uint64() uint64 {
	return uint64(r.uint32())<<32 | uint64(r.uint32())
}

func (r *outReader) text() string {
	i := bytes.IndexByte(r.b, 0)
	if i < 0 {
		r.bad = true
		return ""
	}
	s := string(r.b[:i])
	r.b = r.b[i+1:]
	return s
}

// err is that of a message that did not hold what it should have.
func (r *outReader) err() error {
	if r.bad {
		return errOutput()
	}
	return nil
}

// relation reads a message R.
func (r *outReader) relation(b []byte) (*outRelation, error) {
	r.b, r.bad = b, false
	rel := &outRelation{id: r.uint32(), schema: r.text(), name: r.text(), identity: r.byte()}
	if rel.schema == "" {
		rel.schema = "pg_catalog"
	}
	for range r.uint16() {
		c := outColumn{key: r.byte()&1 != 0, name: r.text(), typ: types.OID(r.uint32())}
		r.uint32() // the type's modifier
		if r.bad {
			break
		}
		rel.columns = append(rel.columns, c)
	}
	return rel, r.err()
}

// tuple reads the columns of a row.
func (r *outReader) tuple(dst []logValue) []logValue {
	dst = dst[:0]
	for range r.uint16() {
		v := logValue{kind: r.byte()}
		switch v.kind {
		case 'n', 'u':
		case 't':
			n := int(r.uint32())
			if n < 0 || n > len(r.b) {
				r.bad = true
				return dst
			}
			v.text, r.b = r.b[:n:n], r.b[n:]
		default:
			r.bad = true
			return dst
		}
		dst = append(dst, v)
	}
	return dst
}

// change reads a message I, U or D.
func (r *outReader) change(op byte, b []byte) (outChange, error) {
	r.b, r.bad = b, false
	c := outChange{relation: r.uint32(), rowChange: rowChange{op: op}}
	kind := r.byte()
	if kind == 'K' || kind == 'O' {
		r.old = r.tuple(r.old)
		c.old, c.whole = r.old, kind == 'O'
		if op == 'D' {
			return c, r.err()
		}
		kind = r.byte()
	}
	if kind != 'N' || op == 'D' {
		return c, errOutput()
	}
	r.row = r.tuple(r.row)
	c.row = r.row
	return c, r.err()
}

// truncate reads a message T: the tables that were emptied.
func (r *outReader) truncate(b []byte) ([]uint32, error) {
	r.b, r.bad = b, false
	n := r.uint32()
	r.byte() // CASCADE, RESTART IDENTITY
	r.drop = r.drop[:0]
	for range n {
		id := r.uint32()
		if r.bad {
			break
		}
		r.drop = append(r.drop, id)
	}
	return r.drop, r.err()
}

// commit reads a message C: where the transaction ends.
func (r *outReader) commit(b []byte) (lsn, error) {
	r.b, r.bad = b, false
	r.byte()
	r.uint64() // where the commit's own record begins
	end := lsn(r.uint64())
	return end, r.err()
}

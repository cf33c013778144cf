package database

import (
	"encoding/binary"
	"testing"
)

// message builds one of pgoutput's.
type message []byte

func (m message) u8(v byte) message    { return append(m, v) }
func (m message) u16(v uint16) message { return binary.BigEndian.AppendUint16(m, v) }
func (m message) u32(v uint32) message { return binary.BigEndian.AppendUint32(m, v) }
func (m message) u64(v uint64) message { return binary.BigEndian.AppendUint64(m, v) }
func (m message) str(s string) message { return append(append(m, s...), 0) }
func (m message) text(s string) message {
	return append(m.u8('t').u32(uint32(len(s))), s...)
}

func relationMessage() message {
	return message{}.u32(7).str("public").str("t").u8('d').u16(2).u8(1).str("id").u32(20).u32(0xffffffff).u8(0).str("v").u32(25).u32(0xffffffff)
}

// TestOutput reads one message of each kind.
func TestOutput(t *testing.T) {
	var r outReader
	rel, err := r.relation(relationMessage())
	if err != nil || rel.id != 7 || rel.schema != "public" || rel.name != "t" || rel.identity != 'd' || len(rel.columns) != 2 || !rel.columns[0].key || rel.columns[1].key || rel.columns[1].typ != 25 {
		t.Fatalf("%+v, %v", rel, err)
	}
	c, err := r.change('U', message{}.u32(7).u8('K').u16(2).text("1").u8('n').u8('N').u16(2).text("2").u8('u'))
	if err != nil || c.whole || string(c.old[0].text) != "1" || c.old[1].kind != 'n' || string(c.row[0].text) != "2" || c.row[1].kind != 'u' {
		t.Errorf("an update is %+v, %v", c, err)
	}
	c, err = r.change('D', message{}.u32(7).u8('O').u16(1).text("x"))
	if err != nil || !c.whole || c.row != nil || string(c.old[0].text) != "x" {
		t.Errorf("a delete is %+v, %v", c, err)
	}
	c, err = r.change('I', message{}.u32(7).u8('N').u16(1).text(""))
	if err != nil || c.old != nil || len(c.row) != 1 || c.row[0].kind != 't' {
		t.Errorf("an insert is %+v, %v", c, err)
	}
	ids, err := r.truncate(message{}.u32(2).u8(0).u32(7).u32(8))
	if err != nil || len(ids) != 2 || ids[1] != 8 {
		t.Errorf("a truncate is %v, %v", ids, err)
	}
	end, err := r.commit(message{}.u8(0).u64(5).u64(1<<32 | 9).u64(0))
	if err != nil || end.String() != "1/9" {
		t.Errorf("a commit is %v, %v", end, err)
	}
	if l, err := parseLSN("16/B374D848"); err != nil || l.String() != "16/B374D848" {
		t.Errorf("a place is %v, %v", l, err)
	}
}

// TestOutputCut: a message that ends anywhere before its end is an error.
func TestOutputCut(t *testing.T) {
	var r outReader
	for n := range relationMessage() {
		if _, err := r.relation(relationMessage()[:n]); err == nil {
			t.Errorf("%d bytes of a relation are taken", n)
		}
	}
	update := message{}.u32(7).u8('O').u16(2).text("1").u8('n').u8('N').u16(1).text("22")
	for n := range update {
		if _, err := r.change('U', update[:n]); err == nil {
			t.Errorf("%d bytes of an update are taken", n)
		}
	}
	for _, bad := range []message{message{}.u32(7).u8('X'), message{}.u32(7).u8('N').u16(1).u8('q'), message{}.u32(7).u8('N').u16(1).u8('t').u32(1 << 31)} {
		if _, err := r.change('I', bad); err == nil {
			t.Errorf("%x is taken", bad)
		}
	}
}

// FuzzOutput: no message makes the reader fail otherwise than by an error.
func FuzzOutput(f *testing.F) {
	f.Add(byte('R'), []byte(relationMessage()))
	f.Add(byte('U'), []byte(message{}.u32(7).u8('K').u16(1).text("1").u8('N').u16(1).text("2")))
	f.Add(byte('T'), []byte(message{}.u32(1).u8(0).u32(7)))
	f.Fuzz(func(_ *testing.T, kind byte, b []byte) {
		var r outReader
		switch kind {
		case 'R':
			_, _ = r.relation(b)
		case 'T':
			_, _ = r.truncate(b)
		case 'C':
			_, _ = r.commit(b)
		default:
			_, _ = r.change(kind, b)
		}
	})
}

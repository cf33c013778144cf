package csv

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

const microsPerDay = 24 * 60 * 60 * 1000000

// calendar reads dates. Records that follow one another are mostly of one day, so it
// keeps the last.
type calendar struct {
	head uint64
	day  uint16
	days int32
}

// date reads YYYY-MM-DD, which s begins with: days since 2000-01-01.
func (c *calendar) date(s []byte) (int32, bool) {
	head, day := binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint16(s[8:])
	if head == c.head && day == c.day && head != 0 {
		return c.days, true
	}
	days, ok := isoDate(head, day)
	if ok {
		*c = calendar{head, day, days}
	}
	return days, ok
}

// isoDate is the date whose bytes are the words'.
func isoDate(head uint64, day uint16) (int32, bool) {
	const dashes = 0xff<<32 | 0xff<<56
	if head&dashes != '-'<<32|'-'<<56 {
		return 0, false
	}
	t := head&^dashes ^ 0x0030300030303030
	day ^= 0x3030
	if (t+0x76*lowBits|t)&highBits != 0 || (uint64(day)+0x7676|uint64(day))&0x8080 != 0 {
		return 0, false
	}
	y := t&0xf*1000 + t>>8&0xf*100 + t>>16&0xf*10 + t>>24&0xf
	m := t>>40&0xf*10 + t>>48&0xf
	return types.CivilDays(int(y), int(m), int(day&0xf*10+day>>8))
}

// timestamp reads YYYY-MM-DD hh:mm:ss, and a fraction of up to six digits:
// microseconds since 2000-01-01.
func (c *calendar) timestamp(s []byte) (int64, bool) {
	if len(s) < 19 || len(s) > 26 || s[10] != ' ' && s[10] != 'T' {
		return 0, false
	}
	day, ok := c.date(s)
	if !ok {
		return 0, false
	}
	const colons = 0x0000ff0000ff0000
	w := binary.LittleEndian.Uint64(s[11:])
	t := w&^uint64(colons) ^ 0x3030003030003030
	if w&colons != 0x00003a00003a0000 || (t+0x76*lowBits|t)&highBits != 0 {
		return 0, false
	}
	h, m, sec := t&0xf*10+t>>8&0xf, t>>24&0xf*10+t>>32&0xf, t>>48&0xf*10+t>>56
	if h > 23 || m > 59 || sec > 59 {
		return 0, false
	}
	micros := int64(day)*microsPerDay + int64(h*3600+m*60+sec)*1000000
	if len(s) == 19 {
		return micros, true
	}
	if len(s) == 20 || s[19] != '.' {
		return 0, false
	}
	fraction, ok := digits(s, 20, len(s))
	if !ok {
		return 0, false
	}
	return micros + fraction*pow10[26-len(s)], true
}

// timestamptz reads a timestamp that says it is in UTC.
func (c *calendar) timestamptz(s []byte) (int64, bool) {
	switch n := len(s); {
	case n >= 20 && s[n-1] == 'Z':
		return c.timestamp(s[:n-1])
	case n >= 22 && string(s[n-3:]) == "+00":
		return c.timestamp(s[:n-3])
	}
	return 0, false
}

// clock is how the timestamps of a column lie that follow one another: they are of one
// day, and what follows that, and their zone, are written alike.
type clock struct {
	head       uint64 // YYYY-MM-
	day        uint32 // DD, and T or a blank
	zone       uint32 // its bytes
	zoneLength uint64 // how many
	zoneMask   uint32 // of so many bytes
	micros     int64  // of the day's beginning
}

// set takes it from a timestamp that has been read, of a kind, and its day.
func (k *clock) set(s []byte, of kind, days int32) {
	k.zoneLength, k.zone, k.zoneMask = 0, 0, 0
	switch {
	case of == kindTimestamp:
	case s[len(s)-1] == 'Z':
		k.zoneLength, k.zone, k.zoneMask = 1, 'Z', 0xff
	default:
		k.zoneLength, k.zone, k.zoneMask = 3, '+'|'0'<<8|'0'<<16, 0xffffff
	}
	k.head = binary.LittleEndian.Uint64(s)
	k.day = binary.LittleEndian.Uint32(s[8:]) & 0xffffff
	k.micros = int64(days) * microsPerDay
}

package json

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

const (
	microsPerDay    = 24 * 60 * 60 * 1000000
	microsPerMinute = 60 * 1000000
)

// dayCache keeps the last date read: the dates of a stream repeat.
type dayCache struct {
	head uint64 // YYYY-MM-
	tail uint16 // DD
	days int32
}

// read reads the ten bytes YYYY-MM-DD at i, which b must have: days since
// 2000-01-01.
func (c *dayCache) read(b []byte, i int) (int32, bool) {
	head, tail := load(b, i), binary.LittleEndian.Uint16(b[i+8:])
	if head == c.head && tail == c.tail {
		return c.days, true
	}
	const dashes = 0x2d<<32 | 0x2d<<56
	if head&(0xff<<32|0xff<<56) != dashes {
		return 0, false
	}
	num := func(from, n int) int {
		v := 0
		for _, d := range b[i+from : i+from+n] {
			if d -= '0'; d > 9 {
				return -1 << 20
			}
			v = v*10 + int(d)
		}
		return v
	}
	days, ok := types.CivilDays(num(0, 4), num(5, 2), num(8, 2))
	if ok {
		c.head, c.tail, c.days = head, tail, days
	}
	return days, ok
}

// timestamp reads YYYY-MM-DDThh:mm:ss, a fraction of up to six digits, and Z or
// an offset of hours and minutes, through the closing quote. Without a zone it
// is UTC. A timestamp without time zone ignores the offset, as PostgreSQL does.
func (f *field) timestamp(b []byte, i int) (int64, int) {
	if i+28 > len(b) || b[i+10] != 'T' && b[i+10] != ' ' {
		return 0, -1
	}
	day, ok := f.day.read(b, i)
	if !ok {
		return 0, -1
	}
	w := load(b, i+11) // hh:mm:ss
	if w&0x0000ff0000ff0000 != 0x00003a00003a0000 {
		return 0, -1
	}
	t := w&^0x0000ff0000ff0000 ^ 0x3030003030003030
	if ((t+0x76*lowBits)|t)&highBits != 0 {
		return 0, -1
	}
	h := t&0xf*10 + t>>8&0xf
	m := t>>24&0xf*10 + t>>32&0xf
	s := t>>48&0xf*10 + t>>56
	if h > 23 || m > 59 || s > 59 {
		return 0, -1
	}
	micros := int64(day)*microsPerDay + int64(h*3600+m*60+s)*1000000
	i += 19
	if b[i] == '.' {
		if i+9 > len(b) {
			return 0, -1
		}
		v, n := digits(load(b, i+1))
		if n == 0 || n > 6 {
			return 0, -1
		}
		micros += int64(v) * pow10[6-n]
		i += n + 1
	}
	if i+8 > len(b) {
		if i+2 <= len(b) && b[i] == 'Z' && b[i+1] == '"' {
			return micros, i + 2
		}
		return 0, -1
	}
	switch b[i] {
	case 'Z':
		i++
	case '+', '-':
		z := b[i+1 : i+6]
		if z[2] != ':' || z[0]-'0' > 1 || z[1]-'0' > 9 || z[3]-'0' > 5 || z[4]-'0' > 9 {
			return 0, -1
		}
		off := int64(z[0]-'0')*600 + int64(z[1]-'0')*60 + int64(z[3]-'0')*10 + int64(z[4]-'0')
		if off > 15*60+59 {
			return 0, -1
		}
		if b[i] == '+' {
			off = -off
		}
		if f.kind == kindTimestamptz {
			micros += off * microsPerMinute
		}
		i += 6
	}
	if b[i] != '"' {
		return 0, -1
	}
	return micros, i + 1
}

// millis turns milliseconds since 1970, a fraction included, into a timestamp.
func millis(s []byte) (int64, bool) {
	d, err := types.ParseDecimalBytes(s)
	if err != nil {
		return 0, false
	}
	if d, err = d.Mul(types.DecimalFromInt64(1000)); err != nil {
		return 0, false
	}
	n, err := d.Int64()
	if err != nil || n > maxMillis*1000 || n < -maxMillis*1000 {
		return 0, false
	}
	return n + types.UnixEpoch, true
}

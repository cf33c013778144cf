package types

import (
	"testing"
	"time"
)

// hotPaths are what runs once a value: each must not allocate.
var hotPaths = []struct {
	name string
	run  func(dst []byte, f *Format) []byte
}{
	{"parse int8", func(dst []byte, _ *Format) []byte { _, _ = ParseInt64Bytes([]byte("1234567890")); return dst }},
	{"parse int4 spaced", func(dst []byte, _ *Format) []byte { _, _ = ParseInt32Bytes([]byte(" 123456 ")); return dst }},
	{"append int8", func(dst []byte, _ *Format) []byte { return AppendInt(dst, 1234567890) }},
	{"parse numeric", func(dst []byte, _ *Format) []byte { _, _ = ParseDecimalBytes([]byte("12345.6789")); return dst }},
	{"append numeric", func(dst []byte, _ *Format) []byte { return NewDecimal(123456789, 4).Append(dst) }},
	{"append wide numeric", func(dst []byte, _ *Format) []byte { return NewDecimal128(1<<40, 12345, 10).Append(dst) }},
	{"add numeric", func(dst []byte, _ *Format) []byte { _, _ = NewDecimal(12345, 2).Add(NewDecimal(678, 3)); return dst }},
	{"mul numeric", func(dst []byte, _ *Format) []byte { _, _ = NewDecimal(12345, 2).Mul(NewDecimal(678, 3)); return dst }},
	{"div numeric", func(dst []byte, _ *Format) []byte { _, _ = NewDecimal(12345, 2).Div(NewDecimal(678, 3)); return dst }},
	{"round numeric", func(dst []byte, _ *Format) []byte { _, _ = NewDecimal(123456, 4).Round(2); return dst }},
	{"compare numeric", func(dst []byte, _ *Format) []byte { NewDecimal(123, 1).Compare(NewDecimal(124, 2)); return dst }},
	{"hash numeric", func(dst []byte, _ *Format) []byte { NewDecimal(1230, 2).Hash(); return dst }},
	{"numeric to binary", func(dst []byte, _ *Format) []byte { return AppendDecimalBinary(dst, NewDecimal(123456789, 4)) }},
	{"parse timestamptz rfc3339", func(dst []byte, f *Format) []byte {
		_, _ = ParseTimestamptzBytes([]byte("2024-05-06T07:08:09.123456Z"), f)
		return dst
	}},
	{"parse timestamptz local", func(dst []byte, f *Format) []byte {
		_, _ = ParseTimestamptzBytes([]byte("2024-05-06 07:08:09.123"), f)
		return dst
	}},
	{"parse timestamp", func(dst []byte, f *Format) []byte {
		_, _ = ParseTimestampBytes([]byte("2024-05-06 07:08:09"), f)
		return dst
	}},
	{"append timestamp", func(dst []byte, f *Format) []byte { return AppendTimestamp(dst, 768294489123456, f) }},
	{"append timestamptz", func(dst []byte, f *Format) []byte { return AppendTimestamptz(dst, 768294489123456, f) }},
	{"parse date", func(dst []byte, f *Format) []byte { _, _ = ParseDateBytes([]byte("2024-05-06"), f); return dst }},
	{"append date", func(dst []byte, f *Format) []byte { return AppendDate(dst, 8892, f) }},
	{"append time", func(dst []byte, f *Format) []byte { return AppendTime(dst, 25689123456) }},
	{"append interval", func(dst []byte, f *Format) []byte { return AppendInterval(dst, IntervalValue{5, 3, 14}, f) }},
	{"parse float8", func(dst []byte, _ *Format) []byte { _, _ = ParseFloat64Bytes([]byte("1234.5678")); return dst }},
	{"append float8", func(dst []byte, _ *Format) []byte { return AppendFloat64(dst, 1234.5678, 1) }},
	{"parse bool", func(dst []byte, _ *Format) []byte { _, _ = ParseBoolBytes([]byte("true")); return dst }},
	{"append uuid", func(dst []byte, _ *Format) []byte { return AppendUUID(dst, UUIDValue{1, 2, 3}) }},
	{"parse uuid", func(dst []byte, _ *Format) []byte {
		_, _ = ParseUUIDBytes([]byte("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"))
		return dst
	}},
	{"append bytea", func(dst []byte, f *Format) []byte { return AppendBytea(dst, []byte("abc"), f) }},
	{"canonical json", func(dst []byte, _ *Format) []byte {
		dst, _ = AppendCanonicalJSON(dst, benchJSON)
		return dst
	}},
}

var benchJSON = []byte(`{"id":17,"name":"x y","tags":["a","b"],"a":1.50}`)

// TestHotPathsDoNotAllocate runs in UTC and in a zone with rules.
func TestHotPathsDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	zone, _, err := LoadZone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, loc := range []*time.Location{time.UTC, zone} {
		f := DefaultFormat()
		f.TimeZone = loc
		buf := make([]byte, 0, 256)
		for _, p := range hotPaths {
			if n := testing.AllocsPerRun(100, func() { p.run(buf[:0], f) }); n != 0 {
				t.Errorf("%s in %s: %v allocations, want 0", p.name, loc, n)
			}
		}
	}
}

func BenchmarkHotPaths(b *testing.B) {
	f := DefaultFormat()
	buf := make([]byte, 0, 256)
	for _, p := range hotPaths {
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.run(buf[:0], f)
			}
		})
	}
}

func BenchmarkTimestamptzInZone(b *testing.B) {
	f := DefaultFormat()
	zone, _, err := LoadZone("America/New_York")
	if err != nil {
		b.Fatal(err)
	}
	f.TimeZone = zone
	buf := make([]byte, 0, 64)
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf = AppendTimestamptz(buf[:0], 768294489123456, f)
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = ParseTimestamptz("2024-05-06 07:08:09.123456", f)
		}
	})
}

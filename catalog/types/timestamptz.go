package types

// ParseTimestamptz reads an instant; without a zone it is in f's.
func ParseTimestamptz(s string, f *Format) (int64, error) {
	if m, end, ok := fixedStamp(s); ok {
		if end == len(s) {
			return LocalToInstant(m, f), nil
		}
		if east, ok := fixedOffset(s[end:]); ok {
			return m - int64(east)*microsPerSecond, nil
		}
	}
	r, err := readDate(s, "timestamp with time zone", f)
	if err != nil {
		return 0, err
	}
	return r.stamp(s)
}

// ParseTimestamptzBytes is ParseTimestamptz of bytes; it keeps nothing of b.
func ParseTimestamptzBytes(b []byte, f *Format) (int64, error) { return ParseTimestamptz(view(b), f) }

// LocalToInstant is the instant at which a timestamp's local time is in f's
// zone: the cast from timestamp to timestamptz. Infinities stay.
func LocalToInstant(m int64, f *Format) int64 {
	if m == TimestampInfinity || m == TimestampNegInfinity {
		return m
	}
	days, rest := splitMicros(m)
	local := (days+epochJulian-unixEpochJulian)*secondsPerDay + rest/microsPerSecond
	return m - int64(localOffset(local, f.TimeZone))*microsPerSecond
}

// InstantToLocal is the local time of an instant in f's zone: the cast from
// timestamptz to timestamp. Infinities stay.
func InstantToLocal(m int64, f *Format) int64 {
	if m == TimestampInfinity || m == TimestampNegInfinity {
		return m
	}
	east, _ := zoneAt(f.TimeZone, m)
	return m + int64(east)*microsPerSecond
}

// ZoneOfInstant is the abbreviation that f's zone has at an instant.
func ZoneOfInstant(m int64, f *Format) string {
	_, abbrev := zoneAt(f.TimeZone, m)
	return abbrev
}

var _ = register(&Info{
	OID: Timestamptz, Name: "timestamptz", SQLName: "timestamp with time zone", Array: 1185, Len: 8, ByVal: true, Align: 'd',
	Category: 'D', Preferred: true, Kind: 'b', Delim: ',', Phys: PhysInt64, Comparable: true,
	In: func(s string, mod int32, f *Format) (Value, error) {
		m, err := ParseTimestamptz(s, f)
		if err != nil {
			return Value{}, err
		}
		return coerceStamp(NewInt(Timestamptz, m), mod, false)
	},
	AppendText: func(dst []byte, v Value, f *Format) []byte { return AppendTimestamptz(dst, v.I, f) },
	Recv: func(b []byte, mod int32) (Value, error) {
		m, err := recvStamp(b)
		if err != nil {
			return Value{}, err
		}
		return coerceStamp(NewInt(Timestamptz, m), mod, false)
	},
	AppendBinary: appendInt64,
	Compare:      compareI,
	ModIn:        precisionMod("TIMESTAMP", " WITH TIME ZONE"),
	ModOut:       precisionText(" with time zone"),
	Coerce:       coerceStamp,
})

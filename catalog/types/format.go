package types

import "time"

// Format holds the session settings that change how values are read and
// written. It is immutable once in use: a SET makes a new one.
type Format struct {
	TimeZone         *time.Location
	TimeZoneName     string // as SHOW TimeZone prints it
	DateStyle        DateStyle
	DateOrder        DateOrder
	IntervalStyle    IntervalStyle
	ExtraFloatDigits int
	ByteaEscape      bool // bytea_output = 'escape'; else hex
	// Now is the instant of 'now', 'today' and their like in date and time
	// input: microseconds since 2000-01-01 UTC, the start of the transaction.
	Now int64
	// RegIn and RegOut resolve names of reg* types; nil: digits only.
	RegIn  func(oid OID, name string) (OID, error)
	RegOut func(oid OID, id OID) (string, bool)
	// Rows are the columns of a relation's row type; nil: no such type is known.
	Rows func(oid OID) ([]RowColumn, bool)
	// Enum is what the values of an enum type are called; nil: their numbers stand
	// for them, in all forms.
	Enum func(oid OID) *Enum
	// Ended is why the statement that reads a value has to end, nil while it may go on:
	// who reads a long one asks now and then. nil: nobody says so.
	Ended func() error
	// Most is how many bytes a value that is read may take; 0: nobody says so.
	Most int64
}

// ended is Ended, also of no format.
func (f *Format) ended() func() error {
	if f == nil {
		return nil
	}
	return f.Ended
}

// DateStyle is the output style of dates and timestamps.
type DateStyle uint8

// PostgreSQL's date styles.
const (
	DateISO DateStyle = iota
	DatePostgres
	DateSQL
	DateGerman
)

// DateOrder says how an ambiguous date such as 1/2/2003 is read, and, in the
// styles that are not ISO, written.
type DateOrder uint8

// PostgreSQL's field orders.
const (
	OrderMDY DateOrder = iota
	OrderDMY
	OrderYMD
)

// IntervalStyle is the output style of intervals.
type IntervalStyle uint8

// PostgreSQL's interval styles.
const (
	IntervalPostgres IntervalStyle = iota
	IntervalPostgresVerbose
	IntervalSQLStandard
	IntervalISO8601
)

// DefaultFormat is a fresh session's: ISO, MDY, UTC, postgres intervals,
// extra_float_digits 1, hex bytea.
func DefaultFormat() *Format {
	return &Format{TimeZone: time.UTC, TimeZoneName: "UTC", ExtraFloatDigits: 1}
}

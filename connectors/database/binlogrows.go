package database

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	protocol "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"golang.org/x/text/encoding"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// binlogRows says how the table's rows in the log become those of the stream.
type binlogRows struct {
	of      *replication.TableMapEvent
	changes changeRows
	columns []binlogColumn // of each field
}

// binlogColumn gives a column's values the text that a SELECT has of them.
type binlogColumn struct {
	at       int    // among the table's columns
	kind     string // its type, as mysqlColumn takes it
	unsigned bool
	size     int               // bits, bytes, digits of a fraction
	labels   []string          // of an enum or a set
	decoder  *encoding.Decoder // nil: its texts are UTF-8, or no texts
	truth    bool              // any number but 0 is 1
	digits   bool              // bits as digits
	bytes    bool              // bits as bytes
}

// binlogRowsOf reads what the log says of the table before its rows.
func (s *source) binlogRowsOf(reader *reader, e *replication.TableMapEvent) (*binlogRows, error) {
	c := s.config
	names := e.ColumnNameString()
	if len(names) != len(e.ColumnType) {
		return nil, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "the binlog of %s does not name the columns of %s", c.server, c.subject()).
			WithHint("Run SET GLOBAL binlog_row_metadata = FULL there. Then DROP the job and create it again, or set on_data_loss = 'snapshot' and purge the logs that are older.")
	}
	format := types.DefaultFormat()
	format.Enum = s.env.Labels
	facts := binlogFacts{e: e, unsigned: unsignedOf(e), collations: e.CollationMap(), labels: e.EnumStrValueMap(), sets: e.SetStrValueMap(), labelled: e.EnumSetCollationMap()}
	rows := &binlogRows{of: e}
	for i, column := range reader.scan.Columns {
		col := s.rel.Columns[column]
		at := slices.IndexFunc(names, func(n string) bool { return n == s.remote[column].name })
		if at < 0 {
			at = slices.IndexFunc(names, func(n string) bool { return c.server.same(n, col.Name) })
		}
		if at < 0 {
			err := sqlerr.Errorf(sqlerr.UndefinedColumn, "column %q of %q has gone from the changes of %s", col.Name, s.rel.Name, c.what()).
				WithHint("They have %s. What was changed without the column stays so in the log: create the stream again with these columns; or bring the column back into the table, DROP the job and create it again, which then reads the table anew.", strings.Join(names, ", "))
			err.Column = col.Name
			return nil, err
		}
		b, r, err := facts.column(s, at, names[at], col, s.remote[column])
		if err != nil {
			return nil, err
		}
		if slices.Contains(s.rel.Key, col.Name) {
			rows.changes.keys = append(rows.changes.keys, i)
		}
		rows.changes.fields = append(rows.changes.fields, changeField{at: i, set: mysqlDialect{}.field(col, r, format).set})
		rows.columns = append(rows.columns, b)
	}
	return rows, nil
}

// holds reports whether the log still says the same of the table.
func (r *binlogRows) holds(e *replication.TableMapEvent) bool {
	of := r.of
	return of == e || bytes.Equal(of.ColumnType, e.ColumnType) && slices.Equal(of.ColumnMeta, e.ColumnMeta) && bytes.Equal(of.SignednessBitmap, e.SignednessBitmap) &&
		slices.Equal(of.DefaultCharset, e.DefaultCharset) && slices.Equal(of.ColumnCharset, e.ColumnCharset) && slices.EqualFunc(of.ColumnName, e.ColumnName, bytes.Equal) &&
		slices.EqualFunc(of.EnumStrValue, e.EnumStrValue, sameLabels) && slices.EqualFunc(of.SetStrValue, e.SetStrValue, sameLabels)
}

// unsignedOf are the numbers without a sign: the log has a bit for each column of numbers,
// to which MariaDB and MySQL count years.
func unsignedOf(e *replication.TableMapEvent) map[int]bool {
	found := map[int]bool{}
	n := 0
	for i, typ := range e.ColumnType {
		if !e.IsNumericColumn(i) && typ != protocol.MYSQL_TYPE_YEAR {
			continue
		}
		if n/8 < len(e.SignednessBitmap) {
			found[i] = e.SignednessBitmap[n/8]&(0x80>>(n%8)) != 0
		}
		n++
	}
	return found
}

func sameLabels(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

// binlogFacts is what the log says of a table's columns, by their places.
type binlogFacts struct {
	e          *replication.TableMapEvent
	unsigned   map[int]bool
	collations map[int]uint64
	labelled   map[int]uint64
	labels     map[int][]string
	sets       map[int][]string
}

// binlogKinds are the types that have no more to them.
var binlogKinds = map[byte]string{
	protocol.MYSQL_TYPE_TINY: "tinyint", protocol.MYSQL_TYPE_SHORT: "smallint", protocol.MYSQL_TYPE_INT24: "mediumint", protocol.MYSQL_TYPE_LONG: "int", protocol.MYSQL_TYPE_LONGLONG: "bigint",
	protocol.MYSQL_TYPE_FLOAT: "float", protocol.MYSQL_TYPE_DOUBLE: "double", protocol.MYSQL_TYPE_YEAR: "year", protocol.MYSQL_TYPE_DATE: "date", protocol.MYSQL_TYPE_JSON: "json",
	protocol.MYSQL_TYPE_TIMESTAMP: "timestamp", protocol.MYSQL_TYPE_DATETIME: "datetime", protocol.MYSQL_TYPE_TIME: "time", protocol.MYSQL_TYPE_GEOMETRY: "geometry", protocol.MYSQL_TYPE_VECTOR: "vector",
}

// column is one of the table's columns, as the log has it, for one of the stream's. was
// is what the server said of it when the stream was opened.
func (f *binlogFacts) column(s *source, at int, name string, col catalog.Column, was remote) (b binlogColumn, r remote, err error) {
	typ, meta := f.e.ColumnType[at], f.e.ColumnMeta[at]
	b = binlogColumn{at: at, unsigned: f.unsigned[at], kind: binlogKinds[typ]}
	size, scale := int64(0), 0
	collation, charset := uint64(0), "binary"
	switch typ {
	case protocol.MYSQL_TYPE_TINY:
		if was.sql == "bool" {
			b.kind, b.truth = "bool", col.Type.OID == types.Bool
		}
	case protocol.MYSQL_TYPE_NEWDECIMAL:
		b.kind, size, scale = "decimal", int64(meta>>8), int(meta&0xff)
	case protocol.MYSQL_TYPE_TIMESTAMP2:
		b.kind, scale = "timestamp", int(meta)
	case protocol.MYSQL_TYPE_DATETIME2:
		b.kind, scale = "datetime", int(meta)
	case protocol.MYSQL_TYPE_TIME2:
		b.kind, scale = "time", int(meta)
	case protocol.MYSQL_TYPE_BIT:
		b.kind, size = "bit", int64(meta>>8)*8+int64(meta&0xff)
		b.truth = size == 1 && col.Type.OID == types.Bool
		b.bytes = col.Type.OID == types.Bytea
		b.digits = size > 1 && !integral(col.Type.OID) && !b.bytes
	case protocol.MYSQL_TYPE_VARCHAR, protocol.MYSQL_TYPE_VAR_STRING, protocol.MYSQL_TYPE_BLOB:
		b.kind, collation = "text", f.collations[at]
	case protocol.MYSQL_TYPE_STRING:
		switch byte(meta >> 8) {
		case protocol.MYSQL_TYPE_ENUM:
			b.kind, b.labels, collation = "enum", f.labels[at], f.labelled[at]
		case protocol.MYSQL_TYPE_SET:
			b.kind, b.labels, collation = "set", f.sets[at], f.labelled[at]
		default:
			b.kind, collation = "char", f.collations[at]
			size = int64(meta & 0xff)
			if high := meta >> 8; high&0x30 != 0x30 {
				size |= int64(high&0x30^0x30) << 4
			}
		}
	}
	if b.kind == "" {
		return b, r, sqlerr.Unsupported("Leave it out of the stream's columns.", "column %q of %s has type %d in the server's log of changes: reading it with cdc is not supported", name, s.config.what(), typ)
	}
	if collation != 0 {
		known := false
		if charset, known = s.log.binlog.charsets[collation]; !known {
			return b, r, sqlerr.Errorf(sqlerr.ProtocolViolation, "column %q of %s has collation %d, of which the server does not tell the character set", name, s.config.what(), collation)
		}
		decoder, known := mysqlCharsets[charset]
		if !known {
			return b, r, sqlerr.Unsupported("Run ALTER TABLE "+s.config.sql(s.config.table)+" CONVERT TO CHARACTER SET utf8mb4 there.", "column %q of %s has character set %s: reading it with cdc is not supported", name, s.config.what(), charset)
		}
		if decoder != nil {
			b.decoder = decoder.NewDecoder()
		}
	}
	b.size = max(int(size), scale)
	if charset == "binary" {
		switch {
		case b.kind == "char" && (was.sql == "uuid" && size == 16 || was.sql == "inet6" && size == 16 || was.sql == "inet4" && size == 4):
			b.kind = was.sql
		case b.kind == "char":
			b.kind = "binary"
		case b.kind == "text":
			b.kind = "blob"
		}
	}
	for i, label := range b.labels {
		if b.labels[i], err = b.decoded(label); err != nil {
			return b, r, err
		}
	}
	if b.kind == "char" {
		size = 0
	}
	return b, mysqlColumn(name, b.kind, b.unsigned, size, scale, false), nil
}

// decoded is a text in UTF-8.
func (b *binlogColumn) decoded(s string) (string, error) {
	if b.decoder == nil {
		return s, nil
	}
	return b.decoder.String(s)
}

// value appends a value's text.
func (b *binlogColumn) value(dst []byte, v any) ([]byte, error) {
	if n, is := integerOf(v); is {
		return b.number(dst, n)
	}
	switch v := v.(type) {
	case float32:
		return strconv.AppendFloat(dst, float64(v), 'g', -1, 64), nil
	case float64:
		return strconv.AppendFloat(dst, v, 'g', -1, 64), nil
	case []byte:
		if b.kind == "json" {
			return appendDocument(dst, v)
		}
		return b.text(dst, string(v))
	case string:
		return b.text(dst, v)
	}
	return dst, fmt.Errorf("a value of type %T", v)
}

func integerOf(v any) (int64, bool) {
	switch v := v.(type) {
	case int8:
		return int64(v), true
	case int16:
		return int64(v), true
	case int32:
		return int64(v), true
	case int64:
		return v, true
	case int:
		return int64(v), true
	}
	return 0, false
}

// number appends what the log has as a number.
func (b *binlogColumn) number(dst []byte, n int64) ([]byte, error) {
	switch {
	case b.truth:
		if n != 0 {
			return append(dst, '1'), nil
		}
		return append(dst, '0'), nil
	case b.kind == "enum":
		switch {
		case n == 0:
			return dst, nil // what was refused there
		case n < 0 || n > int64(len(b.labels)):
			return dst, fmt.Errorf("an enum's number %d of %d", n, len(b.labels))
		}
		return append(dst, b.labels[n-1]...), nil
	case b.kind == "set":
		first := true
		for i, label := range b.labels {
			if n&(1<<i) == 0 {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			dst, first = append(dst, label...), false
		}
		return dst, nil
	case b.bytes:
		for i := (b.size+7)/8 - 1; i >= 0; i-- {
			dst = append(dst, byte(n>>(8*i)))
		}
		return dst, nil
	case b.digits:
		for i := b.size - 1; i >= 0; i-- {
			dst = append(dst, '0'+byte(n>>i&1))
		}
		return dst, nil
	case b.kind == "bit":
		return strconv.AppendUint(dst, uint64(n), 10), nil
	case b.unsigned:
		return strconv.AppendUint(dst, uint64(n)&integerMasks[b.kind], 10), nil
	}
	return strconv.AppendInt(dst, n, 10), nil
}

// integerMasks are the bits of integers that the log has as signed ones.
var integerMasks = map[string]uint64{"bool": 0xff, "tinyint": 0xff, "smallint": 0xffff, "mediumint": 0xffffff, "int": 0xffffffff, "bigint": 1<<64 - 1, "year": 0xffff}

// text appends what the log has as bytes.
func (b *binlogColumn) text(dst []byte, v string) ([]byte, error) {
	switch b.kind {
	case "binary": // zeros at its end are left out
		dst = append(dst, v...)
		return append(dst, make([]byte, max(0, b.size-len(v)))...), nil
	case "char":
		s, err := b.decoded(v)
		return append(dst, strings.TrimRight(s, " ")...), err
	case "time": // a fraction of zero is left out
		if dst = append(dst, v...); b.size > 0 && !strings.Contains(v, ".") {
			dst = append(dst, "."+strings.Repeat("0", b.size)...)
		}
		return dst, nil
	case "text":
		s, err := b.decoded(v)
		return append(dst, s...), err
	case "uuid":
		return appendMariaUUID(dst, padded(v, 16)), nil
	case "inet4", "inet6":
		addr, _ := netip.AddrFromSlice(padded(v, b.size))
		return append(dst, addr.String()...), nil
	}
	return append(dst, v...), nil
}

// padded are bytes whose zeros at the end were left out.
func padded(v string, size int) []byte {
	b := make([]byte, size)
	copy(b, v)
	return b
}

// appendMariaUUID appends a UUID's text. MariaDB keeps those of versions 1 to 5 so that
// they order by node and time: their five parts from the last to the first. Source:
// sql/sql_type_uuid.h of MariaDB 10.11, rec_need_swap.
func appendMariaUUID(dst, b []byte) []byte {
	u := b
	if b[6]&0x80 != 0 && b[8] > 0 && b[8] < 0x60 {
		u = slices.Concat(b[12:16], b[10:12], b[8:10], b[6:8], b[0:6])
	}
	text := hex.EncodeToString(u)
	return append(dst, text[:8]+"-"+text[8:12]+"-"+text[12:16]+"-"+text[16:20]+"-"+text[20:]...)
}

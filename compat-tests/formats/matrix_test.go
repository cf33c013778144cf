package formats

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/kafka"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/registry"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/protobuf"
)

// matrixColumns are of every type that has a form in each format, and what two rows
// have of them; a third one has nothing but NULLs.
var matrixColumns = []struct{ name, typ, plain, edge string }{
	{"b", "boolean", "true", "false"},
	{"i2", "smallint", "7", "-32768"},
	{"i4", "integer", "-8", "2147483647"},
	{"i8", "bigint", "9", "-9223372036854775808"},
	{"f4", "real", "1.5", "'-Infinity'"},
	{"f8", "double precision", "-0.1", "'NaN'"},
	{"n", "numeric(10,2)", "12345678.90", "-0.01"},
	{"n38", "numeric(38,9)", "12345678901234567890123456789.123456789", "0.000000001"},
	{"free", "numeric", "1.10", "123456789012345678901234567890.000100"},
	{"t", "text", "'plain'", `E'a,"b"\nc\\ é\t'`},
	{"vc", "varchar(5)", "'abcde'", "''"},
	{"bc", "char(4)", "'ab'", "'abcd'"},
	{"r", "bytea", `'\x00ff10'`, `'\x'`},
	{"d", "date", "'2024-02-29'", "'0001-01-01'"},
	{"tm", "time", "'23:59:59.999999'", "'00:00:00'"},
	{"tt", "timetz", "'10:00:00+02'", "'00:00:00.5-11'"},
	{"ts", "timestamp", "'2024-01-15 10:30:00.123456'", "'1969-12-31 23:59:59.999999'"},
	{"tz", "timestamptz", "'2024-01-15 10:30:00.123456+00'", "'9999-12-31 23:59:59.999999+00'"},
	{"iv", "interval", "'1 mon 2 days 00:00:03.5'", "'-00:00:00.000001'"},
	{"u", "uuid", "'6ecd8c99-4036-403d-bf84-cf8400f67836'", "'00000000-0000-0000-0000-000000000000'"},
	{"j", "jsonb", `'{"a": [1, null, 1.10], "b": "x"}'`, `'"text"'`},
	{"js", "json", `'{"z":1,"a":[]}'`, "'0'"},
	{"ip", "inet", "'10.0.0.1/8'", "'::1'"},
	{"ai", "int[]", "'{1,-2}'", "'{}'"},
	{"at", "text[]", `'{x,"y z",""}'`, `'{NULL2}'`},
	{"an", "numeric(8,3)[]", "'{1.500,-2.125}'", "'{0.000}'"},
	{"ab", "boolean[]", "'{t,f}'", "'{f}'"},
}

// TestMatrix: what each format writes, each other one reads and writes again, over all
// types; nothing changes on the way.
func TestMatrix(t *testing.T) { registry.Both(t, matrix) }

func matrix(t *testing.T, r *registry.Registry) {
	brokers := ""
	if r.Checks && os.Getenv("FERRIS_TIER") != "short" {
		brokers = kafka.Start(t).Addr() // a real registry goes with a real broker, where a hundred topics may take their time
	}
	conn := connectOver(t, brokers)
	var list, plain, edge, nulls []string
	for _, c := range matrixColumns {
		list = append(list, c.name+" "+c.typ)
		plain = append(plain, "("+c.plain+")::"+c.typ)
		edge = append(edge, "("+c.edge+")::"+c.typ)
		if strings.HasSuffix(c.typ, "[]") {
			nulls = append(nulls, "'{}'::"+c.typ) // NULL of a repeated field is no element
		} else {
			nulls = append(nulls, "NULL::"+c.typ)
		}
	}
	columns := "id bigint PRIMARY KEY, " + strings.Join(list, ", ")
	source := fmt.Sprintf("SELECT 1::bigint AS id, %s UNION ALL SELECT 2, %s UNION ALL SELECT 3, %s",
		strings.Join(named(plain), ", "), strings.Join(edge, ", "), strings.Join(nulls, ", "))
	want := rows(t, conn, "SELECT * FROM ("+source+") m ORDER BY id")

	withRegistry := "'schema.registry.url' = '" + r.URL + "'"
	formats := []struct{ name, options string }{
		{"json", ""}, {"csv", "'null' = '\\N'"}, {"avro", withRegistry}, {"protobuf", withRegistry}, {"json-schema", withRegistry},
		{"debezium-json", ""}, {"debezium-avro", withRegistry},
		{"file.json", ""}, {"file.csv", "'null' = '\\N'"}, {"file.avro", ""}, {"file.parquet", ""},
		{"file.protobuf", "'protobuf.schema' = '" + matrixProto(t, conn, columns) + "'"}, {"file.debezium-json", ""}, {"file.debezium-avro", ""},
	}
	// written writes a query's rows in a format and returns the stream that reads them.
	n := 0
	written := func(format, options, query string) string {
		n++
		name := fmt.Sprintf("m%d", n)
		if options != "" {
			options = ", " + options
		}
		kind, of, file := strings.Cut(format, ".")
		if !file {
			with := fmt.Sprintf("type = 'kafka', topic = '%s', format = '%s'%s", name, kind, options)
			run(t, conn, fmt.Sprintf("CREATE STREAM %s (%s) WITH (%s)", name, columns, with), fmt.Sprintf("INSERT INTO %s %s", name, query))
			return name
		}
		sink := strings.NewReplacer("'null'", "'"+name+"_out.null'", "'protobuf.schema'", "'"+name+"_out.protobuf.schema'").Replace(options)
		run(t, conn,
			fmt.Sprintf("SELECT * FROM (%s) q INTO %s_out WITH ('%[2]s_out.type' = 'file', '%[2]s_out.path' = '%[2]s.%[3]s', '%[2]s_out.format' = '%[3]s'%[4]s)", query, name, of, sink),
			fmt.Sprintf("CREATE STREAM %s (%s) WITH (type = 'file', path = '%[1]s.%[3]s', format = '%[3]s'%[4]s)", name, columns, of, options))
		return name
	}
	for _, from := range formats {
		first := written(from.name, from.options, source)
		if got := rows(t, conn, "SELECT * FROM "+first+" ORDER BY id"); !same(t, from.name, got, want) {
			continue
		}
		for _, to := range formats {
			second := written(to.name, to.options, "SELECT * FROM "+first)
			same(t, from.name+" to "+to.name, rows(t, conn, "SELECT * FROM "+second+" ORDER BY id"), want)
		}
	}
}

// matrixProto is the schema that a sink of Protobuf makes of the columns.
func matrixProto(t *testing.T, conn *pgx.Conn, columns string) string {
	run(t, conn, "CREATE TABLE typed ("+columns+")")
	var made []catalog.Column
	attributes, err := conn.Query(t.Context(), "SELECT attname::text, atttypid, atttypmod FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attnum > 0 ORDER BY attnum")
	if err != nil {
		t.Fatal(err)
	}
	for attributes.Next() {
		var name string
		var oid uint32
		var mod int32
		if err := attributes.Scan(&name, &oid, &mod); err != nil {
			t.Fatal(err)
		}
		made = append(made, catalog.Column{Name: name, Type: types.Type{OID: types.OID(oid), Mod: mod}})
	}
	if err := attributes.Err(); err != nil || len(made) == 0 {
		t.Fatalf("%d columns, %v", len(made), err)
	}
	text, err := protobuf.Derive("m", made, false)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func named(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = v + " AS " + matrixColumns[i].name
	}
	return out
}

// same compares rows column by column.
func same(t *testing.T, what, got, want string) bool {
	t.Helper()
	if got == want {
		return true
	}
	t.Errorf("%s: the rows are\n%s\nwant\n%s", what, got, want)
	return false
}

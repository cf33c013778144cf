package protobuf

import (
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestReads: what each change of a message comes to for who reads with the new schema what
// was written with the old one, and the other way round.
func TestReads(t *testing.T) {
	message := func(fields string) string { return `syntax = "proto3"; package p; message M { ` + fields + ` }` }
	old := func(fields string) string { return `syntax = "proto2"; package p; message M { ` + fields + ` }` }
	for _, c := range []struct {
		name, writer, reader string
		backward, forward    string // why not; "": it is read
	}{
		{"the same", message("int64 a = 1;"), message("int64 a = 1;"), "", ""},
		{"another package", message("int64 a = 1;"), strings.Replace(message("int64 a = 1;"), "package p", "package q", 1), "", ""},
		{"a field more", message("int64 a = 1;"), message("int64 a = 1; string b = 2;"), "", ""},
		{"a field of another name", message("int64 a = 1;"), message("int64 b = 1;"), "", ""},
		{"a wider number", message("int32 a = 1;"), message("int64 a = 1;"), "", ""},
		{"a number as an enum", message("int32 a = 1;"), message("E a = 1; enum E { X = 0; }"), "", ""},
		{"a text as bytes", message("string a = 1;"), message("bytes a = 1;"), "", ""},
		{"a number as text", message("int32 a = 1;"), message("string a = 1;"), `field 1 (a) of message "M" is written as int32 and read as string`, `written as string and read as int32`},
		{"zigzag", message("int32 a = 1;"), message("sint32 a = 1;"), "read as sint32", "read as int32"},
		{"fixed", message("fixed32 a = 1;"), message("fixed64 a = 1;"), "read as fixed64", "read as fixed32"},
		{"float", message("float a = 1;"), message("double a = 1;"), "read as double", "read as float"},
		{"a repeated number", message("int32 a = 1;"), message("repeated int32 a = 1;"), "read as repeated int32", "read as int32"},
		{"a repeated text", message("string a = 1;"), message("repeated string a = 1;"), "", ""},
		{"a message more", message("int64 a = 1;"), message("int64 a = 1; message N { int64 b = 1; }"), "", `message "M.N" is gone`},
		{"a message of another name", message("N a = 1; message N {} message O {}"), message("O a = 1; message N {} message O {}"), "written as M.N and read as M.O", "read as M.N"},
		{"a field of a message within", message("N a = 1; message N { int64 b = 1; }"), message("N a = 1; message N { string b = 1; }"), `field 1 (b) of message "M.N"`, `field 1 (b) of message "M.N"`},
		{"a number as a message", message("int64 a = 1; message N {}"), message("N a = 1; message N {}"), "read as M.N", "read as int64"},
		{"a map", message("map<string, int64> a = 1;"), message("map<string, string> a = 1;"), "field 2 (value)", "field 2 (value)"},
		{"a map of others", message("map<string, int64> a = 1;"), message("map<string, int32> a = 1;"), "", ""},
		{"no map", message("map<string, int64> a = 1;"), message("string a = 1;"), "written as map<string, int64>", "read as map<string, int64>"},
		{"itself", message("M a = 1; int32 b = 2;"), message("M a = 1; bool b = 2;"), "", ""},
		{"itself in another way", message("M a = 1; int32 b = 2;"), message("M a = 1; float b = 2;"), "field 2 (b)", "field 2 (b)"},
		{"one into a oneof", message("int32 a = 1; int32 b = 2;"), message("oneof o { int32 a = 1; } int32 b = 2;"), "", ""},
		{"two into a oneof", message("int32 a = 1; int32 b = 2;"), message("oneof o { int32 a = 1; int32 b = 2; }"), `oneof "o" of message "M" takes in`, ""},
		{"one into a oneof that was", message("int32 a = 1; oneof o { int32 b = 2; }"), message("oneof o { int32 a = 1; int32 b = 2; }"), `oneof "o" of message "M" takes in`, ""},
		{"a oneof's field is gone", message("oneof o { int32 a = 1; int32 b = 2; }"), message("oneof o { int32 a = 1; }"), `field 2 (b) of message "M" is gone from oneof "o"`, ""},
		{"optional is no oneof", message("optional int32 a = 1; optional int32 b = 2;"), message("int32 a = 1; int32 b = 2;"), "", ""},
		{"required more", old("optional int32 a = 1;"), old("optional int32 a = 1; required int32 b = 2;"), `field 2 (b) of message "M" is required, and not written`, "and gone"},
		{"required now", old("optional int32 a = 1;"), old("required int32 a = 1;"), "may be left out where it is written", ""},
		{"a group", old("optional group G = 1 { optional int32 a = 1; }"), old("optional M g = 1; message G {}"), "written as M.G and read as M", "read as M.G"},
	} {
		w, r := parse(t, c.writer), parse(t, c.reader)
		for _, way := range []struct {
			how  string
			err  error
			want string
		}{{"backward", Reads(r, w), c.backward}, {"forward", Reads(w, r), c.forward}} {
			if way.want == "" && way.err != nil || way.want != "" && (sqlerr.CodeOf(way.err) != sqlerr.DatatypeMismatch || !strings.Contains(way.err.Error(), way.want)) {
				t.Errorf("%s, %s: %v, want %q", c.name, way.how, way.err, way.want)
			}
		}
	}
}

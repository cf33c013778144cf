package database

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func TestURL(t *testing.T) {
	for text, want := range map[string]string{
		"postgresql://u:p%40ss@h:5433/d":                          "u p@ss [h] [5433] d prefer map[]",
		"postgres://h/d?user=u&password=x":                        "u x [h] [5432] d prefer map[]",
		"postgresql://u@h1:1,h2:2/d?target_session_attrs=primary": "u pw [h1 h2] [1 2] d prefer map[]",
		"postgresql://u@[::1]:5/d":                                "u pw [::1] [5] d prefer map[]",
		"jdbc:postgresql://h:5432/d?ssl=true":                     "user pw [h] [5432] d verify-full map[]",
		"jdbc:postgresql://h/d?sslmode=require&currentSchema=a,b": "user pw [h] [5432] d require map[search_path:a,b]",
		"jdbc:postgresql:d":                                       "user pw [localhost] [5432] d prefer map[]",
		"jdbc:postgresql://h/?reWriteBatchedInserts=true":         "user pw [h] [5432] user prefer map[]",
		"oracle://u@h/d":                                          "0A000 a database of type oracle is not supported",
		"jdbc:oracle://h/d":                                       "0A000 a database of type oracle is not supported",
		"kafka:9092":                                              "22023 it is not the URL of a database",
		"postgresql":                                              "22023 it is not the URL of a database",
		"postgresql://u@/d":                                       "22023 it names no host",
		"postgresql://u@%2Fvar%2Frun/d":                           "22023 it names no host",
		"postgresql://u@h/d?passfile=/x":                          `22023 its parameter "passfile" is not known`,
		"postgresql://u@h:x/d":                                    "22023 cannot parse",
		"postgresql://u@h/d?sslmode=sometimes":                    "22023 cannot parse",
		"postgresql://u:%zz@h/d":                                  "22023 the password is not encoded as one of a URL",
	} {
		s, err := parseURL(text, "user", "pw", nil)
		if err != nil {
			if got := string(sqlerr.CodeOf(err)) + " " + err.Error(); !strings.HasPrefix(got, want) || sqlerr.From(err).Hint == "" {
				t.Errorf("%s: %s, want %s, and a hint", text, got, want)
			}
			continue
		}
		c, err := s.config(time.Second)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		mode := s.settings["sslmode"]
		if mode == "" {
			mode = "prefer"
		}
		got := strings.Join([]string{s.user, s.password, "[" + strings.Join(s.hosts, " ") + "]", "[" + strings.Join(s.ports, " ") + "]", s.database, mode}, " ") + " map[" + s.parameters["search_path"] + "]"
		want = strings.Replace(want, "map[search_path:", "map[", 1)
		if got != want || c.Password != s.password || c.User != s.user || c.Database != s.database {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		if text := s.String(); strings.Contains(text, "p@ss") || strings.Contains(text, "pw") {
			t.Errorf("%s shows the password", text)
		}
	}
}

// TestURLAlone: what the process's own environment says is nobody else's.
func TestURLAlone(t *testing.T) {
	t.Setenv("PGPASSWORD", "secret")
	t.Setenv("PGUSER", "root")
	t.Setenv("PGOPTIONS", "-c role=root")
	if _, err := parseURL("postgresql://h/d", "", "", nil); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
		t.Errorf("a URL without a user: %v", err)
	}
	s, err := parseURL("postgresql://u@h/d", "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.config(time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if c.Password != "" || c.RuntimeParams["options"] != "" {
		t.Errorf("password %q, options %q of the environment", c.Password, c.RuntimeParams["options"])
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]string{
		"orders": `"orders"`, "Sales.Orders": `"sales"."orders"`, `"Sales"."My ""Orders"""`: `"Sales"."My ""Orders"""`, `a."b.c"`: `"a"."b.c"`,
		"a.b.c": "", "a b": "", `"a`: "", "a.": "", `"a"b`: "", "a;drop": "",
	} {
		n, err := postgres{}.parseName(text)
		if err != nil {
			if want != "" {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if sqlOf(postgres{}, n) != want {
			t.Errorf("%s: %s, want %s", text, sqlOf(postgres{}, n), want)
		}
	}
}

// copied is a binary COPY of rows of texts.
func copied(rows ...[]string) []byte {
	b := append([]byte(copySignature), 0, 0, 0, 0, 0, 0, 0, 2, 'x', 'y') // a header with an extension
	for _, row := range rows {
		b = binary.BigEndian.AppendUint16(b, uint16(len(row)))
		for _, f := range row {
			if f == "NULL" {
				b = binary.BigEndian.AppendUint32(b, 0xffffffff)
				continue
			}
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
		}
	}
	return append(b, 0xff, 0xff)
}

// TestTuples cuts a COPY at every byte.
func TestTuples(t *testing.T) {
	want := [][]string{{"a", ""}, {"NULL", "bcd"}, {"e", "NULL"}}
	data := copied(want...)
	for size := 1; size <= len(data); size++ {
		var got [][]string
		c := &tuples{fields: make([][]byte, 2)}
		c.row = func(fields [][]byte) error {
			var row []string
			for _, f := range fields {
				text := string(f)
				if f == nil {
					text = "NULL"
				}
				row = append(row, text)
			}
			got = append(got, row)
			return nil
		}
		for rest := data; len(rest) > 0; {
			n := min(size, len(rest))
			if _, err := c.Write(rest[:n]); err != nil {
				t.Fatalf("pieces of %d: %v", size, err)
			}
			rest = rest[n:]
		}
		if !reflect.DeepEqual(got, want) || !c.ended {
			t.Fatalf("pieces of %d: %v, want %v", size, got, want)
		}
	}
}

// FuzzTuples: whatever a server sends is rows or an error.
func FuzzTuples(f *testing.F) {
	f.Add(copied([]string{"a", "NULL"}), 3)
	f.Add([]byte(copySignature), 1)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		size = max(1, min(size, len(data)+1))
		n := 0
		c := &tuples{fields: make([][]byte, 2), row: func([][]byte) error { n++; return nil }}
		for b := bytes.NewBuffer(data); b.Len() > 0; {
			if _, err := c.Write(b.Next(size)); err != nil {
				return
			}
		}
		if n*10 > len(data) {
			t.Errorf("%d rows of %d bytes", n, len(data))
		}
	})
}

func TestPushed(t *testing.T) {
	columns := []catalog.Column{
		{Name: "id", Type: types.Of(types.Int8)}, {Name: "name", Type: types.Of(types.Varchar)}, {Name: "Day", Type: types.Of(types.Date)},
		{Name: "amount", Type: types.Of(types.Numeric)}, {Name: "doc", Type: types.Of(types.JSONB)},
		{Name: "at", Type: types.Of(types.Timestamp)},
	}
	there := []remote{{name: "id", typ: types.Of(types.Int8)}, {name: "name", typ: types.Of(types.Varchar)}, {name: "Day", typ: types.Of(types.Date)},
		{name: "amount", typ: types.Of(types.Text)}, {name: "doc", typ: types.Of(types.JSONB)}, {name: "at", typ: types.Of(types.Timestamp)}}
	var fields []field
	for i := range columns {
		fields = append(fields, postgres{}.field(columns[i], there[i], types.DefaultFormat()))
	}
	col := func(i int) plan.Expr { return &plan.Column{Index: i, Typ: columns[i].Type} }
	num := func(n int64) plan.Expr { return plan.NewConst(types.NewInt(types.Int8, n)) }
	text := func(s string) plan.Expr { return plan.NewConst(types.NewText(s)) }
	call := func(op string, l, r plan.Expr) plan.Expr {
		return &plan.Call{Op: op, Args: []plan.Expr{l, r}, Typ: types.Of(types.Bool)}
	}
	name := &plan.Cast{Arg: col(1), Typ: types.Of(types.Text)}
	for want, e := range map[string]plan.Expr{
		`("id" = '5'::bigint)`:                      call("=", col(0), num(5)),
		`("id" >= '5'::bigint)`:                     call(">=", col(0), num(5)),
		`("name" = 'it''s'::text)`:                  call("=", name, text("it's")),
		`("name" =  E'a\\b'::text)`:                 call("=", name, text(`a\b`)),
		`("Day" IS NOT NULL)`:                       &plan.IsNull{Arg: col(2), Not: true},
		`("id" IN ('1'::bigint, '2'::bigint))`:      &plan.In{Arg: col(0), List: []plan.Expr{num(1), num(2)}},
		`(("id" = '1'::bigint) OR ("Day" IS NULL))`: &plan.Or{Args: []plan.Expr{call("=", col(0), num(1)), &plan.IsNull{Arg: col(2)}}},
		// What the database orders its own way, and what is made of its text here, stays here.
		"texts' order": call("<", name, text("x")), "texts that differ": call("<>", name, text("x")), "a column read here": call("=", col(3), num(1)), "jsonb": call("=", col(4), col(4)),
		"texts of two columns": call("=", name, name), "times with and without a zone": call("<", col(5), plan.NewConst(types.Value{Type: types.Of(types.Timestamptz)})),
		"half of an OR": &plan.Or{Args: []plan.Expr{call("=", col(0), num(1)), call("<", name, text("x"))}},
		"NOT":           &plan.Not{Arg: call("=", col(0), num(1))},
	} {
		got := pushed(postgres{}, []plan.Expr{e}, fields)
		if strings.HasPrefix(want, "(") != (len(got) == 1) || len(got) == 1 && got[0] != want {
			t.Errorf("%s: %q", want, got)
		}
	}
}

func TestPosition(t *testing.T) {
	rel := &catalog.Relation{Name: "r"}
	s := &source{rel: rel, config: &config{rel: rel, server: &server{dialect: postgres{}}, table: name{table: "t"}}}
	p := position{"17", "", "(0,1)"}
	got, err := s.decode(p.encode(), 3)
	if err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("%v, %v, want %v", got, err, p)
	}
	for _, bad := range []stream.Offset{{}, {2}, {1, 5, 'a'}, p.encode()[:3], position{"17"}.encode()} {
		if _, err := s.decode(bad, 3); sqlerr.CodeOf(err) != sqlerr.DataCorrupted {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// TestFailure tells what passes from what a row, or a declaration, is at fault for.
func TestFailure(t *testing.T) {
	c := &config{rel: &catalog.Relation{Name: "r"}, server: &server{dialect: postgres{}, product: "PostgreSQL", hosts: []string{"h"}, ports: []string{"1"}, database: "d"}}
	for code, want := range map[string]sqlerr.Code{
		"57P01": sqlerr.ConnectionFailure, "57P03": sqlerr.ConnectionFailure, "53300": sqlerr.ConnectionFailure, "40P01": sqlerr.ConnectionFailure, "25P03": sqlerr.ConnectionFailure,
		"23505": sqlerr.UniqueViolation, "42P01": sqlerr.UndefinedTable, "28P01": sqlerr.InvalidPassword, "42501": sqlerr.InsufficientPrivilege,
	} {
		pg := &pgconn.PgError{Code: code, Message: "why"}
		err := c.failure("writing", pg)
		if sqlerr.CodeOf(err) != want || !strings.HasPrefix(err.Error(), `writing: PostgreSQL at "h:1", database "d": why`) {
			t.Errorf("%s: %s %v, want %s", code, sqlerr.CodeOf(err), err, want)
		}
		if ofRows(pg) != (code == "23505") {
			t.Errorf("%s is a fault of rows: %v", code, ofRows(pg))
		}
	}
	if err := c.failure("writing", errors.New("broken pipe")); sqlerr.CodeOf(err) != sqlerr.ConnectionFailure || sqlerr.From(err).Hint == "" {
		t.Errorf("a lost connection: %v", err)
	}
}

// TestChangeKey: rows that change need a key of theirs where the sink makes the table.
func TestChangeKey(t *testing.T) {
	for options, want := range map[string]stream.ChangeKey{
		"":                            {Own: true},
		"create=true":                 {Needed: true},
		"create=true mode=upsert":     {Needed: true},
		"create=true key=id":          {Own: true},
		"create=true mode=insert":     {Own: true},
		"mode=upsert key=id":          {Own: true},
		"table.create=true mode=auto": {Needed: true},
	} {
		r := &catalog.Relation{Name: "out", Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}},
			Options: catalog.Options{{Key: "connection", Value: "postgresql://u@h/d"}}}
		for _, o := range strings.Fields(options) {
			key, value, _ := strings.Cut(o, "=")
			r.Options = append(r.Options, catalog.Option{Key: key, Value: value})
		}
		if got, err := (Connector{}).ChangeKey(&stream.Env{}, r); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v, want %+v", options, got, err, want)
		}
	}
	if _, ok := stream.Connector(Connector{}).(stream.ChangeKeyed); !ok {
		t.Error("nobody asks the connector")
	}
}

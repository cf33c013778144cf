package database

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func TestMySQLURL(t *testing.T) {
	for text, want := range map[string]string{
		"mysql://u:p%40ss@h:3307/d": "u p@ss h:3307 d preferred",
		"mariadb://h/d":             "user pw h:3306 d preferred",
		"jdbc:mysql://h:1/d?user=u&password=x&useSSL=false":           "u x h:1 d disabled",
		"jdbc:mariadb://h/d?sslMode=VERIFY_IDENTITY&useUnicode=true":  "user pw h:3306 d verify-identity",
		"jdbc:mysql://[::1]:5/d?sslMode=verify_ca&serverTimezone=UTC": "user pw [::1]:5 d verify-ca",
		"mysql://h/d?requireSSL=true&verifyServerCertificate=true":    "user pw h:3306 d verify-identity",
		"mysql://h/d?tls=skip-verify":                                 "user pw h:3306 d required",
		"mysql://h1,h2/d":                                             "22023 it names 2 hosts",
		"mysql://h/":                                                  "22023 it names no database",
		"mysql://h:port/d":                                            `22023 its port "port" is none`,
		"mysql://h/d?sslmode=x":                                       `22023 its parameter "sslmode" is "x"`,
		"mysql://h/d?allowLoadLocalInfile=true":                       `22023 its parameter "allowLoadLocalInfile" is not known`,
		"mysql://h/d?sslrootcert=/etc/passwd":                         "42501",
		"mysql://u:%zz@h/d":                                           "22023 the password is not encoded as one of a URL",
		"mysql:d":                                                     "22023 it is not the URL of a database",
	} {
		s, err := parseURL(text, "user", "pw", nil)
		if err != nil {
			if got := string(sqlerr.CodeOf(err)) + " " + err.Error(); !strings.HasPrefix(got, want) || strings.Contains(got, "p@ss") {
				t.Errorf("%s: %s, want %s", text, got, want)
			}
			continue
		}
		c, err := s.mysqlConfig(time.Second)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		mode := s.settings["sslmode"]
		if mode == "" {
			mode = tlsPreferred
		}
		if got := strings.Join([]string{c.User, c.Passwd, c.Addr, c.DBName, mode}, " "); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		encrypted := c.TLS != nil
		checked := encrypted && (!c.TLS.InsecureSkipVerify || c.TLS.VerifyConnection != nil)
		if encrypted == (mode == tlsDisabled) || checked != strings.HasPrefix(mode, "verify") || c.AllowFallbackToPlaintext != (mode == tlsPreferred) {
			t.Errorf("%s: encrypted %v, checked %v, plain text is allowed %v", text, encrypted, checked, c.AllowFallbackToPlaintext)
		}
		if text := s.String(); strings.Contains(text, "p@ss") || strings.Contains(text, "pw") || c.AllowAllFiles || c.MultiStatements {
			t.Errorf("%s: %+v", text, c)
		}
	}
}

func TestMySQLNames(t *testing.T) {
	d := mysqlDialect{}
	for text, want := range map[string]string{"Orders": "`Orders`", "Sales.Orders": "`Sales`.`Orders`", "`a``b`.\"c d\"": "`a``b`.`c d`", "a b": "", "a'": "", "`a": ""} {
		n, err := d.parseName(text)
		if got := ""; err == nil {
			if got = sqlOf(d, n); got != want {
				t.Errorf("%s: %s, want %s", text, got, want)
			}
		} else if want != "" {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestMySQLPushed(t *testing.T) {
	d := mysqlDialect{}
	oids := []types.OID{types.Int8, types.Varchar, types.Date, types.Numeric, types.Float4, types.Float8, types.Bool, types.UUID, types.Timestamptz}
	var fields []field
	for i, oid := range oids {
		n := string(rune('a' + i))
		fields = append(fields, d.field(catalog.Column{Name: n, Type: types.Of(oid)}, remote{name: n, typ: types.Of(oid)}, types.DefaultFormat()))
	}
	col := func(i int) plan.Expr { return &plan.Column{Index: i, Typ: types.Of(oids[i])} }
	value := func(i int, text string) plan.Expr {
		v, err := types.Parse(types.Of(oids[i]), text, types.DefaultFormat())
		if err != nil {
			t.Fatal(err)
		}
		return plan.NewConst(v)
	}
	for _, c := range []struct {
		column   int
		op, text string
		want     string // "": it is not left to the server
	}{
		{0, "<", "-5", "(`a` < -5)"}, {1, "=", `it's \`, "(`b` = 'it''s \\')"}, {1, "<", "x", ""}, {2, ">=", "2024-01-01", "(`c` >= DATE'2024-01-01')"}, {2, "<", "infinity", ""},
		{2, "<", "0044-03-15 BC", ""}, {3, "<>", "1.50", "(`d` <> 1.50)"}, {3, "<", "NaN", ""}, {4, "=", "1.5", ""}, {5, "<", "1.5", "(`f` < 1.5e0)"}, {5, "<", "Infinity", ""},
		{6, "=", "true", "((`g` <> 0) = TRUE)"}, {7, "=", "00000000-0000-0000-0000-000000000001", "(`h` = '00000000-0000-0000-0000-000000000001')"},
		{7, "<", "00000000-0000-0000-0000-000000000001", ""}, {8, "<=", "2024-01-01 00:00:00.5Z", "(`i` <= TIMESTAMP'2024-01-01 00:00:00.5')"}, {8, "<", "infinity", ""},
	} {
		got := pushed(d, []plan.Expr{&plan.Call{Op: c.op, Args: []plan.Expr{col(c.column), value(c.column, c.text)}, Typ: types.Of(types.Bool)}}, fields)
		if strings.Join(got, " AND ") != c.want {
			t.Errorf("%s %s: %q, want %q", c.op, c.text, got, c.want)
		}
	}
}

// TestMySQLFault tells what passes from what a row, or a declaration, is at fault for.
func TestMySQLFault(t *testing.T) {
	c := &config{rel: &catalog.Relation{Name: "r"}, server: &server{dialect: mysqlDialect{}, product: "MySQL", hosts: []string{"h"}, ports: []string{"1"}, database: "d"}}
	for number, want := range map[uint16]sqlerr.Code{
		1205: sqlerr.ConnectionFailure, 1213: sqlerr.ConnectionFailure, 1040: sqlerr.ConnectionFailure, 1062: sqlerr.UniqueViolation, 1146: sqlerr.UndefinedTable,
		1045: sqlerr.InvalidPassword, 1406: sqlerr.StringDataRightTruncation, 4025: sqlerr.CheckViolation, 9999: sqlerr.ObjectNotInPrerequisiteState,
	} {
		my := &mysql.MySQLError{Number: number, Message: "why"}
		err := c.failure("writing", my)
		if sqlerr.CodeOf(err) != want || !strings.HasPrefix(err.Error(), `writing: MySQL at "h:1", database "d": why`) {
			t.Errorf("%d: %s %v, want %s", number, sqlerr.CodeOf(err), err, want)
		}
		if of := faultOfRows(sqlerr.CodeOf(err)); of != (number == 1062 || number == 1406 || number == 4025) {
			t.Errorf("%d is a fault of rows: %v", number, of)
		}
	}
	if err := c.failure("writing", errors.New("broken pipe")); sqlerr.CodeOf(err) != sqlerr.ConnectionFailure || sqlerr.From(err).Hint == "" {
		t.Errorf("a lost connection: %v", err)
	}
}

func TestBehind(t *testing.T) {
	for want, columns := range map[string][]string{"(a > 1)": {"a"}, "(a >= 1 AND (a > 1 OR (a = 1 AND (b > 2))))": {"a", "b"}} {
		if got := behind(columns, []string{"1", "2"}[:len(columns)]); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if n, s, ok := numericMod(modOfNumeric(40, 10)); n != 40 || s != 10 || !ok {
		t.Errorf("numeric(40,10): %d, %d, %v", n, s, ok)
	}
}

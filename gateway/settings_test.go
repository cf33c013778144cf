package gateway

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestSettingsTable holds the table to its own rules: what a server begins with
// is what SET would keep, and SHOW ALL and the reader find it in order.
func TestSettingsTable(t *testing.T) {
	v := newValues("1.2.3")
	names := make([]string, len(settingsTable))
	for i, s := range settingsTable {
		names[i] = strings.ToLower(s.name)
		if s.context == "user" && s.name != "session_authorization" {
			if got, err := s.canonical(v.fixed[i]); err != nil || got != v.fixed[i] {
				t.Errorf("%s: the boot value %q becomes %q, %v", s.name, v.fixed[i], got, err)
			}
		}
		if s.vartype == "enum" && !slices.Contains(s.enum, v.fixed[i]) {
			t.Errorf("%s: the boot value %q is none of %v", s.name, v.fixed[i], s.enum)
		}
		if s.short == "" || s.category == "" {
			t.Errorf("%s has no description or category", s.name)
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("settingsTable is not in order of names")
	}
}

func TestSettingUnits(t *testing.T) {
	for _, c := range []struct{ name, value, want, shown string }{
		{"statement_timeout", "0", "0", "0"},
		{"statement_timeout", "1d", "86400000", "1d"},
		{"statement_timeout", "36h", "129600000", "36h"},
		{"statement_timeout", "90min", "5400000", "90min"},
		{"statement_timeout", "1.5s", "1500", "1500ms"},
		{"statement_timeout", "500us", "0", "0"},
		{"statement_timeout", "2500us", "2", "2ms"},
		{"statement_timeout", " 12 ", "12", "12ms"},
		{"statement_timeout", "0x10", "16", "16ms"},
		{"work_mem", "1GB", "1048576", "1GB"},
		{"work_mem", "1536kB", "1536", "1536kB"},
		{"temp_buffers", "10MB", "10240", "10MB"},
		{"extra_float_digits", "-3", "-3", "-3"},
		{"array_nulls", "f", "off", "off"},
		{"array_nulls", "YES", "on", "on"},
		{"client_min_messages", "DEBUG", "debug2", "debug2"},
		{"application_name", "é\n", `\xc3\xa9\x0a`, `\xc3\xa9\x0a`},
	} {
		v, err := newValues("1").set(c.name, c.value)
		if err != nil {
			t.Errorf("SET %s = %q: %v", c.name, c.value, err)
			continue
		}
		raw, _ := v.raw(c.name)
		shown, _ := v.show(c.name)
		if raw != c.want || shown != c.shown {
			t.Errorf("SET %s = %q gives %q, shown %q, want %q and %q", c.name, c.value, raw, shown, c.want, c.shown)
		}
	}
	for _, c := range []struct{ name, value string }{
		{"statement_timeout", ""}, {"statement_timeout", "s"}, {"statement_timeout", "1e40"}, {"statement_timeout", "9999999d"},
		{"array_nulls", "o"}, {"array_nulls", ""}, {"work_mem", "1ms"}, {"search_path", `a,,b`}, {"search_path", `"a`},
	} {
		if _, err := newValues("1").set(c.name, c.value); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
			t.Errorf("SET %s = %q: %v, want 22023", c.name, c.value, err)
		}
	}
}

func TestSplitIdentifiers(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", nil}, {"a", []string{"a"}}, {` A , "B c" ,d`, []string{"a", "B c", "d"}}, {`"a""b"`, []string{`a"b`}}, {`""`, []string{""}},
	} {
		got, ok := splitIdentifiers(c.in)
		if !ok || cmp.Diff(c.want, got) != "" {
			t.Errorf("splitIdentifiers(%q) = %q, %v, want %q", c.in, got, ok, c.want)
		}
	}
}

func TestSplitOptions(t *testing.T) {
	got, err := optionSettings(`-c a=1 -cb=2  --c-d=3\ 4 -c e=\\`)
	want := []startupSetting{{"a", "1"}, {"b", "2"}, {"c_d", "3 4"}, {"e", `\`}}
	if err != nil || len(got) != len(want) {
		t.Fatalf("optionSettings = %v, %v, want %v", got, err, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("option %d = %v, want %v", i, got[i], want[i])
		}
	}
}

// TestPlanCacheTime: what reads as the time of a transaction is planned anew.
func TestPlanCacheTime(t *testing.T) {
	for text, want := range map[string]bool{
		"SELECT 1": false, "SELECT 'now'::timestamptz": true, "SELECT 'TODAY'::date": true, `SELECT E'\x6eow'::timestamptz`: true,
		"SELECT U&'n!006fw' UESCAPE '!'": true, "SELECT n FROM t": false,
	} {
		if got := dependsOnTime(text); got != want {
			t.Errorf("dependsOnTime(%q) = %v, want %v", text, got, want)
		}
	}
}

// TestShowOfNoSetting: SHOW of what other systems list with it says where that is found;
// what is nothing at all gets no advice, as in PostgreSQL.
func TestShowOfNoSetting(t *testing.T) {
	c := start(t, nil).connect(t, "")
	for name, hint := range map[string]string{
		"tables": `Use psql's \dt, or SELECT tablename FROM pg_tables; SHOW STREAMS lists the streams.`,
		"VIEWS":  `Use psql's \dv, or SELECT viewname FROM pg_views; SHOW MATERIALIZED VIEWS lists those that are kept.`,
		"tabels": "",
	} {
		_, err := c.Exec(testContext(t), "SHOW "+name).ReadAll()
		var said *pgconn.PgError
		if !errors.As(err, &said) || said.Code != string(sqlerr.UndefinedObject) || said.Hint != hint {
			t.Errorf("SHOW %s: %v, want 42704 with the hint %q", name, err, hint)
		}
	}
}

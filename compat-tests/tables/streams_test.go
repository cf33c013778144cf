package tables

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// topics starts a broker with topics of four partitions.
func topics(t *testing.T, names ...string) string {
	t.Helper()
	broker := gateway.StartBroker(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	made, err := kadm.NewClient(client).CreateTopics(t.Context(), 4, 1, nil, names...)
	if err == nil {
		err = made.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	return broker
}

// records are those of a topic, as key=value, by partition.
func records(t *testing.T, broker, topic string) [][]string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics(topic), kgo.KeepControlRecords(), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := make([][]string, 4)
	for left > 0 {
		f := client.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) {
			left--
			if r.Attrs.IsControl() {
				return
			}
			text := func(b []byte) string {
				if b == nil {
					return "nil"
				}
				return string(b)
			}
			out[r.Partition] = append(out[r.Partition], text(r.Key)+"="+text(r.Value))
		})
	}
	return out
}

// TestKeyedStream writes to streams with a PRIMARY KEY, by INSERT, COPY, SELECT INTO
// and a job: the key is the records', and what it was lies in one partition.
func TestKeyedStream(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a gateway")
	}
	broker := topics(t, "rates", "pairs", "blobs", "hex", "bad")
	c := connect(t, gateway.Start(t, gateway.Options{Brokers: broker}).Listen)
	must(t, c, `CREATE STREAM rates (currency text PRIMARY KEY, rate numeric DEFAULT 1) WITH (type = 'kafka');
		CREATE STREAM pairs (a int, b text, v int, PRIMARY KEY (a, b)) WITH (type = 'kafka');
		CREATE STREAM blobs (id bytea PRIMARY KEY, v int) WITH (type = 'kafka', 'key.format' = 'bytes');
		CREATE STREAM hex (id int PRIMARY KEY, v int) WITH (type = 'kafka', 'key.format' = 'bytes');
		CREATE STREAM numbers (n int GENERATED ALWAYS AS (_offset::int) STORED) WITH (type = 'generator', rows = '20')`)
	for _, step := range [][2]string{
		{"INSERT INTO rates VALUES ('EUR', 1.1), ('USD', 1), ('GBP', 0.9), ('CHF', 1)", "INSERT 0 4"},
		{"INSERT INTO rates (rate, currency) SELECT 2, 'EUR'", "INSERT 0 1"},
		{"INSERT INTO rates (currency) VALUES ('JPY')", "INSERT 0 1"},
		{"INSERT INTO rates VALUES (NULL, 3)", "ERROR 23502"},
		{"INSERT INTO rates (rate) VALUES (3)", "ERROR 23502"},
		{"INSERT INTO rates (_key, rate) VALUES ('EUR', 3)", "ERROR 428C9"},
		{"INSERT INTO rates (_key) VALUES (NULL)", "ERROR 23502"},
		{"SELECT currency, rate, _key FROM rates ORDER BY 1", "CHF,1,CHF EUR,2,EUR GBP,0.9,GBP JPY,1,JPY USD,1,USD SELECT 5"},
		{"INSERT INTO rates (_key) VALUES ('EUR')", "INSERT 0 1"},
		{"SELECT count(*) FROM rates WHERE currency = 'EUR'", "0 SELECT 1"},
		{"INSERT INTO rates VALUES ('EUR', 4)", "INSERT 0 1"},
		{"SELECT rate FROM rates WHERE currency = 'EUR'", "4 SELECT 1"},
		{"INSERT INTO pairs VALUES (1, 'x', 1), (1, 'y', 2), (1, 'x', 3)", "INSERT 0 3"},
		{"INSERT INTO pairs VALUES (1, NULL, 1)", "ERROR 23502"},
		{"SELECT * FROM pairs ORDER BY 1, 2", "1,x,3 1,y,2 SELECT 2"},
		{`INSERT INTO blobs VALUES ('\x00ff', 1), ('\x01', 2)`, "INSERT 0 2"},
		{`SELECT id, v, _key FROM blobs ORDER BY 1`, `\x00ff,1,\x00ff \x01,2,\x01 SELECT 2`},
		{"INSERT INTO hex VALUES (7, 1), (8, 1)", "INSERT 0 2"},
		{"INSERT INTO hex (_key) VALUES ('7')", "INSERT 0 1"},
		{"SELECT id, v, _key FROM hex", `8,1,\x38 SELECT 1`},
		{`SELECT c.relhasindex, i.indisprimary, c2.relname, pg_get_indexdef(i.indexrelid, 0, true), pg_get_constraintdef(con.oid, true), con.contype
			FROM pg_class c JOIN pg_index i ON c.oid = i.indrelid JOIN pg_class c2 ON c2.oid = i.indexrelid
			LEFT JOIN pg_constraint con ON con.conrelid = i.indrelid AND con.conindid = i.indexrelid AND con.contype IN ('p', 'u', 'x') WHERE c.relname = 'pairs'`,
			"t,t,pairs_pkey,CREATE UNIQUE INDEX pairs_pkey ON pairs USING btree (a, b),PRIMARY KEY (a, b),p SELECT 1"},
		{`SELECT constraint_type, column_name FROM information_schema.table_constraints JOIN information_schema.key_column_usage USING (constraint_name)
			WHERE constraint_name = 'pairs_pkey' ORDER BY ordinal_position`, "PRIMARY KEY,a PRIMARY KEY,b SELECT 2"},
	} {
		if got := run(c, step[0]); got != step[1] {
			t.Fatalf("%s\n%s\nwant %s", step[0], got, step[1])
		}
	}
	_, err := c.CopyFrom(t.Context(), strings.NewReader("1,\n"), "COPY pairs (a, v) FROM STDIN (FORMAT csv)")
	if e := pgError(err); e.Code != "23502" || e.ColumnName != "b" || e.Message != `null value in column "b" of relation "pairs" violates not-null constraint` {
		t.Errorf("COPY without a column of the key: %+v", e)
	}
	must(t, c, `CREATE STREAM texts (v int) WITH (type = 'kafka', topic = 'bad'); INSERT INTO texts (_key, v) VALUES ('5', 5), ('z', 6), ('7', 7);
		CREATE STREAM bad (id int PRIMARY KEY, v int) WITH (type = 'kafka');
		CREATE STREAM skipping (id int PRIMARY KEY, v int) WITH (type = 'kafka', topic = 'bad', on_error = 'skip')`)
	_, err = c.Exec(t.Context(), "SELECT * FROM bad").ReadAll()
	if e := pgError(err); e.Code != "22P02" || !regexp.MustCompile(`^stream "bad", partition \d, offset \d+, field "id": invalid input syntax for type integer: "z"$`).MatchString(e.Message) {
		t.Errorf("a key that is no value of its column: %+v", e)
	}
	if got := run(c, "SELECT id, v FROM skipping ORDER BY id"); got != "5,5 7,7 SELECT 2" {
		t.Errorf("on_error = 'skip' with a key that is no value of its column: %s", got)
	}
	must(t, c, "START JOB j AS INSERT INTO hex SELECT CASE WHEN n % 4 > 0 THEN n % 4 END, n FROM numbers")
	deadline := time.Now().Add(time.Minute)
	for run(c, "SELECT id, v FROM hex WHERE id < 4 ORDER BY id") != "1,17 2,18 3,19 SELECT 3" {
		if time.Now().After(deadline) {
			t.Fatalf("the job: %s", run(c, "SELECT id, v FROM hex ORDER BY id"))
		}
	}
	for _, topic := range []string{"rates", "hex"} {
		at := map[string]int{}
		for p, list := range records(t, broker, topic) {
			for _, r := range list {
				key, value, _ := strings.Cut(r, "=")
				if have, ok := at[key]; ok && have != p || key == "nil" || key == "" {
					t.Errorf("%s: the record %s in partition %d, the key's others in %d", topic, r, p, have)
				}
				at[key] = p
				if key == "7" && value != "nil" && !strings.HasPrefix(value, `{"id":7`) {
					t.Errorf("%s: %s", topic, r)
				}
			}
		}
	}
	all := slices.Concat(records(t, broker, "rates")...)
	if want := "EUR=nil"; !slices.Contains(all, want) {
		t.Errorf("no tombstone %q among %q", want, all)
	}
}

func pgError(err error) *pgconn.PgError {
	if e, ok := err.(*pgconn.PgError); ok { //nolint:errorlint // as pgconn gives it
		return e
	}
	return &pgconn.PgError{Message: fmt.Sprint(err)}
}

// TestCopyIntoStreams copies what PostgreSQL writes, in each format, into streams
// of each format of values, and reads it back as PostgreSQL has it.
func TestCopyIntoStreams(t *testing.T) {
	addr := start(t)
	broker := topics(t, "as_json", "as_csv")
	theirs := connect(t, addr[0])
	ours := connect(t, gateway.Start(t, gateway.Options{Brokers: broker}).Listen)
	const columns = "id int, t text, n numeric, b boolean, ts timestamptz, by bytea, a int[], j jsonb, f float8"
	must(t, theirs, "SET TimeZone = 'UTC'; CREATE TEMP TABLE origin ("+columns+`);
		INSERT INTO origin VALUES (1, 'plain', 1.50, true, '2024-02-29 12:00:00.5+00', '\x00ff41', '{1,NULL,3}', '{"a": [1, 2]}', 0.1),
			(2, E'tab\there, "quoted" \\ and\nlines', -0.00001, false, '1999-12-31 23:59:59+00', '\x', '{}', '0', 'NaN'),
			(3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
			(4, '', 12345678901234567890.123, true, '2024-01-01+00', '\x5c4e', '{{1,2},{3,4}}', '"\u00e9"', '-Infinity'),
			(5, '\N', 0, false, '2024-01-01+00', '\x00', '{0}', '{}', 1e300)`)
	must(t, ours, "SET TimeZone = 'UTC'; CREATE STREAM as_json ("+columns+`) WITH (type = 'kafka');
		CREATE STREAM as_csv (`+columns+`) WITH (type = 'kafka', format = 'csv', 'null' = '\N')`)
	want := run(theirs, "SELECT * FROM origin ORDER BY id")
	for _, target := range []string{"as_json", "as_csv"} {
		for i, format := range []string{"FORMAT text", "FORMAT csv", "FORMAT csv, HEADER match, DELIMITER ';', NULL 'NIL', FORCE_NOT_NULL (t)", "FORMAT binary"} {
			out := strings.ReplaceAll(format, "HEADER match", "HEADER")
			out = strings.ReplaceAll(out, ", FORCE_NOT_NULL (t)", "")
			var data bytes.Buffer
			if _, err := theirs.CopyTo(t.Context(), &data, "COPY origin TO STDOUT ("+out+")"); err != nil {
				t.Fatal(err)
			}
			text := data.String()
			rows := want
			if strings.Contains(format, "FORCE_NOT_NULL") {
				rows = strings.Replace(want, "3,NULL,", "3,NIL,", 1)
			}
			must(t, ours, "BEGIN")
			tag, err := ours.CopyFrom(t.Context(), strings.NewReader(text), "COPY "+target+" FROM STDIN ("+format+")")
			if err != nil || tag.String() != "COPY 5" {
				t.Fatalf("COPY %s (%s): %s, %v", target, format, tag, err)
			}
			must(t, ours, "COMMIT")
			if got := run(ours, fmt.Sprintf("SELECT * FROM (SELECT * FROM %s ORDER BY _timestamp DESC, _offset DESC LIMIT 5) s ORDER BY id", target)); got != rows {
				t.Errorf("%s, %s:\n%s\nwant\n%s", target, format, got, rows)
			}
			if got, wantCount := run(ours, "SELECT count(*) FROM "+target), fmt.Sprintf("%d SELECT 1", 5*(i+1)); got != wantCount {
				t.Errorf("%s, %s: %s, want %s", target, format, got, wantCount)
			}
		}
		before := run(ours, "SELECT count(*) FROM "+target)
		for _, bad := range []struct{ format, data string }{
			{"FORMAT text", "6\tx\n7\ty\tz\n"},
			{"FORMAT text, DELIMITER '|'", "6|x|1|t|2024-01-01|\\\\x00|{1}|1|1\nx|x|1|t|2024-01-01|\\\\x00|{1}|1|1\n"},
			{"FORMAT csv", "6,x,1,t,2024-01-01,\\x00,{1},1,1\n6,\"x\n"},
			{"FORMAT csv", "6,x,1,t,2024-13-01,\\x00,{1},1,1\n"},
			{"FORMAT csv, HEADER match", "id,t,n,b,ts,by,a,j,g\n"},
			{"FORMAT binary", "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x04\x00\x00\x00\x01"},
			{"FORMAT binary", "not binary"},
		} {
			_, err := theirs.CopyFrom(t.Context(), strings.NewReader(bad.data), "COPY origin FROM STDIN ("+bad.format+")")
			wantError := pgError(err)
			_, err = ours.CopyFrom(t.Context(), strings.NewReader(bad.data), "COPY "+target+" FROM STDIN ("+bad.format+")")
			gotError := pgError(err)
			where := strings.ReplaceAll(wantError.Where, "COPY origin", "COPY "+target)
			if gotError.Code != wantError.Code || gotError.Message != wantError.Message || gotError.Where != where {
				t.Errorf("%s, %s, %q:\n%s %s (%s)\nwant\n%s %s (%s)", target, bad.format, bad.data,
					gotError.Code, gotError.Message, gotError.Where, wantError.Code, wantError.Message, where)
			}
		}
		if got := run(ours, "SELECT count(*) FROM "+target); got != before {
			t.Errorf("%s: %s rows after COPYs that failed, %s before", target, got, before)
		}
	}
}

package parse

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpus returns the texts of testdata.
func corpus(t testing.TB) []string {
	var texts []string
	for _, pattern := range []string{"testdata/seeds/*.sql", "testdata/golden/*", "testdata/plain.sql"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, ".sql") && !strings.HasSuffix(file, "plain.sql") {
				texts = append(texts, string(b))
				continue
			}
			for _, part := range strings.Split(string(b), "\n\n") {
				if _, after, ok := strings.Cut(part, "parse\n"); ok {
					part = after
				}
				part, _, _ = strings.Cut(part, "\n----")
				texts = append(texts, part)
			}
		}
	}
	return texts
}

// spice are the words that make or break streaming clauses.
var spice = strings.Fields(`SELECT FROM WHERE EMIT CHANGES FINAL WINDOW TUMBLING SESSION WITHIN GRACE INTO WITH ( ) , ; . JOIN ON USING
	INTERVAL '5' 1 MINUTES DAY CAST timestamp AS a "b" 'c' = + :: UNION ALL GROUP BY ORDER LIMIT OFFSET CREATE STREAM SINK START JOB DROP
	SHOW STREAMS DESCRIBE EXPLAIN PREPARE DECLARE FOR COPY TO STDOUT VALUES TABLE CASE WHEN THEN ELSE END NOT NULL IF EXISTS WATERMARK
	DEFAULT GENERATED ALWAYS STORED BEGIN ATOMIC -- # /* */ $$ é [ ] DISTINCT IS INSERT FETCH EXECUTE`)

// mutate changes some tokens of a text.
func mutate(r *rand.Rand, texts []string) string {
	text := texts[r.IntN(len(texts))]
	for range 1 + r.IntN(4) {
		list := lex(text)
		if len(list.list) == 0 {
			return text
		}
		i := r.IntN(len(list.list))
		from, to := list.start(i), list.end(i)
		word := spice[r.IntN(len(spice))]
		switch r.IntN(5) {
		case 0: // leave it out
			text = text[:from] + text[to:]
		case 1: // replace it
			text = text[:from] + word + " " + text[to:]
		case 2: // put a word before it
			text = text[:from] + word + " " + text[from:]
		case 3: // repeat some
			j := min(i+r.IntN(6), len(list.list)-1)
			text = text[:list.end(j)] + " " + text[from:]
		case 4: // go on with another text
			text = text[:from] + " " + texts[r.IntN(len(texts))]
		}
	}
	return text
}

// TestMutations holds what FuzzParse does against texts near those of testdata.
func TestMutations(t *testing.T) {
	texts := corpus(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		checkParse(t, mutate(r, texts))
	}
}

package main

import (
	"os"
	"testing"
)

// TestSeveralIntoOneFile has statements of one transaction write to one file,
// which lets no second writer in, and takes some of them back.
func TestSeveralIntoOneFile(t *testing.T) {
	t.Chdir(t.TempDir())
	out, errs, err := runCommand(t, "", "sql", "--embedded", "-c", `
		CREATE SINK out WITH (type = 'file', path = 'out.json');
		BEGIN;
		SELECT a FROM (VALUES (1), (2)) AS v(a) INTO out;
		SAVEPOINT one;
		SELECT a FROM (VALUES (-1)) AS v(a) INTO out;
		SELECT a FROM (VALUES (-2)) AS v(a) INTO out;
		ROLLBACK TO one;
		SELECT a FROM (VALUES (3)) AS v(a) INTO out;
		SAVEPOINT two;
		SELECT a FROM (VALUES (4)) AS v(a) INTO out;
		SAVEPOINT three;
		SELECT a FROM (VALUES (-3)) AS v(a) INTO out;
		ROLLBACK TO three;
		COMMIT;
		BEGIN;
		SELECT a FROM (VALUES (-4)) AS v(a) INTO out;
		SELECT a FROM (VALUES (-5)) AS v(a) INTO out;
		ROLLBACK;`)
	if err != nil {
		t.Fatal(out, errs, err)
	}
	b, err := os.ReadFile("out.json")
	if want := "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":4}\n"; err != nil || string(b) != want {
		t.Errorf("the file has %q, %v, want %q", b, err, want)
	}
}

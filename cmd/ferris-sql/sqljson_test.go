package main

import (
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestSQLJSON: what PostgreSQL 16 has not, and no PostgreSQL here can be asked.
func TestSQLJSON(t *testing.T) {
	datadriven.RunTest(t, "testdata/sqljson", func(t *testing.T, d *datadriven.TestData) string {
		out, errs, err := runCommand(t, "", "sql", "--embedded", "--format", "csv", "-c", d.Input)
		if err != nil {
			return out + errs + err.Error()
		}
		return out
	})
}

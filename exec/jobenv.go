package exec

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
)

// JobEnv is what a job's expressions know: the settings of its CREATE.
func JobEnv(j *catalog.Job, s *catalog.Snapshot) (*function.Env, error) {
	f := types.DefaultFormat()
	if zone := j.Settings["TimeZone"]; zone != "" {
		loc, name, err := types.LoadZone(zone)
		if err != nil {
			return nil, fmt.Errorf("reading the settings of job %s: %w", j.Name, err)
		}
		f.TimeZone, f.TimeZoneName = loc, name
	}
	for _, word := range strings.Split(j.Settings["DateStyle"], ",") {
		switch strings.ToUpper(strings.TrimSpace(word)) {
		case "ISO":
			f.DateStyle = types.DateISO
		case "POSTGRES":
			f.DateStyle = types.DatePostgres
		case "SQL":
			f.DateStyle = types.DateSQL
		case "GERMAN":
			f.DateStyle = types.DateGerman
		case "MDY":
			f.DateOrder = types.OrderMDY
		case "DMY":
			f.DateOrder = types.OrderDMY
		case "YMD":
			f.DateOrder = types.OrderYMD
		}
	}
	switch strings.ToLower(j.Settings["IntervalStyle"]) {
	case "postgres_verbose":
		f.IntervalStyle = types.IntervalPostgresVerbose
	case "sql_standard":
		f.IntervalStyle = types.IntervalSQLStandard
	case "iso_8601":
		f.IntervalStyle = types.IntervalISO8601
	}
	if n, err := strconv.Atoi(j.Settings["extra_float_digits"]); err == nil {
		f.ExtraFloatDigits = n
	}
	f.ByteaEscape = j.Settings["bytea_output"] == "escape"
	path := j.SearchPath()
	f.Rows = s.RowColumns
	f.Enum = func(oid types.OID) *types.Enum { return s.EnumLabels(oid, path) }
	now := microsSince2000(time.Now())
	f.Now = now
	return &function.Env{
		Context: context.Background(), Catalog: s, Format: f, SearchPath: path, User: j.Owner, Database: "ferris",
		TransactionTime: now, StatementTime: now,
	}, nil
}

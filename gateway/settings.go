package gateway

import (
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/charset"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// values are a session's settings at one moment. They are immutable: a SET
// makes new ones, and a ROLLBACK takes the old ones back.
type values struct {
	fixed  []string          // by index in settingsTable, in canonical form
	custom map[string]string // dotted names that are not in the table, lower case
	derived
}

// derived is what other code reads of the settings, computed once per change.
type derived struct {
	format           *types.Format
	charset          *charset.Charset // of the client; nil: UTF8
	searchPath       []string
	statementTimeout time.Duration
	lockTimeout      time.Duration
	idleTimeout      time.Duration
	idleTxnTimeout   time.Duration
	fetchTimeout     time.Duration
	snapshotTimeout  time.Duration
	live             liveCaps
	minMessages      int // index in messageLevels
}

var settingIndex = func() map[string]int {
	m := make(map[string]int, len(settingsTable)+1)
	for i, s := range settingsTable {
		m[strings.ToLower(s.name)] = i
	}
	return m
}()

// Settings that this package reads by itself.
var (
	idxApplicationName = settingIndex["application_name"]
	idxAuthorization   = settingIndex["session_authorization"]
	idxIsSuperuser     = settingIndex["is_superuser"]
	idxRole            = settingIndex["role"]
	idxBytea           = settingIndex["bytea_output"]
	idxClientEncoding  = settingIndex["client_encoding"]
	idxDateStyle       = settingIndex["datestyle"]
	idxDefDeferrable   = settingIndex["default_transaction_deferrable"]
	idxDefIsolation    = settingIndex["default_transaction_isolation"]
	idxDefReadOnly     = settingIndex["default_transaction_read_only"]
	idxSSL             = settingIndex["ssl"]
	idxSnapshotTimeout = settingIndex["ferris.snapshot_timeout"]
	idxLiveBytes       = settingIndex["ferris.live_bytes"]
	idxLiveRows        = settingIndex["ferris.live_rows"]
	idxLiveTime        = settingIndex["ferris.live_time"]
	idxFetchTimeout    = settingIndex["ferris.fetch_timeout"]
	idxFloatDigits     = settingIndex["extra_float_digits"]
	idxIdleTimeout     = settingIndex["idle_session_timeout"]
	idxIdleTxnTimeout  = settingIndex["idle_in_transaction_session_timeout"]
	idxIntervalStyle   = settingIndex["intervalstyle"]
	idxIsolation       = settingIndex["transaction_isolation"]
	idxDeferrable      = settingIndex["transaction_deferrable"]
	idxMinMessages     = settingIndex["client_min_messages"]
	idxReadOnly        = settingIndex["transaction_read_only"]
	idxSearchPath      = settingIndex["search_path"]
	idxStmtTimeout     = settingIndex["statement_timeout"]
	idxLockTimeout     = settingIndex["lock_timeout"]
	idxTimeZone        = settingIndex["timezone"]
	idxVersion         = settingIndex["server_version"]
)

// newValues are the boot values of a server of that version.
func newValues(version string) *values {
	v := &values{fixed: make([]string, len(settingsTable))}
	for i, s := range settingsTable {
		v.fixed[i] = s.boot
	}
	v.fixed[idxVersion] = "16.0 (FerrisStreams " + version + ")"
	v.derive()
	return v
}

// with returns the values changed by a set of names, in no particular order.
func (v *values) with(m map[string]string) (*values, error) {
	for name, value := range m {
		next, err := v.set(name, value)
		if err != nil {
			return nil, err
		}
		v = next
	}
	return v, nil
}

// settingName is the key of a name as a client wrote it.
func settingName(name string) string {
	name = strings.ToLower(name)
	switch name {
	case "time zone":
		return "timezone"
	case "transaction isolation level":
		return "transaction_isolation"
	case "session authorization":
		return "session_authorization"
	}
	return name
}

// find returns the place of a name in the table, -1 for a custom one that a
// client may make up, or 42704.
func find(name string) (int, error) {
	key := settingName(name)
	if i, ok := settingIndex[key]; ok {
		return i, nil
	}
	if !strings.Contains(key, ".") {
		return 0, unknownSetting(name)
	}
	if strings.HasPrefix(key, "ferris.") {
		return 0, sqlerr.Errorf(sqlerr.InvalidName, "invalid configuration parameter name %q", name).
			WithDetail(`"ferris" is a reserved prefix.`).
			WithHint("SHOW ALL lists the parameters.")
	}
	for part := range strings.SplitSeq(key, ".") {
		if !isCustomPart(part) {
			return 0, sqlerr.Errorf(sqlerr.InvalidName, "invalid configuration parameter name %q", name).
				WithDetail("Custom parameter names must be two or more simple identifiers separated by dots.")
		}
	}
	return -1, nil
}

func unknownSetting(name string) *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.UndefinedObject, "unrecognized configuration parameter %q", name)
}

// listed says where that is found which other systems list with SHOW.
var listed = map[string]string{
	"columns":     "Use DESCRIBE name, or psql's \\d name.",
	"connectors":  "SELECT name FROM ferris.connectors lists them.",
	"databases":   "Use psql's \\l, or SELECT datname FROM pg_database.",
	"functions":   "docs/functions.md has the functions; pg_proc does, too.",
	"processlist": "Use SELECT ... FROM pg_stat_activity.",
	"queries":     "Use SELECT ... FROM pg_stat_activity; SHOW JOBS lists what runs for ever.",
	"roles":       "Use psql's \\du, or SELECT rolname FROM pg_roles.",
	"schemas":     "Use psql's \\dn, or SELECT nspname FROM pg_namespace.",
	"sources":     "Use SHOW STREAMS.",
	"tables":      "Use psql's \\dt, or SELECT tablename FROM pg_tables; SHOW STREAMS lists the streams.",
	"users":       "Use psql's \\du, or SELECT rolname FROM pg_roles.",
	"views":       "Use psql's \\dv, or SELECT viewname FROM pg_views; SHOW MATERIALIZED VIEWS lists those that are kept.",
}

// unknownShown is the error of SHOW of what is no setting, with the place of what was
// looked for.
func unknownShown(name string) *sqlerr.Error {
	e := unknownSetting(name)
	if hint, ok := listed[strings.ToLower(name)]; ok {
		return e.WithHint("%s", hint)
	}
	return e
}

func isCustomPart(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= utf8.RuneSelf
		if !letter && (i == 0 || r != '$' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != ""
}

// raw returns a setting in canonical form: integers in their own unit.
func (v *values) raw(name string) (string, bool) {
	key := settingName(name)
	if i, ok := settingIndex[key]; ok {
		return v.fixed[i], true
	}
	x, ok := v.custom[key]
	return x, ok
}

// show returns a setting as SHOW prints it.
func (v *values) show(name string) (string, bool) {
	key := settingName(name)
	if i, ok := settingIndex[key]; ok {
		return settingsTable[i].display(v.fixed[i]), true
	}
	x, ok := v.custom[key]
	return x, ok
}

// set returns the values with one changed, or the error that SET reports.
func (v *values) set(name, value string) (*values, error) {
	i, err := find(name)
	if err != nil {
		return nil, err
	}
	if i < 0 {
		next := *v
		next.custom = maps.Clone(v.custom)
		if next.custom == nil {
			next.custom = map[string]string{}
		}
		next.custom[settingName(name)] = value
		return &next, nil
	}
	s := &settingsTable[i]
	switch s.context {
	case "internal":
		return nil, sqlerr.Errorf(sqlerr.CantChangeRuntimeParam, "parameter %q cannot be changed", s.name)
	case "postmaster":
		return nil, sqlerr.Errorf(sqlerr.CantChangeRuntimeParam, "parameter %q cannot be changed without restarting the server", s.name)
	case "sighup":
		return nil, sqlerr.Errorf(sqlerr.CantChangeRuntimeParam, "parameter %q cannot be changed now", s.name)
	}
	canonical, err := s.canonical(value)
	if err != nil {
		return nil, err
	}
	return v.replace(i, canonical)
}

// replace sets one place without asking whether a client may.
func (v *values) replace(i int, canonical string) (*values, error) {
	switch i {
	case idxDateStyle:
		style, order, err := parseDateStyle(canonical, v.format.DateStyle, v.format.DateOrder)
		if err != nil {
			return nil, err
		}
		canonical = dateStyleName(style, order)
	case idxTimeZone:
		_, name, err := loadZone(canonical)
		if err != nil {
			return nil, err
		}
		canonical = name
	}
	if v.fixed[i] == canonical {
		return v, nil
	}
	next := *v
	next.fixed = append([]string(nil), v.fixed...)
	next.fixed[i] = canonical
	next.derive()
	return &next, nil
}

// reset returns the values with one, or with "all" every one that RESET ALL
// touches, as base has it.
func (v *values) reset(name string, base *values) (*values, error) {
	if strings.EqualFold(name, "all") {
		next := *base
		next.fixed = append([]string(nil), base.fixed...)
		for i := range settingsTable {
			if settingsTable[i].noReset {
				next.fixed[i] = v.fixed[i]
			}
		}
		next.custom = base.custom
		next.derive()
		return &next, nil
	}
	i, err := find(name)
	if err != nil {
		return nil, err
	}
	if i >= 0 {
		if c := settingsTable[i].context; c != "user" {
			return v.set(name, base.fixed[i])
		}
		return v.replace(i, base.fixed[i])
	}
	key := settingName(name)
	if _, ok := v.custom[key]; !ok {
		return nil, unknownSetting(name)
	}
	next := *v
	next.custom = maps.Clone(v.custom)
	// A custom parameter once made stays, empty, for the session.
	next.custom[key] = base.custom[key]
	return &next, nil
}

// derive fills what is computed from the canonical forms. They were checked
// when they were set, so nothing can fail here.
func (v *values) derive() {
	f := &types.Format{}
	f.DateStyle, f.DateOrder, _ = parseDateStyle(v.fixed[idxDateStyle], types.DateISO, types.OrderMDY)
	f.TimeZone, f.TimeZoneName, _ = loadZone(v.fixed[idxTimeZone])
	f.IntervalStyle = intervalStyles[v.fixed[idxIntervalStyle]]
	f.ExtraFloatDigits, _ = strconv.Atoi(v.fixed[idxFloatDigits])
	f.ByteaEscape = v.fixed[idxBytea] == "escape"
	v.format = f
	v.charset = encodingOf(v.fixed[idxClientEncoding])
	v.searchPath = resolvePath(v.fixed[idxSearchPath], v.currentUser())
	v.statementTimeout = millis(v.fixed[idxStmtTimeout])
	v.lockTimeout = millis(v.fixed[idxLockTimeout])
	v.idleTimeout = millis(v.fixed[idxIdleTimeout])
	v.idleTxnTimeout = millis(v.fixed[idxIdleTxnTimeout])
	v.fetchTimeout = millis(v.fixed[idxFetchTimeout])
	v.snapshotTimeout = millis(v.fixed[idxSnapshotTimeout])
	v.live = newLiveCaps(v.fixed[idxLiveRows], v.fixed[idxLiveBytes], v.fixed[idxLiveTime])
	for i, level := range messageLevels {
		if level == v.fixed[idxMinMessages] {
			v.minMessages = i
		}
	}
}

var intervalStyles = map[string]types.IntervalStyle{
	"postgres": types.IntervalPostgres, "postgres_verbose": types.IntervalPostgresVerbose,
	"sql_standard": types.IntervalSQLStandard, "iso_8601": types.IntervalISO8601,
}

func millis(s string) time.Duration {
	n, _ := strconv.ParseInt(s, 10, 64)
	return time.Duration(n) * time.Millisecond
}

// resolvePath is the search path with "$user" replaced. A user who is called as
// a system schema is, the default superuser ferris among them, has none of its own.
func resolvePath(path, user string) []string {
	items, _ := splitIdentifiers(path)
	resolved := items[:0]
	for _, item := range items {
		if item == "$user" {
			switch item = user; user {
			case "ferris", "pg_catalog", "information_schema":
				continue
			}
		}
		resolved = append(resolved, item)
	}
	return resolved
}

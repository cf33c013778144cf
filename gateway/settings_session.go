package gateway

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// sessionSettings are a session's settings and what its transaction may still
// do to them. A SET LOCAL changes current alone; COMMIT makes kept current,
// ROLLBACK takes both back to where the transaction, or the savepoint, began.
type sessionSettings struct {
	current *values
	kept    *values
	start   *values // what RESET returns to

	reported     []string // by table index: what the client was last told
	reportedFrom *values

	format   *types.Format // current.format with the session's name lookups
	formatOf *values
}

// settingsMark is where a rollback returns to.
type settingsMark struct{ current, kept *values }

func (s *sessionSettings) init(x *session, v *values) {
	s.current, s.kept, s.start = v, v, v
}

func (s *sessionSettings) mark() settingsMark { return settingsMark{s.current, s.kept} }

func (s *sessionSettings) rollback(m settingsMark) { s.current, s.kept = m.current, m.kept }

func (s *sessionSettings) commit() { s.current = s.kept }

// format is what values are read and written with, without Now.
func (x *session) format() *types.Format {
	s := &x.settings
	if s.formatOf != s.current {
		f := *s.current.format
		f.RegIn, f.RegOut, f.Rows, f.Enum = x.regIn, x.regOut, x.rowColumns, x.enum
		s.format, s.formatOf = &f, s.current
	}
	return s.format
}

// setVariable is SET, SET LOCAL and set_config.
func (x *session) setVariable(name, value string, local bool) error {
	switch settingName(name) {
	case "role":
		return x.setRole(value, local)
	case "session_authorization":
		return x.setAuthorization(value, local)
	}
	return x.changeSettings(local, func(v *values) (*values, error) { return v.set(name, value) }, settingName(name), value)
}

func (x *session) changeSettings(local bool, change func(*values) (*values, error), key, value string) error {
	if strings.HasPrefix(key, "transaction_") {
		return x.setTransactionMode(key, value)
	}
	current, err := change(x.settings.current)
	if err != nil {
		return err
	}
	if !local {
		kept, err := change(x.settings.kept)
		if err != nil {
			return err
		}
		// Mostly the two are one; then they stay one, for plan caches compare
		// pointers.
		if x.settings.kept == x.settings.current {
			kept = current
		}
		x.settings.kept = kept
	}
	x.settings.current = current
	return nil
}

// show is SHOW name.
func (x *session) show(name string) (string, bool) {
	if v, ok := x.txn.mode(&x.settings, settingName(name)); ok {
		return v, true
	}
	return x.settings.current.show(name)
}

// setStatement runs SET.
func (x *session) setStatement(s *plan.SetVariable) error {
	key := settingName(s.Name)
	if s.Local && !x.txn.inBlock() {
		what := "SET LOCAL"
		if strings.HasPrefix(key, "transaction_") {
			what = "SET TRANSACTION"
		}
		x.warn(sqlerr.NoActiveSQLTransaction, "%s can only be used in transaction blocks", what)
	}
	for i := range s.Also {
		if err := x.setStatement(&s.Also[i]); err != nil {
			return err
		}
	}
	if s.Values == nil {
		return x.resetVariable(s.Name, s.Local)
	}
	value := strings.Join(s.Values, ", ")
	if i, ok := settingIndex[key]; ok {
		switch {
		case settingsTable[i].list:
			quoted := make([]string, len(s.Values))
			for j, item := range s.Values {
				quoted[j] = catalog.QuoteName(item)
			}
			value = strings.Join(quoted, ", ")
		case len(s.Values) > 1 && i != idxDateStyle:
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "SET %s takes only one argument", settingsTable[i].name)
		}
	}
	return x.setVariable(s.Name, value, s.Local)
}

// resetVariable is RESET and SET ... TO DEFAULT.
func (x *session) resetVariable(name string, local bool) error {
	key := settingName(name)
	switch key {
	case "role":
		return x.setRole(x.settings.start.fixed[idxRole], local)
	case "session_authorization":
		return x.setAuthorization(x.user, local)
	}
	if strings.HasPrefix(key, "transaction_") {
		i, err := find(key)
		if err != nil {
			return err
		}
		return x.setTransactionMode(key, x.settings.current.fixed[defaultOfMode[i]])
	}
	return x.changeSettings(local, func(v *values) (*values, error) { return v.reset(name, x.settings.start) }, key, "")
}

// reportSettings sends ParameterStatus for what has changed since the client
// was last told; all of it to a client that was told nothing.
func (x *session) reportSettings() {
	s := &x.settings
	if s.reportedFrom == s.current {
		return
	}
	first := s.reported == nil
	if first {
		s.reported = make([]string, len(settingsTable))
	}
	for i := range settingsTable {
		if !settingsTable[i].report || !first && s.reported[i] == s.current.fixed[i] {
			continue
		}
		s.reported[i] = s.current.fixed[i]
		x.w.parameterStatus(settingsTable[i].name, settingsTable[i].display(s.current.fixed[i]))
	}
	s.reportedFrom = s.current
}

// showRows are the rows of SHOW ALL.
func (x *session) showRows() [][]string {
	rows := make([][]string, 0, len(settingsTable))
	for i := range settingsTable {
		v, _ := x.show(settingsTable[i].name)
		rows = append(rows, []string{settingsTable[i].name, v, settingsTable[i].short})
	}
	return rows
}

package bind

import (
	"context"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// The key of a view's options that says which rows may be written through it, and
// its values: those that the view's own condition, or those of the views that it
// reads too, shows.
const (
	checkOption = "check_option"
	checkLocal  = "local"
	checkAll    = "cascaded"
)

// writtenOptions reads WITH (...) of a view, and WITH CHECK OPTION.
func (b *binder) writtenOptions(x *pg.ViewStmt) catalog.Options {
	var all catalog.Options
	for _, n := range x.Options {
		d := n.GetDefElem()
		value := optionText(d)
		switch {
		case d.Defnamespace != "":
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "unrecognized parameter namespace \"%s\"", d.Defnamespace))
		case d.Defname == "security_barrier" || d.Defname == "security_invoker":
			b.checkStorage(d.Defname, value, storageParameter{boolean: true})
			if d.Defname == "security_invoker" && (d.Arg == nil || optionBool(d)) {
				b.unsupported(x.View.Location, "Leave the option out.", "option \"%s\" of a view is not supported", d.Defname)
			}
		case d.Defname != checkOption:
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "unrecognized parameter \"%s\"", d.Defname))
		default:
			value = strings.ToLower(value)
			if value != checkLocal && value != checkAll {
				b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for enum option \"%s\": %s", d.Defname, optionText(d)).
					WithDetail("Valid values are \"local\" and \"cascaded\"."))
			}
		}
		if _, twice := all.Get(d.Defname); twice {
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "parameter \"%s\" specified more than once", d.Defname))
		}
		all = append(all, catalog.Option{Key: d.Defname, Value: value})
	}
	if x.WithCheckOption == pg.ViewCheckOption_LOCAL_CHECK_OPTION || x.WithCheckOption == pg.ViewCheckOption_CASCADED_CHECK_OPTION {
		if _, twice := all.Get(checkOption); twice {
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "parameter \"%s\" specified more than once", checkOption))
		}
		value := checkAll
		if x.WithCheckOption == pg.ViewCheckOption_LOCAL_CHECK_OPTION {
			value = checkLocal
		}
		all = append(all, catalog.Option{Key: checkOption, Value: value})
	}
	return all
}

// checkCheckable refuses CHECK OPTION on a view that rows cannot be written through.
func (b *binder) checkCheckable(r *catalog.Relation) {
	if _, ok := r.Options.Get(checkOption); !ok {
		return
	}
	const only = "WITH CHECK OPTION is supported only on automatically updatable views"
	u, why := (*updatable)(nil), "Views that do not select from a single table or view are not automatically updatable."
	if b.overTables(r) {
		u, why = b.changeable(r)
	}
	if why == "" && !hasPlace(u.places) {
		why = "Views that have no updatable columns are not automatically updatable."
	}
	if why != "" {
		b.fail(sqlerr.Unsupported(why, only))
	}
}

func hasPlace(places []int) bool {
	for _, p := range places {
		if p >= 0 {
			return true
		}
	}
	return false
}

// viewChecks are the conditions that rows written through a view have to meet, over
// the table's row: those of the innermost view first. all: a view over this one asks
// for the conditions of those that it reads.
func (b *binder) viewChecks(u *updatable, all bool) []plan.NewRowCheck {
	if u == nil {
		return nil
	}
	option, has := u.view.Options.Get(checkOption)
	all = all || option == checkAll
	checks := b.viewChecks(u.over, all)
	if !has && !all {
		return checks
	}
	if own := b.ownCond(u); own != nil {
		checks = append(checks, plan.NewRowCheck{Name: u.view.Name, Expr: own})
	}
	return checks
}

// keepsViewColumns is what CREATE OR REPLACE VIEW leaves of the view that is there.
func (b *binder) keepsViewColumns(r *catalog.Relation) {
	old := b.findRelation(r.Schema, r.Name)
	if old == nil || old.Kind != catalog.View || old.Schema != r.Schema {
		return
	}
	if len(r.Columns) < len(old.Columns) {
		b.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "cannot drop columns from view"))
	}
	for i, was := range old.Columns {
		is := r.Columns[i]
		if is.Name != was.Name {
			b.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "cannot change name of view column \"%s\" to \"%s\"", was.Name, is.Name).
				WithHint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead."))
		}
		if is.Type != was.Type {
			b.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "cannot change data type of view column \"%s\" from %s to %s",
				was.Name, b.formatMod(was.Type), b.formatMod(is.Type)))
		}
	}
}

// Updatable says of each column of a view whether it can be updated through it; nil:
// no row can be written through the view.
func Updatable(ctx context.Context, c *Context, r *catalog.Relation) []bool {
	var out []bool
	var failed error
	func() {
		defer catch(&failed)
		b := &binder{ctx: ctx, c: c, shared: &shared{params: newParams(nil)}}
		if r.Kind != catalog.View || !b.overTables(r) {
			return
		}
		if u, why := b.changeable(r); why == "" {
			out = make([]bool, len(u.places))
			for i, p := range u.places {
				out[i] = p >= 0
			}
		}
	}()
	if failed != nil {
		return nil
	}
	return out
}

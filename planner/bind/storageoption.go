package bind

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// storageParameter is a parameter of WITH ( ): a number within bounds, or a
// truth value. They are kept and shown; pages are of one size here.
type storageParameter struct {
	min, max float64
	whole    bool
	boolean  bool
}

// tableOptions are PostgreSQL's storage parameters of tables.
var tableOptions = map[string]storageParameter{
	"fillfactor":                            {min: 10, max: 100, whole: true},
	"toast_tuple_target":                    {min: 128, max: 8160, whole: true},
	"parallel_workers":                      {min: 0, max: 1024, whole: true},
	"autovacuum_enabled":                    {boolean: true},
	"autovacuum_vacuum_threshold":           {min: 0, max: 1<<31 - 1, whole: true},
	"autovacuum_vacuum_scale_factor":        {min: 0, max: 100},
	"autovacuum_vacuum_insert_threshold":    {min: -1, max: 1<<31 - 1, whole: true},
	"autovacuum_analyze_threshold":          {min: 0, max: 1<<31 - 1, whole: true},
	"autovacuum_analyze_scale_factor":       {min: 0, max: 100},
	"autovacuum_vacuum_cost_delay":          {min: -1, max: 100},
	"autovacuum_vacuum_cost_limit":          {min: 1, max: 10000, whole: true},
	"autovacuum_freeze_max_age":             {min: 100000, max: 2000000000, whole: true},
	"log_autovacuum_min_duration":           {min: -1, max: 1<<31 - 1, whole: true},
	"user_catalog_table":                    {boolean: true},
	"vacuum_truncate":                       {boolean: true},
	"autovacuum_vacuum_insert_scale_factor": {min: 0, max: 100},
}

// indexOptions are those of btree indexes.
var indexOptions = map[string]storageParameter{
	"fillfactor":        {min: 10, max: 100, whole: true},
	"deduplicate_items": {boolean: true},
}

// storageOptions reads WITH (fillfactor = 90, ...), as PostgreSQL validates it.
func (b *binder) storageOptions(list []*pg.Node, known map[string]storageParameter) catalog.Options {
	var all catalog.Options
	for _, n := range list {
		d := n.GetDefElem()
		if d.Defnamespace != "" && d.Defnamespace != "toast" {
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "unrecognized parameter namespace \"%s\"", d.Defnamespace))
		}
		if d.Defname == "oids" {
			if d.Arg == nil || optionBool(d) {
				b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "tables declared WITH OIDS are not supported"))
			}
			continue
		}
		value := optionText(d)
		if d.Defnamespace == "toast" {
			continue // there is no table aside for long values
		}
		p, ok := known[d.Defname]
		if !ok {
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "unrecognized parameter \"%s\"", d.Defname))
		}
		if _, twice := all.Get(d.Defname); twice {
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "parameter \"%s\" specified more than once", d.Defname))
		}
		b.checkStorage(d.Defname, value, p)
		all = append(all, catalog.Option{Key: d.Defname, Value: value})
	}
	return all
}

func (b *binder) checkStorage(name, value string, p storageParameter) {
	if p.boolean {
		switch strings.ToLower(value) {
		case "true", "false", "on", "off", "yes", "no", "1", "0", "t", "f", "y", "n":
			return
		}
		b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for boolean option \"%s\": %s", name, value))
	}
	n, err := strconv.ParseFloat(value, 64)
	kind := "floating point"
	if p.whole {
		kind = "integer"
		i, ierr := strconv.ParseInt(value, 10, 32)
		n, err = float64(i), ierr
	}
	if err != nil {
		b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for %s option \"%s\": %s", kind, name, value))
	}
	if n < p.min || n > p.max {
		low, high := strconv.FormatFloat(p.min, 'f', -1, 64), strconv.FormatFloat(p.max, 'f', -1, 64)
		if !p.whole {
			low, high = strconv.FormatFloat(p.min, 'f', 6, 64), strconv.FormatFloat(p.max, 'f', 6, 64)
		}
		b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "value %s out of bounds for option \"%s\"", value, name).
			WithDetail("Valid values are between \"%s\" and \"%s\".", low, high))
	}
}

// optionText is an option's value as text; one without is true.
func optionText(d *pg.DefElem) string {
	if d.Arg == nil {
		return "true"
	}
	switch v := d.Arg.Node.(type) {
	case *pg.Node_Integer:
		return strconv.Itoa(int(v.Integer.Ival))
	case *pg.Node_Float:
		return v.Float.Fval
	case *pg.Node_Boolean:
		return strconv.FormatBool(v.Boolean.Boolval)
	case *pg.Node_String_:
		return v.String_.Sval
	case *pg.Node_TypeName:
		return strings.Join(strs(v.TypeName.Names), ".")
	}
	return ""
}

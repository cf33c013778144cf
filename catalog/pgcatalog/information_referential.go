package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

var ruleWords = map[catalog.ReferentialAction]string{
	catalog.NoAction: "NO ACTION", catalog.Restrict: "RESTRICT", catalog.Cascade: "CASCADE",
	catalog.SetNull: "SET NULL", catalog.SetDefault: "SET DEFAULT",
}

func infoReferentialConstraints(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		for _, k := range r.Foreign() {
			target := c.Snapshot.RelationByOID(k.Target)
			match := "NONE"
			if k.Full {
				match = "FULL"
			}
			row := t.row().
				str("constraint_catalog", c.Database).
				str("constraint_schema", r.Schema).
				str("constraint_name", k.Name).
				str("match_option", match).
				str("update_rule", ruleWords[k.OnUpdate]).
				str("delete_rule", ruleWords[k.OnDelete])
			if x := target.IndexWithOID(k.Index); x != nil && x.Constraint {
				row.str("unique_constraint_catalog", c.Database).
					str("unique_constraint_schema", target.Schema).
					str("unique_constraint_name", x.Name)
			}
			row.emit()
		}
	}
}

package pgcatalog

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

// shows reports whether information_schema shows a relation: its tables are those on
// which the role has a privilege.
func (c *Context) shows(r *catalog.Relation) bool {
	o := r.Object()
	if c.Snapshot.Owns(c.User, o) {
		return true
	}
	rights, _ := c.Snapshot.Rights(c.User, o)
	return rights != 0 || c.Snapshot.SomeColumn(c.User, r) != 0
}

// showsColumn is shows of one of a relation's columns, by its place.
func (c *Context) showsColumn(r *catalog.Relation, at int) bool {
	o := r.Object()
	if c.Snapshot.Owns(c.User, o) {
		return true
	}
	rights, _ := c.Snapshot.Rights(c.User, o)
	return rights&catalog.ColumnClass.All() != 0 || c.Snapshot.ColumnRights(c.User, r, at) != 0
}

// grantsOn are the privileges on an object that concern the role that asks: given by
// it or to it, or, with public, to everyone.
func (c *Context) grantsOn(o catalog.Object, public bool, each func(i catalog.ACLItem, right string, grantable bool)) {
	for _, i := range o.List() {
		mine := c.Snapshot.HasRole(c.User, i.Grantor) || i.Grantee != "" && c.Snapshot.HasRole(c.User, i.Grantee)
		if i.Grantee == "" {
			mine = public || mine
		}
		if !mine {
			continue
		}
		for _, right := range i.Rights.Names() {
			grantable := i.Options&catalog.RightNamed(right) != 0 || i.Grantee != "" && c.Snapshot.HasRole(i.Grantee, o.Owner)
			each(i, right, grantable)
		}
	}
}

// grantee is a role as information_schema writes it.
func grantee(name string) string {
	if name == "" {
		return "PUBLIC"
	}
	return name
}

// privilegeTables are the relations with privileges of tables.
func privilegeTables(c *Context) []*catalog.Relation {
	var all []*catalog.Relation
	for _, r := range c.Snapshot.Relations() {
		if r.Kind != catalog.Sequence && r.Kind != catalog.MatView {
			all = append(all, r)
		}
	}
	return all
}

func infoTablePrivileges(c *Context, t *table) { tableGrants(c, t, true) }

func infoRoleTableGrants(c *Context, t *table) { tableGrants(c, t, false) }

func tableGrants(c *Context, t *table, public bool) {
	for _, r := range privilegeTables(c) {
		c.grantsOn(r.Object(), public, func(i catalog.ACLItem, right string, grantable bool) {
			t.row().
				str("grantor", i.Grantor).
				str("grantee", grantee(i.Grantee)).
				str("table_catalog", c.Database).
				str("table_schema", r.Schema).
				str("table_name", r.Name).
				str("privilege_type", right).
				str("is_grantable", yesNo(grantable)).
				str("with_hierarchy", yesNo(right == "SELECT")).
				emit()
		})
	}
}

func infoColumnPrivileges(c *Context, t *table) { columnGrants(c, t, true) }

func infoRoleColumnGrants(c *Context, t *table) { columnGrants(c, t, false) }

// columnGrants are the privileges on columns: those on their relation, and their own.
func columnGrants(c *Context, t *table, public bool) {
	type grant struct {
		of        catalog.ACLItem
		right     string
		grantable bool
	}
	for _, r := range privilegeTables(c) {
		var whole []grant
		c.grantsOn(r.Object(), public, func(i catalog.ACLItem, right string, grantable bool) {
			if catalog.ColumnClass.All()&catalog.RightNamed(right) != 0 {
				whole = append(whole, grant{catalog.ACLItem{Grantee: i.Grantee, Grantor: i.Grantor}, right, grantable})
			}
		})
		for at, col := range r.Columns {
			all := whole[:len(whole):len(whole)]
			c.grantsOn(r.ColumnObject(at), public, func(i catalog.ACLItem, right string, grantable bool) {
				if g := (grant{catalog.ACLItem{Grantee: i.Grantee, Grantor: i.Grantor}, right, grantable}); !slices.Contains(whole, g) {
					all = append(all, g)
				}
			})
			for _, g := range all {
				t.row().
					str("grantor", g.of.Grantor).
					str("grantee", grantee(g.of.Grantee)).
					str("table_catalog", c.Database).
					str("table_schema", r.Schema).
					str("table_name", r.Name).
					str("column_name", col.Name).
					str("privilege_type", g.right).
					str("is_grantable", yesNo(g.grantable)).
					emit()
			}
		}
	}
}

func infoUsagePrivileges(c *Context, t *table) { usageGrants(c, t, true) }

func infoRoleUsageGrants(c *Context, t *table) { usageGrants(c, t, false) }

func usageGrants(c *Context, t *table, public bool) {
	emit := func(o catalog.Object, schema, kind string) {
		c.grantsOn(o, public, func(i catalog.ACLItem, right string, grantable bool) {
			if right != "USAGE" {
				return
			}
			t.row().
				str("grantor", i.Grantor).
				str("grantee", grantee(i.Grantee)).
				str("object_catalog", c.Database).
				str("object_schema", schema).
				str("object_name", o.Name).
				str("object_type", kind).
				str("privilege_type", right).
				str("is_grantable", yesNo(grantable)).
				emit()
		})
	}
	for _, r := range c.Snapshot.Relations() {
		if r.Kind == catalog.Sequence {
			emit(r.Object(), r.Schema, "SEQUENCE")
		}
	}
	if c.Server != nil && c.Server.Connectors != nil {
		for _, x := range c.Server.Connectors.Connectors() {
			emit(c.Snapshot.ConnectorObject(x.Name), "", "FOREIGN DATA WRAPPER")
		}
	}
}

func infoEnabledRoles(c *Context, t *table) {
	for _, name := range roles(c) {
		if c.Snapshot.HasRole(c.User, name) {
			t.row().str("role_name", name).emit()
		}
	}
}

func infoApplicableRoles(c *Context, t *table) {
	for _, name := range c.Snapshot.Roles() {
		for _, m := range c.Snapshot.AnyRole(name).Groups {
			if c.Snapshot.HasRole(c.User, name) {
				t.row().str("grantee", name).str("role_name", m.Role).str("is_grantable", yesNo(m.Admin)).emit()
			}
		}
	}
}

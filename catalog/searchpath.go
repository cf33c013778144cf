package catalog

import (
	"slices"
	"strconv"
	"strings"
)

const tempPrefix = "pg_temp_"

// Temporary tells whether a schema is a session's own, pg_temp_N. Its relations
// are seen by all, are never stored, and go with the session.
func Temporary(schema string) bool { return strings.HasPrefix(schema, tempPrefix) }

// TempSchema is the schema of a session's temporary relations; pid is its
// pg_backend_pid. It comes to be with the first of them.
func TempSchema(pid int32) string { return tempPrefix + strconv.Itoa(int(pid)) }

// SearchPath turns the value of search_path into the schemas to look through:
// "$user" is the user's own schema, pg_temp the session's, which comes first
// where it is not named, and then pg_catalog where that is not named. Schemas
// that do not exist stay; nothing is found in them. temp "": the session has none.
func SearchPath(setting []string, user, temp string) []string {
	var path []string
	named := false
	for _, s := range setting {
		switch s {
		case "$user":
			s = user
		case "pg_temp":
			named = true
			if s = temp; temp == "" {
				continue
			}
		}
		named = named || s == temp
		path = append(path, s)
	}
	if !slices.Contains(path, "pg_catalog") {
		path = append([]string{"pg_catalog"}, path...)
	}
	if temp != "" && !named {
		path = append([]string{temp}, path...)
	}
	return path
}

// Visible tells whether an unqualified name finds this relation.
func (s *Snapshot) Visible(r *Relation, path []string) bool { return s.Resolve(path, r.Name) == r }

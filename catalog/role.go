package catalog

import (
	"hash/fnv"
	"sort"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// superuserOID is PostgreSQL's OID of the role that owns what comes with the server.
const superuserOID types.OID = 10

// RoleOID is a role's OID. Roles are names, known by what they own and by who is
// connected; the OID follows from the name. It lies above every other OID.
func RoleOID(name string) types.OID {
	if name == Superuser {
		return superuserOID
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return types.OID(h.Sum32() | 1<<31)
}

// Roles are the names of the superuser, of those that CREATE ROLE has made, of all
// who own something, and of those given, sorted.
func (s *Snapshot) Roles(more ...string) []string {
	seen := map[string]bool{Superuser: true}
	for name := range s.roles {
		seen[name] = true
	}
	for _, sc := range s.schemas {
		seen[sc.Owner] = true
	}
	for _, r := range s.byOID {
		seen[r.Owner] = true
	}
	for _, j := range s.jobs {
		seen[j.Owner] = true
	}
	for _, e := range s.enumOf {
		seen[e.Owner] = true
	}
	for _, name := range more {
		seen[name] = true
	}
	delete(seen, "")
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// RoleName is the name that RoleOID gives an OID, among Roles(more...).
func (s *Snapshot) RoleName(oid types.OID, more ...string) (string, bool) {
	names := s.roleNames.Load()
	if names == nil {
		m := map[types.OID]string{}
		for _, name := range s.Roles() {
			m[RoleOID(name)] = name
		}
		names = &m
		s.roleNames.Store(names) // whoever is first; all make the same
	}
	if name, ok := (*names)[oid]; ok {
		return name, true
	}
	for _, name := range more {
		if RoleOID(name) == oid {
			return name, true
		}
	}
	return "", false
}

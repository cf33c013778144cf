package gateway

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// noRole is what the setting role says while nobody has SET ROLE.
const noRole = "none"

// currentUser is whose rights statements have.
func (v *values) currentUser() string {
	if role := v.fixed[idxRole]; role != noRole {
		return role
	}
	return v.sessionUser()
}

// sessionUser is who has connected, or whom SET SESSION AUTHORIZATION named since.
func (v *values) sessionUser() string { return v.fixed[idxAuthorization] }

// as is the values of a session user and a role.
func (v *values) as(s *catalog.Snapshot, user, role string) *values {
	next := *v
	next.fixed = append([]string(nil), v.fixed...)
	next.fixed[idxAuthorization], next.fixed[idxRole], next.fixed[idxIsSuperuser] = user, role, "off"
	if s.Superuser(next.currentUser()) {
		next.fixed[idxIsSuperuser] = "on"
	}
	next.derive()
	return &next
}

// setRole is SET ROLE: to none, or to a role that the session user may take.
func (x *session) setRole(role string, local bool) error {
	s := x.begin().Snapshot()
	if err := mayTakeRole(s, x.settings.current.sessionUser(), role); err != nil {
		return err
	}
	return x.changeSettings(local, func(v *values) (*values, error) { return v.as(s, v.sessionUser(), role), nil }, "role", role)
}

// mayTakeRole is the check of SET ROLE.
func mayTakeRole(s *catalog.Snapshot, user, role string) error {
	switch {
	case role == noRole:
		return nil
	case s.Role(role) == nil:
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "role \"%s\" does not exist", role)
	case !s.MaySet(user, role):
		return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied to set role \"%s\"", role)
	}
	return nil
}

// setAuthorization is SET SESSION AUTHORIZATION, which only who has connected as a
// superuser may give another name than its own. It takes SET ROLE back.
func (x *session) setAuthorization(user string, local bool) error {
	s := x.begin().Snapshot()
	switch {
	case user == x.user:
	case s.Role(user) == nil:
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "role \"%s\" does not exist", user)
	case !s.Superuser(x.user):
		return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied to set session authorization \"%s\"", user)
	}
	return x.changeSettings(local, func(v *values) (*values, error) { return v.as(s, user, noRole), nil }, "session_authorization", user)
}

// begunAs are the values that a session begins with: what a startup packet says of
// roles is checked as SET is.
func (x *session) begunAs(s *catalog.Snapshot, v *values) (*values, error) {
	user, role := v.sessionUser(), v.fixed[idxRole]
	if user != x.user && !s.Superuser(x.user) {
		return nil, sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied to set session authorization \"%s\"", user).Fatal()
	}
	if err := mayTakeRole(s, user, role); err != nil {
		return nil, sqlerr.From(err).Fatal()
	}
	return v.as(s, user, role), nil
}

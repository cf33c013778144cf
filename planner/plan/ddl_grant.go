package plan

import "github.com/ferrisstreams/ferrisstreams/catalog"

// Grant is GRANT and REVOKE of rights, on each of its objects.
type Grant struct {
	Revoke bool
	Grants []catalog.Grant
}

// Tag is the statement's.
func (s *Grant) Tag() string {
	if s.Revoke {
		return "REVOKE"
	}
	return "GRANT"
}

func (*Grant) statement() {}

package catalog

import (
	"strings"
)

// Rights are privileges on an object, as a set.
type Rights uint16

// Privileges, in PostgreSQL's order.
const (
	InsertRight Rights = 1 << iota
	SelectRight
	UpdateRight
	DeleteRight
	TruncateRight
	ReferencesRight
	TriggerRight
	ExecuteRight
	UsageRight
	CreateRight
	TemporaryRight
	ConnectRight
)

// rightNames are the privileges' names and the letters they have in an aclitem, in
// the order of its text.
var rightNames = []struct {
	right  Rights
	letter byte
	name   string
}{
	{InsertRight, 'a', "INSERT"}, {SelectRight, 'r', "SELECT"}, {UpdateRight, 'w', "UPDATE"}, {DeleteRight, 'd', "DELETE"},
	{TruncateRight, 'D', "TRUNCATE"}, {ReferencesRight, 'x', "REFERENCES"}, {TriggerRight, 't', "TRIGGER"}, {ExecuteRight, 'X', "EXECUTE"},
	{UsageRight, 'U', "USAGE"}, {CreateRight, 'C', "CREATE"}, {TemporaryRight, 'T', "TEMPORARY"}, {ConnectRight, 'c', "CONNECT"},
}

// RightNamed finds a privilege by its name, in any case; 0: there is none.
func RightNamed(name string) Rights {
	if strings.EqualFold(name, "TEMP") {
		return TemporaryRight
	}
	for _, r := range rightNames {
		if strings.EqualFold(name, r.name) {
			return r.right
		}
	}
	return 0
}

// Names are the privileges' names, in PostgreSQL's order.
func (r Rights) Names() []string {
	var all []string
	for _, x := range rightNames {
		if r&x.right != 0 {
			all = append(all, x.name)
		}
	}
	return all
}

// ACLItem is what one role has been given by another.
type ACLItem struct {
	Grantee string // "": everyone, PUBLIC
	Grantor string
	Rights  Rights
	Options Rights // those that the grantee may give on
}

// String is the item as aclitem is written: ann=r*w/ferris.
func (i ACLItem) String() string {
	var b strings.Builder
	b.WriteString(aclName(i.Grantee))
	b.WriteByte('=')
	for _, x := range rightNames {
		if i.Rights&x.right != 0 {
			b.WriteByte(x.letter)
			if i.Options&x.right != 0 {
				b.WriteByte('*')
			}
		}
	}
	b.WriteByte('/')
	b.WriteString(aclName(i.Grantor))
	return b.String()
}

// aclName quotes a role's name as aclitem does: where it has other characters than
// letters, digits and underscores.
func aclName(name string) string {
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
	}
	return name
}

// ACL is who has which privileges on an object. It never changes in place. nil:
// what Object.Default says.
type ACL []ACLItem

// Texts are the items as aclitem is written; nil for nil.
func (a ACL) Texts() []string {
	var all []string
	for _, i := range a {
		all = append(all, i.String())
	}
	return all
}

// granted is the list with an item given.
func (a ACL) granted(item ACLItem) ACL {
	out := append(ACL{}, a...)
	for i := range out {
		if out[i].Grantee == item.Grantee && out[i].Grantor == item.Grantor {
			out[i].Rights |= item.Rights
			out[i].Options |= item.Options
			return out
		}
	}
	if item.Rights|item.Options == 0 {
		return out
	}
	return append(out, item)
}

// revoked is the list with rights, or options alone, taken from what a grantor has
// given a grantee. Who loses an option may have used it: with cascade what came of
// it goes too, and dependent is true where that is not wanted.
func (a ACL) revoked(item ACLItem, cascade bool, owner string) (out ACL, dependent bool) {
	out = append(ACL{}, a...)
	at := -1
	for i := range out {
		if out[i].Grantee == item.Grantee && out[i].Grantor == item.Grantor {
			at = i
		}
	}
	if at < 0 {
		return out, false
	}
	had := out[at].Options
	out[at].Rights &^= item.Rights
	out[at].Options &^= item.Options
	lost := had &^ out[at].Options
	if out[at].Rights == 0 && out[at].Options == 0 {
		out = append(out[:at:at], out[at+1:]...)
	}
	if lost == 0 || item.Grantee == owner {
		return out, false
	}
	for _, x := range out {
		if x.Grantee == item.Grantee {
			lost &^= x.Options // somebody else has given it too
		}
	}
	for again := lost != 0; again; {
		again = false
		for _, x := range out {
			if x.Grantor != item.Grantee || x.Rights&lost == 0 {
				continue
			}
			if !cascade {
				return a, true
			}
			out, _ = out.revoked(ACLItem{Grantee: x.Grantee, Grantor: x.Grantor, Rights: lost, Options: lost}, true, owner)
			again = true
			break
		}
	}
	return out, false
}

// reowned is the list of an object that has a new owner: what the old one gave, the
// new one has given.
func (a ACL) reowned(from, to string) ACL {
	if a == nil {
		return nil
	}
	out := ACL{}
	for _, i := range a {
		if i.Grantee == from {
			i.Grantee = to
		}
		if i.Grantor == from {
			i.Grantor = to
		}
		out = out.granted(i)
	}
	return out
}

// mentions reports whether a role has been given something, or has given it.
func (a ACL) mentions(role string) bool {
	for _, i := range a {
		if i.Grantee == role || i.Grantor == role {
			return true
		}
	}
	return false
}

// ParseACLItem reads what ACLItem.String has written.
func ParseACLItem(s string) (i ACLItem, ok bool) {
	if i.Grantee, s, ok = readACLName(s, '='); !ok {
		return i, false
	}
	rights, rest, _ := strings.Cut(s, "/")
	for at := 0; at < len(rights); at++ {
		for _, x := range rightNames {
			if x.letter != rights[at] {
				continue
			}
			i.Rights |= x.right
			if at+1 < len(rights) && rights[at+1] == '*' {
				i.Options |= x.right
			}
		}
	}
	i.Grantor, _, ok = readACLName(rest, 0)
	return i, ok
}

// readACLName reads a name, quoted or not, up to the character after it; 0: the end.
func readACLName(s string, end byte) (name, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		if end == 0 {
			return s, "", true
		}
		return strings.Cut(s, string(end))
	}
	for at := 1; at < len(s); at++ {
		if s[at] != '"' {
			name += s[at : at+1]
			continue
		}
		if at+1 < len(s) && s[at+1] == '"' {
			name += `"`
			at++
			continue
		}
		if rest = s[at+1:]; end == 0 {
			return name, rest, true
		}
		rest, ok = strings.CutPrefix(rest, string(end))
		return name, rest, ok
	}
	return "", "", false
}

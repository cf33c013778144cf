package operator

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// unlike is the first failure of the comparisons of a key that may hold rows of
// several shapes, or documents so long that the statement ends while two of them are
// compared: such a comparison has no answer, and whoever sorts asks for the failure
// when all is compared.
type unlike struct {
	err   error
	ended func() error // of jsonb: why the statement has to end; nil: of rows
}

// watched are the keys, with an unlike for those that need one.
func watched(keys []SortKey) []SortKey {
	fails := func(k SortKey) bool { return vec.AnyShape(k.Type) || k.Type.OID == types.JSONB }
	if !slices.ContainsFunc(keys, fails) {
		return keys
	}
	keys = slices.Clone(keys)
	for i, k := range keys {
		switch {
		case !fails(k):
		case k.Type.OID == types.JSONB:
			keys[i].unlike = &unlike{ended: k.Program.Ended}
		default:
			keys[i].unlike = &unlike{}
		}
	}
	return keys
}

// unlikeRows is the failure of a comparison by one of the keys.
func unlikeRows(keys []SortKey) error {
	for i := range keys {
		if u := keys[i].unlike; u != nil && u.err != nil {
			return u.err
		}
	}
	return nil
}

func (u *unlike) compare(a vec.Vec, i int, b vec.Vec, j int, t types.Type) int {
	if u.ended != nil {
		if u.err != nil {
			return 0
		}
		var c int
		c, u.err = vec.CompareJSONBUntil(a, i, b, j, u.ended)
		return c
	}
	c, err := vec.Order(a, i, b, j, t)
	if err != nil && u.err == nil {
		// Sorts ask where a row comes among those before it; PostgreSQL names these first.
		_, u.err = vec.Order(b, j, a, i, t)
	}
	return c
}

// alikeKeys finds, among the keys of a table, rows that are not comparable.
type alikeKeys struct {
	at    []int // the keys that may hold rows of several shapes
	alike []vec.Alike
	held  int64
}

func newAlikeKeys(ts []types.Type) *alikeKeys {
	var a *alikeKeys
	for i, t := range ts {
		if vec.AnyShape(t) {
			if a == nil {
				a = &alikeKeys{}
			}
			a.at = append(a.at, i)
		}
	}
	if a != nil {
		a.alike = make([]vec.Alike, len(a.at))
	}
	return a
}

// add looks at the rows of sel. before are those that it was given before, each that
// differs from the others once. nil: it has nothing to find.
func (a *alikeKeys) add(cols, before []vec.Vec, ts []types.Type, sel []int32, account *memory.Account) error {
	if a == nil {
		return nil
	}
	size := int64(0)
	for i, at := range a.at {
		x, t := &a.alike[i], ts[at]
		for n, r := range sel {
			var err error
			switch {
			case x.Noting():
				err = x.Add(cols[at], int(r), t)
			case x.Mixed(cols[at], int(r), t):
				err = addAll(x, before[at], cols[at], sel[:n+1], t)
			}
			if err != nil {
				return err
			}
		}
		size += x.Bytes()
	}
	if err := account.Resize(a.held, size); err != nil {
		return err
	}
	a.held = size
	return nil
}

// addAll adds all rows of one column, and those of sel of another.
func addAll(x *vec.Alike, all, some vec.Vec, sel []int32, t types.Type) error {
	for i := range all.Len() {
		if err := x.Add(all, i, t); err != nil {
			return err
		}
	}
	for _, r := range sel {
		if err := x.Add(some, int(r), t); err != nil {
			return err
		}
	}
	return nil
}

func (a *alikeKeys) close(account *memory.Account) {
	if a != nil {
		account.Release(a.held)
		*a = alikeKeys{}
	}
}

package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Sequences takes numbers of sequences, for the transaction that a statement
// belongs to.
type Sequences interface {
	// NextValues takes up to count numbers: n, from first on, each the increment after
	// the one before.
	NextValues(r *catalog.Relation, count int64) (first int64, n int64, err error)
	// Uses says that the transaction uses a number that was taken by another one of
	// the session: it may have been rolled back.
	Uses(r *catalog.Relation)
	// SetValue is setval.
	SetValue(r *catalog.Relation, v int64, called bool) error
	// SequenceRow is a sequence's own row: last_value, log_cnt, is_called.
	SequenceRow(r *catalog.Relation) (last, ahead int64, called bool)
}

// Taken are the numbers that a session took last, for currval and lastval. One
// goroutine uses it.
type Taken struct {
	values map[types.OID]int64
	last   types.OID // of the sequence; 0: none yet
	// cached are numbers that the session has taken ahead, of sequences with CACHE.
	cached map[types.OID]cachedNumbers
}

// cachedNumbers are left numbers from next on. They are given up where the sequence
// has become another.
type cachedNumbers struct {
	of         *catalog.SequenceInfo
	next, left int64
}

// nextOf is the next number of a sequence, for a session's statement or for others
// (t nil).
func (t *Taken) nextOf(from Sequences, r *catalog.Relation) (int64, error) {
	if t == nil || r.Sequence.Cache <= 1 {
		v, _, err := from.NextValues(r, 1)
		return v, err
	}
	c := t.cached[r.OID]
	if c.of == r.Sequence && c.left > 0 {
		from.Uses(r)
	} else {
		first, n, err := from.NextValues(r, r.Sequence.Cache)
		if err != nil {
			return 0, err
		}
		c = cachedNumbers{r.Sequence, first, n}
	}
	v := c.next
	if c.left--; c.left > 0 {
		c.next += r.Sequence.Increment
	}
	if t.cached == nil {
		t.cached = map[types.OID]cachedNumbers{}
	}
	t.cached[r.OID] = c
	return v, nil
}

// Forget is DISCARD SEQUENCES.
func (t *Taken) Forget() { *t = Taken{} }

func (t *Taken) take(r *catalog.Relation, v int64) {
	if t == nil {
		return
	}
	if t.values == nil {
		t.values = map[types.OID]int64{}
	}
	t.values[r.OID], t.last = v, r.OID
}

// sequenceOf is the sequence that an argument names.
func sequenceOf(env *Env, v types.Value) (*catalog.Relation, error) {
	var r *catalog.Relation
	if env.Catalog != nil {
		r = env.Catalog.RelationByOID(types.OID(v.I))
	}
	if r == nil {
		return nil, sqlerr.Errorf(sqlerr.UndefinedTable, "could not open relation with OID %d", v.I)
	}
	if r.Sequence == nil {
		return nil, sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not a sequence", r.Name)
	}
	return r, nil
}

// mayUse refuses a sequence to a role that has none of some rights on it.
func mayUse(env *Env, r *catalog.Relation, some catalog.Rights) error {
	o := r.Object()
	if have, _ := env.Catalog.Rights(env.User, o); have&some == 0 {
		return o.Denied()
	}
	return nil
}

// mayTake refuses to change a sequence to a role without some of the rights, and
// where no transaction may write.
func mayTake(env *Env, r *catalog.Relation, function string, some catalog.Rights) error {
	if err := mayUse(env, r, some); err != nil {
		return err
	}
	return canTake(env, r, function)
}

// canTake refuses to change a sequence where no transaction may write.
func canTake(env *Env, r *catalog.Relation, function string) error {
	if env.Sequences == nil {
		return sqlerr.Unsupported("Call it in a statement of its own.", "%s() outside a transaction is not supported", function)
	}
	if setting(env, "transaction_read_only", "off") == "on" && !catalog.Temporary(r.Schema) {
		return sqlerr.Errorf(sqlerr.ReadOnlySQLTransaction, "cannot execute %s() in a read-only transaction", function)
	}
	return nil
}

// nextNumber takes a number that the role may take.
func nextNumber(env *Env, r *catalog.Relation) (types.Value, error) {
	v, err := env.Taken.nextOf(env.Sequences, r)
	if err != nil {
		return types.Value{}, err
	}
	env.Taken.take(r, v)
	return types.NewInt(types.Int8, v), nil
}

// OfIdentity is nextval as an identity column calls it for its own sequence: who may
// INSERT into the table needs no right on that.
func OfIdentity(nextval *Definition) *Definition {
	d := *nextval
	d.Value = func(env *Env, a []types.Value) (types.Value, error) {
		r, err := sequenceOf(env, a[0])
		if err != nil {
			return types.Value{}, err
		}
		if err := canTake(env, r, "nextval"); err != nil {
			return types.Value{}, err
		}
		return nextNumber(env, r)
	}
	return &d
}

func init() {
	type vs = []types.Value
	const oursOnly = "PostgreSQL's error names an OID of its own"
	op := func(sig string, f ValueFunc, ex ...Example) {
		define(sig, Definition{Value: f, Examples: ex})
	}
	int8 := func(v int64) (types.Value, error) { return types.NewInt(types.Int8, v), nil }
	op("nextval(regclass) int8 strict volatile", func(env *Env, a vs) (types.Value, error) {
		r, err := sequenceOf(env, a[0])
		if err != nil {
			return types.Value{}, err
		}
		if err := mayTake(env, r, "nextval", catalog.UsageRight|catalog.UpdateRight); err != nil {
			return types.Value{}, err
		}
		return nextNumber(env, r)
	}, examples("nextval('pg_class'::regclass)", "ERROR 42809")...)
	op("currval(regclass) int8 strict volatile", func(env *Env, a vs) (types.Value, error) {
		r, err := sequenceOf(env, a[0])
		if err != nil {
			return types.Value{}, err
		}
		if err := mayUse(env, r, catalog.SelectRight|catalog.UsageRight); err != nil {
			return types.Value{}, err
		}
		if env.Taken != nil {
			if v, ok := env.Taken.values[r.OID]; ok {
				return int8(v)
			}
		}
		return types.Value{}, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "currval of sequence \"%s\" is not yet defined in this session", r.Name)
	}, examples("currval('pg_class'::regclass)", "ERROR 42809")...)
	op("lastval() int8 strict volatile", func(env *Env, _ vs) (types.Value, error) {
		if env.Taken != nil && env.Taken.last != 0 {
			return int8(env.Taken.values[env.Taken.last])
		}
		return types.Value{}, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "lastval is not yet defined in this session")
	}, examples("lastval()", "ERROR 55000")...)
	set := func(env *Env, a vs, called bool) (types.Value, error) {
		r, err := sequenceOf(env, a[0])
		if err != nil {
			return types.Value{}, err
		}
		if err := mayTake(env, r, "setval", catalog.UpdateRight); err != nil {
			return types.Value{}, err
		}
		if err := env.Sequences.SetValue(r, a[1].I, called); err != nil {
			return types.Value{}, err
		}
		if env.Taken != nil {
			delete(env.Taken.cached, r.OID)
		}
		if called {
			env.Taken.take(r, a[1].I)
		}
		return a[1], nil
	}
	op("setval(regclass, int8) int8 strict volatile", func(env *Env, a vs) (types.Value, error) { return set(env, a, true) },
		examples("setval('pg_class'::regclass, 1)", "ERROR 42809")...)
	op("setval(regclass, int8, bool) int8 strict volatile", func(env *Env, a vs) (types.Value, error) { return set(env, a, a[2].Bool()) },
		examples("setval('pg_class'::regclass, 1, false)", "ERROR 42809")...)
	define("sequence_row(oid) setof record(last_value int8, log_cnt int8, is_called bool) strict volatile oid 9962", Definition{
		Set: func(env *Env, a vs) (Set, error) {
			r, err := sequenceOf(env, a[0])
			if err != nil {
				return nil, err
			}
			if env.Sequences == nil {
				return tupleSet(0, nil), nil
			}
			last, ahead, called := env.Sequences.SequenceRow(r)
			return tupleSet(1, func(int) vs {
				return vs{types.NewInt(types.Int8, last), types.NewInt(types.Int8, ahead), types.NewBool(called)}
			}), nil
		},
		Examples: []Example{{SQL: "sequence_row(1)", Text: "ERROR 42P01", Ours: oursOnly}},
	})
}

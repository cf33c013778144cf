package function

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Advisory locks are held by sessions, and what they mean is their users' to say. The
// gateway keeps them.

// AdvisoryLock names a lock: a bigint, or two integers, which are locks of their own.
type AdvisoryLock struct {
	High, Low uint32
	Pair      bool // of two integers
}

// AdvisoryMode says how a lock is taken. The zero one is exclusive, for the session,
// and waits.
type AdvisoryMode struct {
	Shared      bool
	Transaction bool // until the transaction ends, and not until it is unlocked
	Try         bool // it is taken at once, or not
}

func init() {
	for _, arguments := range []struct{ of, one string }{{"int8", "7101"}, {"int4, int4", "7101, 2"}} {
		for _, s := range []string{"", "_shared"} {
			for _, scope := range []string{"advisory", "advisory_xact"} {
				mode := AdvisoryMode{Shared: s != "", Transaction: scope == "advisory_xact"}
				take := "pg_" + scope + "_lock" + s
				define(take+"("+arguments.of+") void strict volatile", Definition{
					Value: func(env *Env, a []types.Value) (types.Value, error) {
						_, err := lockAdvisory(env, take, a, mode)
						return types.NewString(types.Void, ""), err
					},
					Examples: examples(take+"("+arguments.one+")", ""),
				})
				attempt := mode
				attempt.Try = true
				try := "pg_try_" + scope + "_lock" + s
				define(try+"("+arguments.of+") bool strict volatile", Definition{
					Value: func(env *Env, a []types.Value) (types.Value, error) {
						got, err := lockAdvisory(env, try, a, attempt)
						if err != nil {
							return types.Value{}, err
						}
						return boolean(got)
					},
					Examples: examples(try+"("+arguments.one+")", "t"),
				})
			}
			unlock := "pg_advisory_unlock" + s
			define(unlock+"("+arguments.of+") bool strict volatile", Definition{
				Value: func(env *Env, a []types.Value) (types.Value, error) {
					if env.Session == nil {
						return types.Value{}, outsideSession(unlock)
					}
					return boolean(env.Session.UnlockAdvisory(advisoryLock(a), s != ""))
				},
				Examples: examples(unlock+"("+arguments.one+") IS NOT NULL", "t"),
			})
		}
	}
	define("pg_advisory_unlock_all() void strict volatile", Definition{
		Value: func(env *Env, _ []types.Value) (types.Value, error) {
			if env.Session == nil {
				return types.Value{}, outsideSession("pg_advisory_unlock_all")
			}
			env.Session.UnlockAllAdvisory()
			return types.NewString(types.Void, ""), nil
		},
		Examples: examples("pg_advisory_unlock_all()", ""),
	})
}

func lockAdvisory(env *Env, name string, a []types.Value, mode AdvisoryMode) (bool, error) {
	if env.Session == nil {
		return false, outsideSession(name)
	}
	ctx := env.Context
	if ctx == nil {
		ctx = context.Background()
	}
	return env.Session.LockAdvisory(ctx, advisoryLock(a), mode)
}

func advisoryLock(a []types.Value) AdvisoryLock {
	if len(a) == 2 {
		return AdvisoryLock{High: uint32(a[0].I), Low: uint32(a[1].I), Pair: true}
	}
	return AdvisoryLock{High: uint32(uint64(a[0].I) >> 32), Low: uint32(a[0].I)}
}

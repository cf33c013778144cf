package function

import (
	"net/netip"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Functions about the session's own connection, and about others.

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...Example) {
		define(sig, Definition{Value: f, Examples: ex})
	}
	op("current_query() text volatile", func(env *Env, _ vs) (types.Value, error) {
		if env.Session == nil {
			return null(types.Text)
		}
		return text(env.Session.Query())
	}, examples("current_query() LIKE '%current_query()%'", "t")...)
	op("system_user() text stable", func(*Env, vs) (types.Value, error) { return null(types.Text) },
		examples("system_user", "NULL")...) // whoever names a user is that user: nothing was authenticated
	op("getpgusername() name strict stable", func(env *Env, _ vs) (types.Value, error) { return name(env.User) },
		examples("getpgusername() = current_user", "t")...)
	for _, end := range []string{"client", "server"} {
		address := func(env *Env) netip.AddrPort {
			if env.Session == nil {
				return netip.AddrPort{}
			}
			client, server := env.Session.Addresses()
			if end == "client" {
				return client
			}
			return server
		}
		op("inet_"+end+"_addr() inet stable", func(env *Env, _ vs) (types.Value, error) {
			a := address(env).Addr()
			if !a.IsValid() {
				return null(types.Inet)
			}
			return types.NewInet(types.Inet, netip.PrefixFrom(a.WithZone(""), a.BitLen())), nil
		}, examples("host(inet_"+end+"_addr())", "127.0.0.1")...)
		op("inet_"+end+"_port() int4 stable", func(env *Env, _ vs) (types.Value, error) {
			a := address(env)
			if !a.IsValid() {
				return null(types.Int4)
			}
			return int4(int(a.Port()))
		}, examples("inet_"+end+"_port() > 0", "t")...)
	}
	op("pg_cancel_backend(int4) bool strict volatile", func(env *Env, a vs) (types.Value, error) {
		if env.Session == nil {
			return types.Value{}, outsideSession("pg_cancel_backend")
		}
		found, err := env.Session.Cancel(int32(a[0].I))
		return interrupted(env, found, err)
	}, examples("pg_cancel_backend(0)", "f", "pg_cancel_backend(pg_backend_pid())", "ERROR 57014")...)
	op("pg_terminate_backend(int4, optional timeout int8 = 0) bool strict volatile", terminate,
		examples("pg_terminate_backend(0)", "f", "pg_terminate_backend(0, -1)", "ERROR 22003")...)
	op("pg_blocking_pids(int4) _int4 strict volatile", func(*Env, vs) (types.Value, error) { return types.NewArray(types.Of(types.Int4), nil), nil },
		examples("pg_blocking_pids(pg_backend_pid())", "{}")...) // nothing here waits for a lock
	op("pg_safe_snapshot_blocking_pids(int4) _int4 strict volatile", func(*Env, vs) (types.Value, error) { return types.NewArray(types.Of(types.Int4), nil), nil },
		examples("pg_safe_snapshot_blocking_pids(pg_backend_pid())", "{}")...)
	op("pg_notification_queue_usage() float8 strict volatile", func(env *Env, _ vs) (types.Value, error) {
		if env.Session == nil {
			return types.Value{}, outsideSession("pg_notification_queue_usage")
		}
		return float8(env.Session.NotifyUsage())
	}, examples("pg_notification_queue_usage()", "0")...)
	op("pg_notify(text, text) void volatile", func(env *Env, a vs) (types.Value, error) {
		if env.Session == nil {
			return types.Value{}, sqlerr.Unsupported("Give the job a sink of type 'notify'.", "pg_notify is not supported in a job")
		}
		var channel, payload string
		if !a[0].Null {
			channel = a[0].S
		}
		if !a[1].Null {
			payload = a[1].S
		}
		return types.NewString(types.Void, ""), env.Session.Notify(channel, payload)
	}, examples("pg_notify('', 'x')", "ERROR 22023", "pg_notify(NULL, 'x')", "ERROR 22023")...)
	op("pg_trigger_depth() int4 strict stable", func(*Env, vs) (types.Value, error) { return int4(0) }, examples("pg_trigger_depth()", "0")...)
	op("pg_sleep_for(interval) void strict volatile", func(env *Env, a vs) (types.Value, error) {
		span := a[0].Span
		return sleep(env, vs{types.NewFloat(types.Float8, float64(span.Micros)/microsPerSecond+float64(span.Days)*86400+float64(span.Months)*monthDays*86400)})
	}, examples("pg_sleep_for('0 seconds')", "")...)
	op("pg_sleep_until(timestamptz) void strict volatile", func(env *Env, a vs) (types.Value, error) {
		return sleep(env, vs{types.NewFloat(types.Float8, float64(a[0].I-clockNow())/microsPerSecond)})
	}, examples("pg_sleep_until(now())", "", "pg_sleep_until('-infinity')", "")...)
	op("pg_current_xact_id_if_assigned() xid8 strict stable", func(*Env, vs) (types.Value, error) { return null(types.XID8) },
		examples("pg_current_xact_id_if_assigned()", "NULL")...)
	op("pg_encoding_max_length(int4) int4 strict immutable", func(_ *Env, a vs) (types.Value, error) {
		switch _, ok := encodingNames[a[0].I]; {
		case a[0].I == 6:
			return int4(4)
		case ok:
			return int4(1)
		}
		return null(types.Int4)
	}, examples("pg_encoding_max_length(6)", "4", "pg_encoding_max_length(8)", "1", "pg_encoding_max_length(-1)", "NULL")...)
}

func outsideSession(f string) error {
	return sqlerr.Unsupported("Call it in a session: a job has none.", "%s is not supported in a job", f)
}

// interrupted is the answer of a function that may have ended its own
// statement.
func interrupted(env *Env, found bool, err error) (types.Value, error) {
	if err == nil && env.Context != nil {
		err = env.Context.Err()
	}
	if err != nil {
		return types.Value{}, err
	}
	return boolean(found)
}

// terminate is pg_terminate_backend. With a timeout it does not wait either: the
// session has been told when it returns, and ends where its statement does.
func terminate(env *Env, a []types.Value) (types.Value, error) {
	if a[1].I < 0 {
		return types.Value{}, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "\"timeout\" must not be negative")
	}
	if env.Session == nil {
		return types.Value{}, outsideSession("pg_terminate_backend")
	}
	found, err := env.Session.Terminate(int32(a[0].I))
	return interrupted(env, found, err)
}

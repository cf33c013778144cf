package function

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// The counters of PostgreSQL's statistics about one object. Nothing is counted
// here, as where PostgreSQL's track_counts is off: they are 0, and times NULL.
func init() {
	for result, names := range map[string]string{
		"int8 strict stable": `analyze_count autoanalyze_count autovacuum_count blocks_fetched blocks_hit db_blocks_fetched db_blocks_hit
			db_conflict_all db_conflict_bufferpin db_conflict_lock db_conflict_logicalslot
			db_conflict_snapshot db_conflict_startup_deadlock db_conflict_tablespace db_deadlocks db_sessions db_sessions_abandoned
			db_sessions_fatal db_sessions_killed db_temp_bytes db_temp_files db_tuples_deleted db_tuples_fetched db_tuples_inserted
			db_tuples_returned db_tuples_updated db_xact_commit db_xact_rollback dead_tuples ins_since_vacuum
			live_tuples mod_since_analyze numscans tuples_deleted tuples_fetched tuples_hot_updated tuples_inserted tuples_newpage_updated
			tuples_returned tuples_updated vacuum_count`,
		"int8 strict volatile": `xact_blocks_fetched xact_blocks_hit xact_numscans xact_tuples_deleted xact_tuples_fetched
			xact_tuples_hot_updated xact_tuples_inserted xact_tuples_newpage_updated xact_tuples_returned xact_tuples_updated`,
		"int4 strict stable":   "db_numbackends",
		"float8 strict stable": `db_active_time db_blk_read_time db_blk_write_time db_idle_in_transaction_time db_session_time`,
		"timestamptz strict stable": `db_stat_reset_time last_analyze_time last_autoanalyze_time last_autovacuum_time
			last_vacuum_time lastscan`,
	} {
		for name := range strings.FieldsSeq(names) {
			f := "pg_stat_get_" + name
			d := define(f+"(oid) "+result, Definition{})
			zero, shown := types.Value{Type: types.Of(d.Func.Ret)}, "0"
			if d.Func.Ret == types.Timestamptz {
				zero.Null, shown = true, "NULL"
			}
			d.Value = func(*Env, []types.Value) (types.Value, error) { return zero, nil }
			d.Examples = examples(f+"(4000000000)", shown)
		}
	}
}

package types

// fact is a row of pg_type that has no column here: what psql and drivers may
// ask of it.
type fact struct {
	oid       OID
	name      string
	sqlName   string
	array     OID
	elem      OID
	length    int16
	byVal     bool
	align     byte
	category  byte
	preferred bool
	kind      byte
}

// facts are PostgreSQL 16's other rows of pg_type: SELECT oid, typname,
// format_type(oid, NULL), typarray, typelem, typlen, typbyval, typalign,
// typcategory, typispreferred, typtype.
var facts = []fact{
	{32, "pg_ddl_command", "pg_ddl_command", 0, 0, 8, true, 'd', 'P', false, 'p'},
	{269, "table_am_handler", "table_am_handler", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{325, "index_am_handler", "index_am_handler", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{1263, "_cstring", "cstring[]", 0, 2275, -1, false, 'i', 'A', false, 'b'},
	{2275, "cstring", "cstring", 1263, 0, -2, false, 'c', 'P', false, 'p'},
	{2276, "any", "\"any\"", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{2279, "trigger", "trigger", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{2280, "language_handler", "language_handler", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{2281, "internal", "internal", 0, 0, 8, true, 'd', 'P', false, 'p'},
	{2283, "anyelement", "anyelement", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{2776, "anynonarray", "anynonarray", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{3115, "fdw_handler", "fdw_handler", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{3310, "tsm_handler", "tsm_handler", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{3500, "anyenum", "anyenum", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{3642, "gtsvector", "gtsvector", 3644, 0, -1, false, 'i', 'U', false, 'b'},
	{3644, "_gtsvector", "gtsvector[]", 0, 3642, -1, false, 'i', 'A', false, 'b'},
	{3831, "anyrange", "anyrange", 0, 0, -1, false, 'd', 'P', false, 'p'},
	{3838, "event_trigger", "event_trigger", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{4537, "anymultirange", "anymultirange", 0, 0, -1, false, 'd', 'P', false, 'p'},
	{4538, "anycompatiblemultirange", "anycompatiblemultirange", 0, 0, -1, false, 'd', 'P', false, 'p'},
	{4600, "pg_brin_bloom_summary", "pg_brin_bloom_summary", 0, 0, -1, false, 'i', 'Z', false, 'b'},
	{4601, "pg_brin_minmax_multi_summary", "pg_brin_minmax_multi_summary", 0, 0, -1, false, 'i', 'Z', false, 'b'},
	{5077, "anycompatible", "anycompatible", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{5078, "anycompatiblearray", "anycompatiblearray", 0, 0, -1, false, 'd', 'P', false, 'p'},
	{5079, "anycompatiblenonarray", "anycompatiblenonarray", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{5080, "anycompatiblerange", "anycompatiblerange", 0, 0, -1, false, 'd', 'P', false, 'p'},
}

var _ = func() bool {
	for _, f := range facts {
		i := &Info{
			OID: f.oid, Name: f.name, SQLName: f.sqlName, Array: f.array, Elem: f.elem, Len: f.length, ByVal: f.byVal,
			Align: f.align, Category: f.category, Preferred: f.preferred, Kind: f.kind, Delim: ',',
		}
		register(i)
	}
	return true
}()

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
	{142, "xml", "xml", 143, 0, -1, false, 'i', 'U', false, 'b'},
	{143, "_xml", "xml[]", 0, 142, -1, false, 'i', 'A', false, 'b'},
	{269, "table_am_handler", "table_am_handler", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{325, "index_am_handler", "index_am_handler", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{600, "point", "point", 1017, 701, 16, false, 'd', 'G', false, 'b'},
	{601, "lseg", "lseg", 1018, 600, 32, false, 'd', 'G', false, 'b'},
	{602, "path", "path", 1019, 0, -1, false, 'd', 'G', false, 'b'},
	{603, "box", "box", 1020, 600, 32, false, 'd', 'G', false, 'b'},
	{604, "polygon", "polygon", 1027, 0, -1, false, 'd', 'G', false, 'b'},
	{628, "line", "line", 629, 701, 24, false, 'd', 'G', false, 'b'},
	{629, "_line", "line[]", 0, 628, -1, false, 'd', 'A', false, 'b'},
	{650, "cidr", "cidr", 651, 0, -1, false, 'i', 'I', false, 'b'},
	{651, "_cidr", "cidr[]", 0, 650, -1, false, 'i', 'A', false, 'b'},
	{718, "circle", "circle", 719, 0, 24, false, 'd', 'G', false, 'b'},
	{719, "_circle", "circle[]", 0, 718, -1, false, 'd', 'A', false, 'b'},
	{774, "macaddr8", "macaddr8", 775, 0, 8, false, 'i', 'U', false, 'b'},
	{775, "_macaddr8", "macaddr8[]", 0, 774, -1, false, 'i', 'A', false, 'b'},
	{790, "money", "money", 791, 0, 8, true, 'd', 'N', false, 'b'},
	{791, "_money", "money[]", 0, 790, -1, false, 'd', 'A', false, 'b'},
	{829, "macaddr", "macaddr", 1040, 0, 6, false, 'i', 'U', false, 'b'},
	{1017, "_point", "point[]", 0, 600, -1, false, 'd', 'A', false, 'b'},
	{1018, "_lseg", "lseg[]", 0, 601, -1, false, 'd', 'A', false, 'b'},
	{1019, "_path", "path[]", 0, 602, -1, false, 'd', 'A', false, 'b'},
	{1020, "_box", "box[]", 0, 603, -1, false, 'd', 'A', false, 'b'},
	{1027, "_polygon", "polygon[]", 0, 604, -1, false, 'd', 'A', false, 'b'},
	{1040, "_macaddr", "macaddr[]", 0, 829, -1, false, 'i', 'A', false, 'b'},
	{1263, "_cstring", "cstring[]", 0, 2275, -1, false, 'i', 'A', false, 'b'},
	{1266, "timetz", "time with time zone", 1270, 0, 12, false, 'd', 'D', false, 'b'},
	{1270, "_timetz", "time with time zone[]", 0, 1266, -1, false, 'd', 'A', false, 'b'},
	{1560, "bit", "bit", 1561, 0, -1, false, 'i', 'V', false, 'b'},
	{1561, "_bit", "bit[]", 0, 1560, -1, false, 'i', 'A', false, 'b'},
	{1562, "varbit", "bit varying", 1563, 0, -1, false, 'i', 'V', true, 'b'},
	{1563, "_varbit", "bit varying[]", 0, 1562, -1, false, 'i', 'A', false, 'b'},
	{1790, "refcursor", "refcursor", 2201, 0, -1, false, 'i', 'U', false, 'b'},
	{2201, "_refcursor", "refcursor[]", 0, 1790, -1, false, 'i', 'A', false, 'b'},
	{2202, "regprocedure", "regprocedure", 2207, 0, 4, true, 'i', 'N', false, 'b'},
	{2203, "regoper", "regoper", 2208, 0, 4, true, 'i', 'N', false, 'b'},
	{2204, "regoperator", "regoperator", 2209, 0, 4, true, 'i', 'N', false, 'b'},
	{2207, "_regprocedure", "regprocedure[]", 0, 2202, -1, false, 'i', 'A', false, 'b'},
	{2208, "_regoper", "regoper[]", 0, 2203, -1, false, 'i', 'A', false, 'b'},
	{2209, "_regoperator", "regoperator[]", 0, 2204, -1, false, 'i', 'A', false, 'b'},
	{2275, "cstring", "cstring", 1263, 0, -2, false, 'c', 'P', false, 'p'},
	{2276, "any", "\"any\"", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{2279, "trigger", "trigger", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{2280, "language_handler", "language_handler", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{2281, "internal", "internal", 0, 0, 8, true, 'd', 'P', false, 'p'},
	{2283, "anyelement", "anyelement", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{2776, "anynonarray", "anynonarray", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{2949, "_txid_snapshot", "txid_snapshot[]", 0, 2970, -1, false, 'd', 'A', false, 'b'},
	{2970, "txid_snapshot", "txid_snapshot", 2949, 0, -1, false, 'd', 'U', false, 'b'},
	{3115, "fdw_handler", "fdw_handler", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{3310, "tsm_handler", "tsm_handler", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{3500, "anyenum", "anyenum", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{3614, "tsvector", "tsvector", 3643, 0, -1, false, 'i', 'U', false, 'b'},
	{3615, "tsquery", "tsquery", 3645, 0, -1, false, 'i', 'U', false, 'b'},
	{3642, "gtsvector", "gtsvector", 3644, 0, -1, false, 'i', 'U', false, 'b'},
	{3643, "_tsvector", "tsvector[]", 0, 3614, -1, false, 'i', 'A', false, 'b'},
	{3644, "_gtsvector", "gtsvector[]", 0, 3642, -1, false, 'i', 'A', false, 'b'},
	{3645, "_tsquery", "tsquery[]", 0, 3615, -1, false, 'i', 'A', false, 'b'},
	{3734, "regconfig", "regconfig", 3735, 0, 4, true, 'i', 'N', false, 'b'},
	{3735, "_regconfig", "regconfig[]", 0, 3734, -1, false, 'i', 'A', false, 'b'},
	{3769, "regdictionary", "regdictionary", 3770, 0, 4, true, 'i', 'N', false, 'b'},
	{3770, "_regdictionary", "regdictionary[]", 0, 3769, -1, false, 'i', 'A', false, 'b'},
	{3831, "anyrange", "anyrange", 0, 0, -1, false, 'd', 'P', false, 'p'},
	{3838, "event_trigger", "event_trigger", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{3904, "int4range", "int4range", 3905, 0, -1, false, 'i', 'R', false, 'r'},
	{3905, "_int4range", "int4range[]", 0, 3904, -1, false, 'i', 'A', false, 'b'},
	{3906, "numrange", "numrange", 3907, 0, -1, false, 'i', 'R', false, 'r'},
	{3907, "_numrange", "numrange[]", 0, 3906, -1, false, 'i', 'A', false, 'b'},
	{3908, "tsrange", "tsrange", 3909, 0, -1, false, 'd', 'R', false, 'r'},
	{3909, "_tsrange", "tsrange[]", 0, 3908, -1, false, 'd', 'A', false, 'b'},
	{3910, "tstzrange", "tstzrange", 3911, 0, -1, false, 'd', 'R', false, 'r'},
	{3911, "_tstzrange", "tstzrange[]", 0, 3910, -1, false, 'd', 'A', false, 'b'},
	{3912, "daterange", "daterange", 3913, 0, -1, false, 'i', 'R', false, 'r'},
	{3913, "_daterange", "daterange[]", 0, 3912, -1, false, 'i', 'A', false, 'b'},
	{3926, "int8range", "int8range", 3927, 0, -1, false, 'd', 'R', false, 'r'},
	{3927, "_int8range", "int8range[]", 0, 3926, -1, false, 'd', 'A', false, 'b'},
	{4096, "regrole", "regrole", 4097, 0, 4, true, 'i', 'N', false, 'b'},
	{4097, "_regrole", "regrole[]", 0, 4096, -1, false, 'i', 'A', false, 'b'},
	{4191, "regcollation", "regcollation", 4192, 0, 4, true, 'i', 'N', false, 'b'},
	{4192, "_regcollation", "regcollation[]", 0, 4191, -1, false, 'i', 'A', false, 'b'},
	{4451, "int4multirange", "int4multirange", 6150, 0, -1, false, 'i', 'R', false, 'm'},
	{4532, "nummultirange", "nummultirange", 6151, 0, -1, false, 'i', 'R', false, 'm'},
	{4533, "tsmultirange", "tsmultirange", 6152, 0, -1, false, 'd', 'R', false, 'm'},
	{4534, "tstzmultirange", "tstzmultirange", 6153, 0, -1, false, 'd', 'R', false, 'm'},
	{4535, "datemultirange", "datemultirange", 6155, 0, -1, false, 'i', 'R', false, 'm'},
	{4536, "int8multirange", "int8multirange", 6157, 0, -1, false, 'd', 'R', false, 'm'},
	{4537, "anymultirange", "anymultirange", 0, 0, -1, false, 'd', 'P', false, 'p'},
	{4538, "anycompatiblemultirange", "anycompatiblemultirange", 0, 0, -1, false, 'd', 'P', false, 'p'},
	{4600, "pg_brin_bloom_summary", "pg_brin_bloom_summary", 0, 0, -1, false, 'i', 'Z', false, 'b'},
	{4601, "pg_brin_minmax_multi_summary", "pg_brin_minmax_multi_summary", 0, 0, -1, false, 'i', 'Z', false, 'b'},
	{5038, "pg_snapshot", "pg_snapshot", 5039, 0, -1, false, 'd', 'U', false, 'b'},
	{5039, "_pg_snapshot", "pg_snapshot[]", 0, 5038, -1, false, 'd', 'A', false, 'b'},
	{5077, "anycompatible", "anycompatible", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{5078, "anycompatiblearray", "anycompatiblearray", 0, 0, -1, false, 'd', 'P', false, 'p'},
	{5079, "anycompatiblenonarray", "anycompatiblenonarray", 0, 0, 4, true, 'i', 'P', false, 'p'},
	{5080, "anycompatiblerange", "anycompatiblerange", 0, 0, -1, false, 'd', 'P', false, 'p'},
	{6150, "_int4multirange", "int4multirange[]", 0, 4451, -1, false, 'i', 'A', false, 'b'},
	{6151, "_nummultirange", "nummultirange[]", 0, 4532, -1, false, 'i', 'A', false, 'b'},
	{6152, "_tsmultirange", "tsmultirange[]", 0, 4533, -1, false, 'd', 'A', false, 'b'},
	{6153, "_tstzmultirange", "tstzmultirange[]", 0, 4534, -1, false, 'd', 'A', false, 'b'},
	{6155, "_datemultirange", "datemultirange[]", 0, 4535, -1, false, 'i', 'A', false, 'b'},
	{6157, "_int8multirange", "int8multirange[]", 0, 4536, -1, false, 'd', 'A', false, 'b'},
}

var _ = func() bool {
	for _, f := range facts {
		i := &Info{
			OID: f.oid, Name: f.name, SQLName: f.sqlName, Array: f.array, Elem: f.elem, Len: f.length, ByVal: f.byVal,
			Align: f.align, Category: f.category, Preferred: f.preferred, Kind: f.kind, Delim: ',',
		}
		if f.name == "box" || f.name == "_box" {
			i.Delim = ';'
		}
		register(i)
	}
	return true
}()

package types

import "github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"

// opaque types stand in columns of PostgreSQL's catalogs and are never read from
// a client: their value is their text.
func opaque(i *Info) *Info {
	refuse := func() (Value, error) {
		return Value{}, sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot accept a value of type %s", i.Name)
	}
	i.In = func(string, int32, *Format) (Value, error) { return refuse() }
	i.Recv = func([]byte, int32) (Value, error) { return refuse() }
	i.AppendText = func(dst []byte, v Value, _ *Format) []byte { return append(dst, v.S...) }
	i.AppendBinary = appendS
	i.Compare = compareS
	i.Delim, i.Phys = ',', PhysBytes
	return register(i)
}

var (
	_ = opaque(&Info{OID: 194, Name: "pg_node_tree", SQLName: "pg_node_tree", Len: -1, Align: 'i', Category: 'Z', Kind: 'b'})
	_ = opaque(&Info{OID: 1033, Name: "aclitem", SQLName: "aclitem", Array: 1034, Len: 16, Align: 'd', Category: 'U', Kind: 'b'})
	_ = opaque(&Info{OID: AnyArray, Name: "anyarray", SQLName: "anyarray", Len: -1, Align: 'd', Category: 'P', Kind: 'p'})
	_ = opaque(&Info{OID: 3361, Name: "pg_ndistinct", SQLName: "pg_ndistinct", Len: -1, Align: 'i', Category: 'Z', Kind: 'b'})
	_ = opaque(&Info{OID: 3402, Name: "pg_dependencies", SQLName: "pg_dependencies", Len: -1, Align: 'i', Category: 'Z', Kind: 'b'})
	_ = opaque(&Info{OID: 5017, Name: "pg_mcv_list", SQLName: "pg_mcv_list", Len: -1, Align: 'i', Category: 'Z', Kind: 'b'})
)

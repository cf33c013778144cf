package function

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// rowsInBlock is how many row ids one block number of a ctid stands for.
const rowsInBlock = 256

func init() {
	define("row_place(int8) tid strict immutable oid 9961", Definition{
		Value: func(_ *Env, args []types.Value) (types.Value, error) {
			id := uint64(args[0].I)
			b := binary.BigEndian.AppendUint32(nil, uint32(id/rowsInBlock))
			b = binary.BigEndian.AppendUint16(b, uint16(id%rowsInBlock+1))
			return types.NewString(types.TID, string(b)), nil
		},
		Examples: []Example{{SQL: "row_place(300)", Text: "(1,45)", Ours: "a table's rows have a number of their own, which ctid shows"}},
	})
}

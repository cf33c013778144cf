package protobuf

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
)

// Cut finds the message at the beginning of b, of messages that lie one behind the other,
// each behind its length: the message is b[at:at+size], where b has as much. more: b ends
// within the length.
func Cut(b []byte) (at int, size uint64, more bool, err error) {
	size, at = wire.Uvarint(b, 0)
	switch {
	case at > 0:
		return at, size, false, nil
	case len(b) < binary.MaxVarintLen64:
		return 0, 0, true, nil
	}
	return 0, 0, false, sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, "invalid length of a Protobuf message").
		WithDetail("Of its length, which stands before each message, the bytes %s do not end.", head(b)).
		WithHint("Set protobuf.framing to what the file is: delimited, or none where it is one message.")
}

// AppendDelimited appends a message behind its length.
func AppendDelimited(dst, message []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(message))), message...)
}

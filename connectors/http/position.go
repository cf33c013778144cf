package http

import (
	"encoding/base64"
	"encoding/binary"
	stdjson "encoding/json"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// split is the only one that a URL has.
const split stream.Split = "0"

// place is how far a URL has been read: the request that is made next, or whose answer
// is being read, and how many of its records have been. It is kept as JSON, of which a
// field that is not there has its zero value.
type place struct {
	Version int    `json:"v"`
	Events  bool   `json:"events,omitempty"` // of mode = 'sse'
	ID      string `json:"id,omitempty"`     // of the last event

	Page   string `json:"page,omitempty"`   // the URL of a page that is not the first
	Cursor string `json:"cursor,omitempty"` // what cursor.param is given
	Has    bool   `json:"has,omitempty"`    // there is a cursor
	Rows   int64  `json:"rows,omitempty"`   // how many records of the answer have been read
	Sum    string `json:"sum,omitempty"`    // what the answer was, as its bytes add up
	// Of the last answer that was read whole, so that it is not sent again:
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"modified,omitempty"`
	Whole    bool   `json:"whole,omitempty"` // the answer Sum is of was read whole

	Keys string `json:"keys,omitempty"` // of the last records, 8 bytes each, the oldest first
}

const placeVersion = 1

func (p place) encode(keys []uint64) (stream.Offset, error) {
	p.Version = placeVersion
	if len(keys) > 0 {
		b := make([]byte, 0, 8*len(keys))
		for _, k := range keys {
			b = binary.LittleEndian.AppendUint64(b, k)
		}
		p.Keys = base64.RawStdEncoding.EncodeToString(b)
	}
	return stdjson.Marshal(p)
}

// decodePlace reads a position; events: of a stream of events.
func (s *source) decodePlace(o stream.Offset) (p place, keys []uint64, err error) {
	if o == nil {
		return place{}, nil, nil
	}
	err = stdjson.Unmarshal(o, &p)
	b, err2 := base64.RawStdEncoding.DecodeString(p.Keys)
	if err != nil || err2 != nil || p.Version != placeVersion || p.Events != s.config.events || len(b)%8 != 0 {
		return place{}, nil, sqlerr.Errorf(sqlerr.DataCorrupted, "the position kept for %s is not one of how %q is read", s.config.what(), s.rel.Name).
			WithHint("Its mode was changed: DROP the job and create it again.")
	}
	for ; len(b) > 0; b = b[8:] {
		keys = append(keys, binary.LittleEndian.Uint64(b))
	}
	p.Keys = ""
	return p, keys, nil
}

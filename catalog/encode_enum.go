package catalog

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

type storedEnum struct {
	Format  int           `json:"format"`
	OID     types.OID     `json:"oid"`
	Schema  string        `json:"schema"`
	Name    string        `json:"name"`
	Owner   string        `json:"owner"`
	Comment string        `json:"comment,omitempty"`
	Labels  []storedLabel `json:"labels"`
}

type storedLabel struct {
	OID    types.OID `json:"oid"`
	Number int64     `json:"number"`
	Sort   float32   `json:"sort"`
	Label  string    `json:"label"`
}

func encodeEnum(e *Enum) []byte {
	s := storedEnum{Format: objectFormat, OID: e.OID, Schema: e.Schema, Name: e.Name, Owner: e.Owner, Comment: e.Comment}
	for _, l := range e.Labels {
		s.Labels = append(s.Labels, storedLabel(l))
	}
	return encode(s)
}

func decodeEnum(value []byte) (*Enum, error) {
	var s storedEnum
	if err := decode(value, &s, &s.Format); err != nil {
		return nil, err
	}
	e := &Enum{OID: s.OID, Schema: s.Schema, Name: s.Name, Owner: s.Owner, Comment: s.Comment}
	for _, l := range s.Labels {
		e.Labels = append(e.Labels, EnumLabel(l))
	}
	return e, nil
}

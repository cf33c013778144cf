package catalog

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Objects are stored as JSON under their kind and OID. The structs here are the
// format: a field may be added with a meaning for its absence; anything else
// takes the next objectFormat and code that reads both.
const objectFormat = 1

// First bytes of the catalog's keys.
const (
	keyOIDs     = 'o'
	keySchema   = 's'
	keyRelation = 'r'
	keyJob      = 'j'
	keyEnum     = 'e'
	keyRole     = 'a'
	keyOwed     = 'w'

	keyFunctionACL  = 'f'
	keyDatabaseACL  = 'd'
	keyConnectorACL = 'c'
	keyDefaultACL   = 'p'
)

func (k storeKey) bytes() []byte {
	return fmt.Appendf(nil, "%c%010d", k.kind, k.oid)
}

type storedSchema struct {
	Format  int       `json:"format"`
	OID     types.OID `json:"oid"`
	Name    string    `json:"name"`
	Owner   string    `json:"owner"`
	Comment string    `json:"comment,omitempty"`

	ACL *[]storedACLItem `json:"acl,omitempty"`

	Connector string         `json:"connector,omitempty"`
	Options   []storedOption `json:"options,omitempty"`
}

type storedRelation struct {
	Format    int              `json:"format"`
	OID       types.OID        `json:"oid"`
	Schema    string           `json:"schema"`
	Name      string           `json:"name"`
	Kind      string           `json:"kind"`
	Owner     string           `json:"owner"`
	Columns   []storedColumn   `json:"columns"`
	Hidden    []storedColumn   `json:"hidden,omitempty"`
	Watermark *storedWatermark `json:"watermark,omitempty"`
	Key       []string         `json:"key,omitempty"`
	Connector string           `json:"connector,omitempty"`
	Options   []storedOption   `json:"options,omitempty"`
	Query     string           `json:"query,omitempty"`
	Text      string           `json:"text,omitempty"`
	Found     bool             `json:"found,omitempty"`
	Job       string           `json:"job,omitempty"`
	Comment   string           `json:"comment,omitempty"`
	DependsOn []types.OID      `json:"depends_on,omitempty"`
	Table     *storedTable     `json:"table,omitempty"`
	Sequence  *storedSequence  `json:"sequence,omitempty"`

	ACL *[]storedACLItem `json:"acl,omitempty"`
}

type storedColumn struct {
	Name      string    `json:"name"`
	Type      types.OID `json:"type"`
	Mod       int32     `json:"mod"`
	NotNull   bool      `json:"not_null,omitempty"`
	Default   string    `json:"default,omitempty"`
	Generated string    `json:"generated,omitempty"`
	Comment   string    `json:"comment,omitempty"`
	Attr      int16     `json:"attr,omitempty"`
	Missing   *string   `json:"missing,omitempty"` // absent: NULL
	Identity  string    `json:"identity,omitempty"`
	Collation string    `json:"collation,omitempty"`

	ACL *[]storedACLItem `json:"acl,omitempty"`
}

type storedWatermark struct {
	Column string `json:"column"`
	Expr   string `json:"expr"`
}

type storedOption struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type storedJob struct {
	Format    int               `json:"format"`
	OID       types.OID         `json:"oid"`
	UUID      string            `json:"uuid"`
	Name      string            `json:"name"`
	Owner     string            `json:"owner"`
	Text      string            `json:"text"`
	Sinks     []string          `json:"sinks,omitempty"`
	Options   []storedOption    `json:"options,omitempty"`
	State     JobState          `json:"state"`
	Error     string            `json:"error,omitempty"`
	SQLState  string            `json:"sqlstate,omitempty"` // with detail and hint: of error
	Detail    string            `json:"detail,omitempty"`
	Hint      string            `json:"hint,omitempty"`
	Settings  map[string]string `json:"settings,omitempty"`
	Created   time.Time         `json:"created"`
	DependsOn []types.OID       `json:"depends_on,omitempty"`
	Inlined   []types.OID       `json:"inlined,omitempty"`
	Comment   string            `json:"comment,omitempty"`
	Start     *JobStart         `json:"start,omitempty"`
}

type storedOIDs struct {
	Format int       `json:"format"`
	Limit  types.OID `json:"limit"`
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("catalog: encoding " + err.Error()) // the structs above always encode
	}
	return b
}

// decode reads a stored object strictly: a field it does not know was written
// by a newer binary, and would be lost by the next write.
func decode(value []byte, v any, format *int) error {
	d := json.NewDecoder(bytes.NewReader(value))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("reading a stored object: %w", err)
	}
	if *format != objectFormat {
		return fmt.Errorf("reading a stored object: it has format %d, this binary reads %d", *format, objectFormat)
	}
	return nil
}

func encodeSchema(s *Schema) []byte {
	return encode(storedSchema{objectFormat, s.OID, s.Name, s.Owner, s.Comment, storedACL(s.ACL), s.Connector, storedOptions(s.Options)})
}

func decodeSchema(value []byte) (*Schema, error) {
	var s storedSchema
	if err := decode(value, &s, &s.Format); err != nil {
		return nil, err
	}
	return &Schema{OID: s.OID, Name: s.Name, Owner: s.Owner, Comment: s.Comment, ACL: loadedACL(s.ACL), Connector: s.Connector, Options: loadedOptions(s.Options)}, nil
}

func encodeRelation(r *Relation) []byte {
	s := storedRelation{
		Format: objectFormat, OID: r.OID, Schema: r.Schema, Name: r.Name, Kind: string(rune(r.Kind)), Owner: r.Owner,
		Columns: storedColumns(r.Columns), Hidden: storedColumns(r.Hidden), Connector: r.Connector,
		Options: storedOptions(r.Options), Query: r.Query, Text: r.Text, Found: r.Found, Job: r.Job, Comment: r.Comment, DependsOn: r.DependsOn, Key: r.Key, ACL: storedACL(r.ACL),
	}
	if r.Watermark != nil {
		s.Watermark = &storedWatermark{r.Watermark.Column, r.Watermark.Expr}
	}
	if r.Table != nil {
		s.Table, s.Hidden = storeTable(r.Table), nil
	}
	if r.Sequence != nil {
		stored := storedSequence(*r.Sequence)
		s.Sequence = &stored
	}
	return encode(s)
}

func decodeRelation(value []byte) (*Relation, error) {
	var s storedRelation
	if err := decode(value, &s, &s.Format); err != nil {
		return nil, err
	}
	if len(s.Kind) != 1 {
		return nil, fmt.Errorf("reading a stored object: relation %s.%s is of kind %q", s.Schema, s.Name, s.Kind)
	}
	r := &Relation{
		OID: s.OID, Schema: s.Schema, Name: s.Name, Kind: Kind(s.Kind[0]), Owner: s.Owner,
		Columns: loadedColumns(s.Columns), Hidden: loadedColumns(s.Hidden), Connector: s.Connector,
		Options: loadedOptions(s.Options), Query: s.Query, Text: s.Text, Found: s.Found, Job: s.Job, Comment: s.Comment, DependsOn: s.DependsOn, Key: s.Key, ACL: loadedACL(s.ACL),
	}
	if s.Watermark != nil {
		r.Watermark = &Watermark{s.Watermark.Column, s.Watermark.Expr}
	}
	if s.Table != nil {
		r.Table, r.Hidden = loadTable(s.Table), TableHidden()
	}
	if s.Sequence != nil {
		loaded := SequenceInfo(*s.Sequence)
		r.Sequence = &loaded
	}
	switch {
	case (r.Kind == Table || r.Kind == MatView) && r.Table == nil, r.Kind == Sequence && r.Sequence == nil:
		return nil, fmt.Errorf("reading a stored object: relation %s.%s has not what its kind %q needs", s.Schema, s.Name, s.Kind)
	}
	return r, nil
}

func storedColumns(cs []Column) []storedColumn {
	var all []storedColumn
	for _, c := range cs {
		s := storedColumn{Name: c.Name, Type: c.Type.OID, Mod: c.Type.Mod, NotNull: c.NotNull,
			Default: c.Default, Generated: c.Generated, Comment: c.Comment, Attr: c.Attr, Collation: c.Collation, ACL: storedACL(c.ACL)}
		if c.HasMissing {
			s.Missing = &c.Missing
		}
		if c.Identity != 0 {
			s.Identity = string(rune(c.Identity))
		}
		all = append(all, s)
	}
	return all
}

func loadedColumns(cs []storedColumn) []Column {
	var all []Column
	for _, s := range cs {
		c := Column{Name: s.Name, Type: types.Type{OID: s.Type, Mod: s.Mod}, NotNull: s.NotNull,
			Default: s.Default, Generated: s.Generated, Comment: s.Comment, Attr: s.Attr, HasMissing: s.Missing != nil, Collation: s.Collation, ACL: loadedACL(s.ACL)}
		if s.Missing != nil {
			c.Missing = *s.Missing
		}
		if s.Identity != "" {
			c.Identity = Identity(s.Identity[0])
		}
		all = append(all, c)
	}
	return all
}

func storedOptions(o Options) []storedOption {
	var all []storedOption
	for _, p := range o {
		all = append(all, storedOption(p))
	}
	return all
}

func loadedOptions(o []storedOption) Options {
	var all Options
	for _, p := range o {
		all = append(all, Option(p))
	}
	return all
}

func encodeJob(j *Job) []byte {
	return encode(storedJob{
		Format: objectFormat, OID: j.OID, UUID: hex.EncodeToString(j.UUID[:]), Name: j.Name, Owner: j.Owner, Text: j.Text,
		Sinks: j.Sinks, Options: storedOptions(j.Options), State: j.State, Error: j.Failure.Message, SQLState: string(j.Failure.Code), Detail: j.Failure.Detail, Hint: j.Failure.Hint, Settings: j.Settings,
		Created: j.Created, DependsOn: j.DependsOn, Inlined: j.Inlined, Comment: j.Comment, Start: j.Start,
	})
}

func decodeJob(value []byte) (*Job, error) {
	var s storedJob
	if err := decode(value, &s, &s.Format); err != nil {
		return nil, err
	}
	j := &Job{
		OID: s.OID, Name: s.Name, Owner: s.Owner, Text: s.Text, Sinks: s.Sinks, Options: loadedOptions(s.Options),
		State: s.State, Failure: Failure{sqlerr.Code(s.SQLState), s.Error, s.Detail, s.Hint}, Settings: s.Settings, Created: s.Created, DependsOn: s.DependsOn, Inlined: s.Inlined, Comment: s.Comment, Start: s.Start,
	}
	b, err := hex.DecodeString(s.UUID)
	if err != nil || len(b) != len(j.UUID) {
		return nil, fmt.Errorf("reading a stored object: job %s has the UUID %q", s.Name, s.UUID)
	}
	copy(j.UUID[:], b)
	return j, nil
}

func decodeOIDs(value []byte) (types.OID, error) {
	var s storedOIDs
	if err := decode(value, &s, &s.Format); err != nil {
		return 0, err
	}
	return s.Limit, nil
}

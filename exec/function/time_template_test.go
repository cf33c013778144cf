package function

import (
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// TestLongTemplates: a template is bounded, since its parts take many times its bytes,
// and what stands between the fields of a long one is put together in time.
func TestLongTemplates(t *testing.T) {
	env := &Env{Format: types.DefaultFormat()}
	at := types.Value{Type: types.Of(types.Timestamp)}
	for _, c := range []struct {
		name string
		arg  types.Value
	}{{"to_char", at}, {"to_char", types.Value{Type: types.Of(types.Timestamptz)}}, {"to_char", types.Value{Type: types.Of(types.Interval)}}, {"to_date", types.NewText("2024")}} {
		def := Lookup(c.name, c.arg.Type.OID, types.Text)
		_, err := def.Value(env, []types.Value{c.arg, types.NewText(strings.Repeat("-", maxTemplate+1))})
		if sqlerr.CodeOf(err) != sqlerr.ProgramLimitExceeded {
			t.Errorf("%s of type %d: %v", c.name, c.arg.Type.OID, err)
		}
	}
	dashes := strings.Repeat("-", maxTemplate-4)
	v, err := Lookup("to_char", types.Timestamp, types.Text).Value(env, []types.Value{at, types.NewText(dashes + "YYYY")})
	if err != nil || v.S != dashes+"2000" {
		t.Errorf("%d bytes: %v", len(v.S), err)
	}
}

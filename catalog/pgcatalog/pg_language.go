package pgcatalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// languageInternal is the language of every function here.
const languageInternal types.OID = 12

func pgLanguage(_ *Context, t *table) {
	for _, l := range []struct {
		oid       types.OID
		name      string
		trusted   bool
		validator types.OID
	}{
		{languageInternal, "internal", false, 2246},
		{13, "c", false, 2247},
		{14, "sql", true, 2248},
	} {
		t.row().
			oid("oid", l.oid).
			str("lanname", l.name).
			oid("lanowner", catalog.RoleOID(catalog.Superuser)).
			bool("lanpltrusted", l.trusted).
			oid("lanvalidator", l.validator).
			emit()
	}
}

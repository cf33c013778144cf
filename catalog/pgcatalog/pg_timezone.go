package pgcatalog

import (
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func pgTimezoneNames(_ *Context, t *table) {
	now := time.Now()
	for _, name := range types.ZoneNames() {
		loc, canonical, err := types.LoadZone(name)
		if err != nil {
			continue // pg_timezone_names leaves out what it cannot read
		}
		local := now.In(loc)
		abbrev, east := local.Zone()
		t.row().
			str("name", canonical).
			str("abbrev", abbrev).
			seconds("utc_offset", east).
			bool("is_dst", local.IsDST()).
			emit()
	}
}

func pgTimezoneAbbrevs(_ *Context, t *table) {
	types.ZoneAbbrevs(time.Now().UnixMicro()+types.UnixEpoch, func(abbrev string, east int, daylight bool) {
		t.row().
			str("abbrev", abbrev).
			seconds("utc_offset", east).
			bool("is_dst", daylight).
			emit()
	})
}

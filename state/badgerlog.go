package state

import (
	"fmt"
	"log/slog"
	"strings"
)

// badgerLog passes Badger's warnings on and drops its chatter.
type badgerLog struct{ log *slog.Logger }

func (l badgerLog) Errorf(format string, args ...any) {
	l.log.Error("state store: " + strings.TrimSpace(fmt.Sprintf(format, args...)))
}

func (l badgerLog) Warningf(format string, args ...any) {
	if idleTalk(format) {
		return
	}
	l.log.Warn("state store: " + strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// idleTalk reports whether a warning is about how long blocks stay in Badger's caches, with a
// histogram of it: their sizes are set here, and there is nothing that a reader of the log
// could do.
func idleTalk(format string) bool {
	return strings.HasPrefix(format, "%s might be too small") || strings.HasPrefix(format, "Cache life expectancy")
}

func (badgerLog) Infof(string, ...any)  {}
func (badgerLog) Debugf(string, ...any) {}

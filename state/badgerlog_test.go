package state

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// TestBadgerLog: warnings that say something go to the log, and the metrics of Badger's
// caches, of many lines, do not.
func TestBadgerLog(t *testing.T) {
	var out bytes.Buffer
	l := badgerLog{slog.New(slog.NewTextHandler(&out, nil))}
	l.Warningf("%s might be too small. Metrics: %s\n", "Block cache", "hit: 1 miss: 2")
	l.Warningf("Cache life expectancy (in seconds): %+v\n", " -- Histogram: \nMin value: 0")
	l.Infof("chatter")
	if out.Len() > 0 {
		t.Errorf("the log has %q", out.String())
	}
	l.Warningf("While compacting level 0: %v\n", "no space")
	if got := out.String(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, "state store: While compacting level 0: no space") {
		t.Errorf("the log has %q", got)
	}
}

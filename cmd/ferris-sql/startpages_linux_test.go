package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// fileResident is the process's resident pages of files in kB.
func fileResident(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "RssFile:")
	line, _, _ := strings.Cut(rest, "\n")
	kb, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(line, "kB")))
	if err != nil {
		t.Fatalf("RssFile of /proc/self/status: %v", err)
	}
	return kb
}

func TestReleaseStartPages(t *testing.T) {
	before := fileResident(t)
	if err := releaseStartPages(); err != nil {
		t.Fatal(err)
	}
	after := fileResident(t)
	// What runs is mapped again at once, in the large pieces of the page cache.
	if after > before*9/10 {
		t.Errorf("%d kB of files are resident after the release, %d before", after, before)
	}
}

func TestParseMapping(t *testing.T) {
	for line, want := range map[string]mapping{
		"00402000-01bea000 r-xp 00002000 fe:00 9994653                            /usr/bin/ferris-sql": {0x402000, 0x1bea000, false, "/usr/bin/ferris-sql"},
		"8ff2e400000-8ff2f800000 rw-p 00000000 00:00 0 [anon: Go: heap]":                               {0x8ff2e400000, 0x8ff2f800000, true, "[anon: Go: heap]"},
		"01bea000-03578000 r--p 017ea000 fe:00 12 /opt/two words/ferris-sql":                           {0x1bea000, 0x3578000, false, "/opt/two words/ferris-sql"},
	} {
		if got, ok := parseMapping(line); !ok || got != want {
			t.Errorf("parseMapping(%q) = %+v, %v, expected %+v", line, got, ok, want)
		}
	}
	for _, line := range []string{"Size:              25488 kB", "VmFlags: rd ex mr mw me", "", "8ff2e400000-8ff2f800000 rw-p 00000000 00:00 0"} {
		if got, ok := parseMapping(line); ok {
			t.Errorf("parseMapping(%q) = %+v", line, got)
		}
	}
}

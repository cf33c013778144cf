package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// releaseStartPages unmaps what the start has read of the binary and will seldom
// read again: package initialisation, the tables of parsers and codecs, the symbol
// table that stack traces use. The kernel maps each in large pieces, so a process
// that has just started holds most of the file. The pages stay in the page cache:
// what is used again is mapped again by a minor fault, without a read.
//
// Only pages of the file itself are let go: a mapping that may be written, or that
// holds a page changed since it was mapped (relocations), is left alone.
func releaseStartPages() error {
	own, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the executable: %w", err)
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return fmt.Errorf("reading the process's mappings: %w", err)
	}
	defer f.Close()
	var at mapping
	var clean []mapping
	for in := bufio.NewScanner(f); in.Scan(); {
		line := in.Text()
		if m, ok := parseMapping(line); ok {
			at = m
			continue
		}
		if changed, ok := strings.CutPrefix(line, "Anonymous:"); ok {
			if strings.TrimSpace(changed) == "0 kB" && !at.writable && at.path == own {
				clean = append(clean, at)
			}
			at = mapping{}
		}
	}
	for _, m := range clean {
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("releasing pages of %s: %w", m.path, errno)
		}
	}
	return nil
}

// mapping is one range of addresses, to exclusive, of /proc/self/smaps.
type mapping struct {
	from, to uintptr
	writable bool
	path     string
}

// parseMapping reads the first line of a mapping:
// "00402000-01bea000 r-xp 00002000 fe:00 9994653   /usr/bin/ferris-sql".
func parseMapping(line string) (mapping, bool) {
	fields := strings.Fields(line)
	if len(fields) < 6 || len(fields[1]) != 4 {
		return mapping{}, false
	}
	low, high, ok := strings.Cut(fields[0], "-")
	if !ok {
		return mapping{}, false
	}
	from, err1 := strconv.ParseUint(low, 16, 64)
	to, err2 := strconv.ParseUint(high, 16, 64)
	if err1 != nil || err2 != nil {
		return mapping{}, false
	}
	_, path, _ := strings.Cut(line, " "+fields[4]+" ")
	return mapping{
		from:     uintptr(from),
		to:       uintptr(to),
		writable: fields[1][1] == 'w',
		path:     strings.TrimSpace(path),
	}, true
}

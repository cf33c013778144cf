//go:build !linux

package memory

import "os"

func openUnnamed(dir string) (*os.File, error) { return openNamed(dir) }

package memory

import "fmt"

// megabytes writes a number of bytes as people read it.
func megabytes(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MB", (n+(1<<20)-1)>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d kB", (n+(1<<10)-1)>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

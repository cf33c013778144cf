package gateway

import (
	"fmt"
	"strings"
	"testing"
)

func TestTemplateKeys(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"SELECT v FROM t WHERE id = 17;", "SELECT v FROM t WHERE id = ?; [27:17]"},
		{"VALUES (-5, 2147483647,0)", "VALUES (-?, ?,?) [9:5 12:2147483647 23:0]"},
		{"SELECT a1, 'x 2 ''3', 1.5, .5, 1e3, 0x1F, 2147483648, 7", "SELECT a1, 'x 2 ''3', 1.5, .5, 1e3, 0x1F, 2147483648, ? [54:7]"},
		{"SELECT é1, 2", "SELECT é1, ? [12:2]"},
		{"SELECT 1", "SELECT ? [7:1]"},
		{"SELECT a", ""},           // no literal
		{"SELECT 1; SELECT 2", ""}, // several statements
		{"SELECT 1 -- 2", ""},
		{"SELECT /* 2 */ 1", ""},
		{`SELECT "a 1", 2`, ""},
		{"SELECT $1, 2", ""},
		{`SELECT E'\'1', 2`, ""},
		{"SELECT 1 # 2", ""},
		{"SELECT 'x", ""},
		{"SELECT 1" + strings.Repeat(" + 1", maxIntegers), ""},
	} {
		var x templates
		got := ""
		if x.read([]byte(c.text)) {
			var ints []string
			for _, i := range x.ints {
				ints = append(ints, fmt.Sprintf("%d:%d", i.At, i.Value))
			}
			got = fmt.Sprintf("%s %v", strings.ReplaceAll(string(x.key), "\x00", "?"), ints)
		}
		if got != c.want {
			t.Errorf("read(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

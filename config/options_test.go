package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// optionReader reads files by their paths within a folder, with some variables.
func optionReader(dir string) OptionReader {
	return OptionReader{
		Resolve: func(path string) (string, error) {
			if strings.HasPrefix(path, "..") {
				return "", fmt.Errorf("permission denied for %s", path)
			}
			return filepath.Join(dir, path), nil
		},
		Variable: func(name string) (string, bool) {
			v, ok := map[string]string{"ENVIRONMENT": "prod", "EMPTY": "", "HOST": "kafka"}[name]
			return v, ok
		},
		Now: func() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600)) },
	}
}

// aliases is a file of 9 keys in 9 keys, and so on.
func aliases(levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 {k: 1}\n")
	for i := 1; i < levels; i++ {
		fmt.Fprintf(&b, "a%d: &a%[1]d {", i)
		for k := range 9 {
			fmt.Fprintf(&b, "k%d: *a%d, ", k, i-1)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func TestReadOptions(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"base.yml":        "bootstrap.servers: ${KAFKA:-${HOST}:9092}\ncompression.type: snappy\nmax_retries: 3\n",
		"more/other.yaml": "group.id: g\ncompression.type: zstd\n",
		"orders.yaml": `extends: [base.yml, more/other.yaml]
topic: "orders-${ENVIRONMENT}-${DATE}"
MAX_RETRIES: 5
nested:
  key: [a, "${EMPTY:-b}"]
  on: true
none:
`,
		"again.yaml":    "a.b: 1\na:\n  b: 2\n",
		"unset.yaml":    "topic: x\npassword: ${SECRET}\n",
		"open.yaml":     "topic: ${SECRET\n",
		"circle.yaml":   "extends: circle2.yaml\n",
		"circle2.yaml":  "extends: circle.yaml\n",
		"escapes.yaml":  "extends: ../../x.yaml\n",
		"list.yaml":     "- a\n",
		"merge.yaml":    "x: &x {a: 1}\ny:\n  <<: *x\n",
		"absent.yaml":   "extends: nowhere.yaml\n",
		"injected.yaml": "topic: ${A$B}\n",
		"itself.yaml":   "a: &x\n  b: *x\n",
		"many.yaml":     aliases(7),
		"deep.yaml":     "topic: " + strings.Repeat("${A:-", 100_000) + strings.Repeat("}", 100_000) + "\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := optionReader(dir)
	got, err := r.Read("orders.yaml")
	want := `[{bootstrap.servers kafka:9092 true base.yml, line 1} {compression.type zstd true more/other.yaml, line 2} {max_retries 5 false orders.yaml, line 3} {group.id g true more/other.yaml, line 1} {topic orders-prod-2026-03-04 false orders.yaml, line 2} {nested.key a,b false orders.yaml, line 5} {nested.on true false orders.yaml, line 6}]`
	if fmt.Sprint(got) != want || err != nil {
		t.Errorf("%v, %v, want %s", got, err, want)
	}
	for name, want := range map[string]string{
		"again.yaml":    `again.yaml: line 3: key "a.b" stands at line 1 already`,
		"unset.yaml":    "unset.yaml: line 2: password: the variable SECRET is not set",
		"open.yaml":     "line 1: topic: a variable has no }",
		"itself.yaml":   "itself.yaml: line 2: keys are nested more than 16 deep",
		"many.yaml":     "it has more than 10000 keys",
		"deep.yaml":     "deep.yaml: line 1: topic: defaults of variables are nested more than 16 deep",
		"circle.yaml":   "circle.yaml extends itself",
		"escapes.yaml":  "permission denied for ../../x.yaml",
		"list.yaml":     "list.yaml: line 1: expected keys and values, got a sequence",
		"merge.yaml":    "line 3: << is not read here",
		"absent.yaml":   "reading nowhere.yaml: no such file",
		"more":          "reading more: it is no regular file",
		"injected.yaml": `"A$B" is not the name of a variable`,
	} {
		if got, err := r.Read(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want %q", name, got, err, want)
		}
	}
}

func TestExpand(t *testing.T) {
	r := optionReader("")
	for text, want := range map[string]string{
		"": "", "plain $5 {x}": "plain $5 {x}", "${HOST}": "kafka", "a${HOST}b${HOST}": "akafkabkafka", "${NONE:-}": "", "${NONE:-x}": "x",
		"${EMPTY}": "", "${EMPTY:-x}": "x", "${NONE:-${NONE:-${HOST}}}!": "kafka!", "${TIME}": "04:06:07", "${NONE:-{x}}": "{x}",
	} {
		if got, err := r.Expand(text); got != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
}

package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Option is a key of a stream or sink that a file has, with its value.
type Option struct {
	Key, Value string
	// Inherited: another file has it, which the one read extends.
	Inherited bool
	// Where is the file, as it was named, and the line of the key: "a.yaml, line 3".
	Where string
}

// maxOptionFile is the most that a file of options may have, in bytes.
const maxOptionFile = 1 << 20

// maxExtends is how many files may extend each other in a row.
const maxExtends = 16

// maxOptions is how many keys a file may have, counted again wherever an alias repeats
// them, and maxNested how deep they, and the defaults of variables, may be nested: an
// alias may stand within what it names.
const (
	maxOptions = 10_000
	maxNested  = 16
)

// OptionReader reads the files that config_file names.
type OptionReader struct {
	// Resolve makes a path one that may be read, or refuses it.
	Resolve func(path string) (string, error)
	// Variable is the environment; false: there is no such variable.
	Variable func(name string) (string, bool)
	// Now is the time that ${DATE} and ${TIME} are of.
	Now func() time.Time
}

// Read are the keys that a file has, in its order, behind those of the files that it
// extends: `extends: base.yaml`, relative to itself, or a list of which a later one wins.
// Keys that are nested are joined by dots, lists by commas. A value's ${NAME} is that of the
// environment, which must have it, ${NAME:-default} need not be there; ${DATE} and ${TIME}
// are today's, in UTC.
func (r OptionReader) Read(path string) ([]Option, error) { return r.read(path, nil) }

func (r OptionReader) read(path string, above []string) ([]Option, error) {
	resolved, err := r.Resolve(path)
	if err != nil {
		return nil, err
	}
	if slices.Contains(above, resolved) {
		return nil, fmt.Errorf("%s extends itself", path)
	}
	if len(above) == maxExtends {
		return nil, fmt.Errorf("%s: more than %d files extend each other", path, maxExtends)
	}
	text, err := readSmall(resolved)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, cause(err))
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	f := optionFile{reader: r, lines: map[string]int{}}
	if len(doc.Content) > 0 {
		if err := f.walk("", doc.Content[0], 0); err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
	}
	var all []Option
	for _, base := range f.extends {
		if !filepath.IsAbs(base) {
			base = filepath.Join(filepath.Dir(path), base)
		}
		inherited, err := r.read(base, append(above, resolved))
		if err != nil {
			return nil, err
		}
		for _, o := range inherited {
			o.Inherited = true
			all = override(all, o)
		}
	}
	for _, o := range f.own {
		o.Where = fmt.Sprintf("%s, line %d", path, f.lines[o.Key])
		all = override(all, o)
	}
	return all, nil
}

// override puts an option in the place of one with its key, else behind all.
func override(all []Option, o Option) []Option {
	for i := range all {
		if all[i].Key == o.Key {
			all[i] = o
			return all
		}
	}
	return append(all, o)
}

func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case info.Size() > maxOptionFile:
		return nil, fmt.Errorf("it has %d bytes, and the most is %d", info.Size(), maxOptionFile)
	}
	return os.ReadFile(path)
}

// cause is why the system refused a file, without the path, which is another one than was
// written.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// optionFile is one file being read.
type optionFile struct {
	reader  OptionReader
	extends []string
	own     []Option
	lines   map[string]int // where each key stands
	keys    int            // that were read
}

func (f *optionFile) walk(prefix string, n *yaml.Node, depth int) error {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: expected keys and values, got %s", n.Line, kind(n))
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := strings.ToLower(n.Content[i].Value), resolve(n.Content[i+1])
		if prefix != "" {
			name = prefix + "." + name
		}
		line := n.Content[i].Line
		f.keys++
		switch {
		case depth == maxNested:
			return fmt.Errorf("line %d: keys are nested more than %d deep", line, maxNested)
		case f.keys > maxOptions:
			return fmt.Errorf("line %d: it has more than %d keys", line, maxOptions)
		}
		if n.Content[i].Tag == "!!merge" {
			return fmt.Errorf("line %d: << is not read here; name the file that has those keys in extends", line)
		}
		switch {
		case value.Kind == yaml.MappingNode:
			if err := f.walk(name, value, depth+1); err != nil {
				return err
			}
			continue
		case value.Kind == yaml.ScalarNode && value.Tag == "!!null":
			continue // commented out
		}
		texts, err := f.texts(value)
		if err != nil {
			return fmt.Errorf("line %d: %s: %w", value.Line, name, err)
		}
		if name == "extends" {
			f.extends = texts
			continue
		}
		if first := f.lines[name]; first != 0 {
			return fmt.Errorf("line %d: key %q stands at line %d already", line, name, first)
		}
		f.lines[name] = line
		f.own = append(f.own, Option{Key: name, Value: strings.Join(texts, ",")})
	}
	return nil
}

// texts are a scalar's value, or those of a list's items.
func (f *optionFile) texts(n *yaml.Node) ([]string, error) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	var all []string
	for _, item := range items {
		v, err := scalar(item)
		if err != nil {
			return nil, err
		}
		if v, err = f.reader.Expand(v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// Expand puts the values of variables in their places: ${NAME}, and ${NAME:-default}, whose
// default may have variables itself and stands for one that is empty, too.
func (r OptionReader) Expand(text string) (string, error) { return r.expand(text, 0) }

func (r OptionReader) expand(text string, depth int) (string, error) {
	if depth > maxNested {
		return "", fmt.Errorf("defaults of variables are nested more than %d deep", maxNested)
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "${")
		b.WriteString(before)
		if !ok {
			return b.String(), nil
		}
		end := closing(rest)
		if end < 0 {
			return "", errors.New("a variable has no } behind it")
		}
		name, otherwise, hasDefault := strings.Cut(rest[:end], ":-")
		text = rest[end+1:]
		value, known, err := r.variable(name)
		if err != nil {
			return "", err
		}
		switch {
		case known && (value != "" || !hasDefault):
		case !hasDefault:
			return "", fmt.Errorf("the variable %s is not set; set it for the server, or write ${%s:-default}", name, name)
		default:
			if value, err = r.expand(otherwise, depth+1); err != nil {
				return "", err
			}
		}
		b.WriteString(value)
	}
}

// closing is where the } is that ends a variable; -1: there is none.
func closing(s string) int {
	depth := 1
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "${"):
			depth++
		case s[i] == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func (r OptionReader) variable(name string) (value string, known bool, err error) {
	if name == "" || strings.ContainsFunc(name, func(c rune) bool {
		return c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}) {
		return "", false, fmt.Errorf("%q is not the name of a variable", name)
	}
	if value, known = r.Variable(name); known {
		return value, true, nil
	}
	switch name {
	case "DATE":
		return r.Now().UTC().Format(time.DateOnly), true, nil
	case "TIME":
		return r.Now().UTC().Format(time.TimeOnly), true, nil
	}
	return "", false, nil
}

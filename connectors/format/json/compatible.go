package json

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Document is the text of a JSON Schema, and those of the schemas that it refers to, by the
// names that it calls them.
type Document struct {
	Text   string
	Others map[string]string
}

// Rules say how JSON Schemas are compared.
type Rules struct {
	// Lenient is the registry's compatibilityPolicy LENIENT: properties may be added where
	// others than those named were allowed, whatever they were, and be shut out.
	Lenient bool
}

// Reads says why who has the one schema cannot take all that the other lets pass; nil: it
// can. The rules are those that Confluent's Schema Registry documents for JSON Schema
// (docs.confluent.io, "Schema Evolution and Compatibility" and "Formats, Serializers, and
// Deserializers: JSON Schema", and Yokota, "Understanding JSON Schema Compatibility").
// Refused are, from the writer's schema to the reader's:
//
//   - another type, but integer to number; a type that is no more one of several;
//   - a property that is added where the writer's object is open (says nothing of further
//     properties), unless any value is right for it; or one that is required, without a
//     default, and was not;
//   - a property that is gone where the reader's object is closed, and one that what it
//     says of further properties, or of names that match a pattern, does not take;
//   - further properties that are shut out or narrowed; the same of items in tuples;
//   - a bound that is new or tighter (lengths, counts, minimum, maximum, multipleOf), a
//     pattern that is new or another, uniqueItems that is new;
//   - values that an enum or const has no more; an allOf that asks for more; an anyOf or
//     oneOf that offers less, or of which the parts do not fit the old ones one by one;
//   - dependencies that are new or ask for more; a not that excludes more.
//
// What refers to something that is not known fits, and so does all that is not compared
// within a bound of pairs: the registry decides when it is asked.
func (r Rules) Reads(reader, writer Document) error {
	rs, in, err := newConditions(reader.Text, reader.Others)
	if err != nil {
		return err
	}
	ws, of, err := newConditions(writer.Text, writer.Others)
	if err != nil {
		return err
	}
	c := comparison{rules: r, reader: rs, writer: ws, pairs: new(int), done: map[[2]*condition]string{}}
	if why := c.compare(in, of, "#"); why != "" {
		return sqlerr.Errorf(sqlerr.DatatypeMismatch, "%s", why)
	}
	return nil
}

// mostPairs bounds what is compared, also once more: in combinations of combinations each
// part is compared with each.
const mostPairs = 200_000

type comparison struct {
	rules          Rules
	reader, writer *conditions
	pairs          *int
	done           map[[2]*condition]string // of writer's and reader's: why not; "": it fits, or is being compared
}

// compare says where and why the reader's condition does not take what the writer's does; "": it
// does.
func (c *comparison) compare(r, w *condition, at string) string {
	r, w = c.reader.follow(r), c.writer.follow(w)
	pair := [2]*condition{w, r}
	if *c.pairs++; *c.pairs > mostPairs {
		return ""
	}
	if why, ok := c.done[pair]; ok {
		return why
	}
	c.done[pair] = ""
	why := c.pair(r, w, at)
	c.done[pair] = why
	return why
}

func (c *comparison) pair(r, w *condition, at string) string {
	if r.form == passUnknown || w.form == passUnknown || r.form == passAny || w.form == passNever {
		return ""
	}
	switch {
	case r.form.combined() && !w.form.combined():
		if c.among(r, w, at) {
			return ""
		}
	case w.form.combined() && !r.form.combined():
		// One that asks for several things is within any of them.
		for _, sub := range w.subs {
			if (len(w.subs) == 1 || w.form == passAll) && c.compare(r, sub, at) == "" {
				return ""
			}
		}
	}
	if r.form != w.form && !(r.form.combined() && w.form.combined()) {
		return fmt.Sprintf("at %s, it is written as %s and read as %s", at, w.described(), r.described())
	}
	switch r.form {
	case passString:
		return first(bounds(r, w, at, "maxLength", "minLength"), samePattern(r, w, at))
	case passNumber:
		return numbers(r, w, at)
	case passEnum:
		for _, v := range w.enum {
			if !slices.Contains(r.enum, v) {
				return fmt.Sprintf("at %s, the value %s is not among those that are allowed", at, v)
			}
		}
	case passNot:
		// What the writer excludes the reader may; the other way round it excludes more.
		inner := *c
		inner.reader, inner.writer = c.writer, c.reader
		if inner.compare(w.subs[0], r.subs[0], below(at, "not")) != "" {
			return fmt.Sprintf("at %s, more is excluded", below(at, "not"))
		}
	case passObject:
		return c.object(r, w, at)
	case passArray:
		return c.array(r, w, at)
	case passAll, passEach, passOne:
		return c.combinations(r, w, at)
	}
	return ""
}

// among reports whether a combination takes what a plain condition lets pass.
func (c *comparison) among(r, w *condition, at string) bool {
	if r.form == passAll && len(r.subs) > 1 {
		return false
	}
	return slices.ContainsFunc(r.subs, func(sub *condition) bool { return c.compare(sub, w, at) == "" })
}

// combinations compares two combinations, of which each part of the smaller one must have
// one of its own in the other.
func (c *comparison) combinations(r, w *condition, at string) string {
	single := len(r.subs) == 1 && len(w.subs) == 1
	if r.form != w.form && r.form != passEach && !single && !(r.form == passOne && len(w.subs) == 1) {
		return fmt.Sprintf("at %s, it is written as %s and read as %s", at, w.described(), r.described())
	}
	switch {
	case r.form == passAll && len(r.subs) > len(w.subs):
		return fmt.Sprintf("at %s, more is asked for: %s", at, r.described())
	case r.form != passAll && len(r.subs) < len(w.subs):
		return fmt.Sprintf("at %s, it is written as %s and read as %s", at, w.described(), r.described())
	}
	taken := make([]int, len(r.subs)) // which of the writer's, and one
	matched := 0
	for i := range w.subs {
		if c.match(r, w, i, taken, make([]bool, len(r.subs)), at) {
			matched++
		}
	}
	if matched < min(len(r.subs), len(w.subs)) {
		return fmt.Sprintf("at %s, it is written as %s and read as %s, and their parts differ", at, w.described(), r.described())
	}
	return ""
}

// match finds a part for the writer's one, moving others to parts that they fit too: a
// step of the augmenting paths of bipartite matching.
func (c *comparison) match(r, w *condition, i int, taken []int, tried []bool, at string) bool {
	for k, sub := range r.subs {
		if tried[k] || c.compare(sub, w.subs[i], at) != "" {
			continue
		}
		tried[k] = true
		if taken[k] == 0 || c.match(r, w, taken[k]-1, taken, tried, at) {
			taken[k] = i + 1
			return true
		}
	}
	return false
}

// bounds compares pairs of keys: the most, which must not be less, and the least.
func bounds(r, w *condition, at string, most, least string) string {
	if in, ok := r.number(most); ok {
		if of, had := w.number(most); !had || of > in {
			return fmt.Sprintf("at %s, %s is new or less: %v", at, most, r.says[most])
		}
	}
	if in, ok := r.number(least); ok {
		if of, had := w.number(least); !had || of < in {
			return fmt.Sprintf("at %s, %s is new or more: %v", at, least, r.says[least])
		}
	}
	return ""
}

func samePattern(r, w *condition, at string) string {
	if in, ok := r.says["pattern"].(string); ok && w.says["pattern"] != in {
		return fmt.Sprintf("at %s, the pattern is new or another: %s", at, in)
	}
	return ""
}

func numbers(r, w *condition, at string) string {
	if r.integer() && !w.integer() {
		return fmt.Sprintf("at %s, it is written as number and read as integer", at)
	}
	if why := first(bounds(r, w, at, "maximum", "minimum"), bounds(r, w, at, "exclusiveMaximum", "exclusiveMinimum")); why != "" {
		return why
	}
	if in, ok := r.number("multipleOf"); ok {
		of, had := w.number("multipleOf")
		if rest := math.Mod(of, in); !had || math.Min(math.Abs(rest), math.Abs(math.Abs(in)-math.Abs(rest))) > math.Abs(in)/1e9 {
			return fmt.Sprintf("at %s, multipleOf is new or another: %v", at, r.says["multipleOf"])
		}
	}
	return ""
}

func (c *comparison) object(r, w *condition, at string) string {
	for _, name := range slices.Sorted(maps.Keys(w.props)) {
		of, in, place := w.props[name], r.props[name], below(at, "properties", name)
		if in == nil {
			if in, known := r.further(name); known && in != nil && c.compare(in, of, place) != "" && !c.lenient(in) {
				return fmt.Sprintf("at %s, the property is gone, and no further one like it is allowed", place)
			}
			continue
		}
		if why := c.compare(in, of, place); why != "" {
			return why
		}
	}
	required, was := names(r.says["required"]), names(w.says["required"])
	for _, name := range slices.Sorted(maps.Keys(r.props)) {
		in, place := r.props[name], below(at, "properties", name)
		if w.props[name] == nil {
			if why := c.added(c.reader.follow(in), w, name, place); why != "" {
				return why
			}
			if of, known := w.further(name); of == nil || !known {
				continue // it was open
			}
		}
		if slices.Contains(required, name) && !slices.Contains(was, name) && !c.reader.follow(in).hasDefault() {
			return fmt.Sprintf("at %s, the property is required, was not, and has no default", place)
		}
	}
	return first(c.furtherProperties(r, w, at), bounds(r, w, at, "maxProperties", "minProperties"), c.dependencies(r, w, at))
}

// added is about a property that the writer's object does not name.
func (c *comparison) added(in, w *condition, name, at string) string {
	of, known := w.further(name)
	switch {
	case !known || in.form == passAny || c.rules.Lenient:
		return ""
	case of == nil:
		return fmt.Sprintf("at %s, the property is added to an object that was open, so it may be there with any value", at)
	case c.writer.follow(of).form != passNever:
		return c.compare(in, of, at)
	}
	return ""
}

// further is what an object lets pass as a property that it does not name; nil: anything.
// Not known: by a pattern that cannot be read.
func (n *condition) further(name string) (of *condition, known bool) {
	for _, p := range n.match {
		if p.name == nil {
			return nil, false
		}
		if p.name.MatchString(name) {
			return p.of, true
		}
	}
	if n.extra == nil && len(n.match) > 0 {
		return nil, false // open to all but what matches
	}
	return n.extra, true
}

// lenient reports whether further properties may be shut out.
func (c *comparison) lenient(in *condition) bool {
	return c.rules.Lenient && c.reader.follow(in).form != passNever
}

func (c *comparison) furtherProperties(r, w *condition, at string) string {
	if r.extra == nil || c.rules.Lenient {
		return ""
	}
	of := w.extra
	if of == nil {
		of = &condition{form: passAny}
	}
	if why := c.compare(r.extra, of, below(at, "additionalProperties")); why != "" {
		return fmt.Sprintf("at %s, further properties are shut out or narrowed", at)
	}
	return ""
}

// dependencies are what a property asks for beside it.
func (c *comparison) dependencies(r, w *condition, at string) string {
	for _, key := range []string{"dependencies", "dependentRequired", "dependentSchemas"} {
		ins, _ := r.says[key].(map[string]any)
		ofs, _ := w.says[key].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(ins)) {
			place := below(at, key, name)
			of, had := ofs[name]
			if list, ok := ins[name].([]any); ok {
				was := names(of)
				if !had || slices.ContainsFunc(names(list), func(s string) bool { return !slices.Contains(was, s) }) {
					return fmt.Sprintf("at %s, more is asked for", place)
				}
				continue
			}
			if !had {
				return fmt.Sprintf("at %s, more is asked for", place)
			}
			if why := c.compare(c.reader.of(ins[name], r.document), c.writer.of(of, w.document), place); why != "" {
				return why
			}
		}
	}
	return ""
}

func (c *comparison) array(r, w *condition, at string) string {
	for i := range max(len(r.subs), len(w.subs)) {
		place := below(at, "items", strconv.Itoa(i))
		switch {
		case i < len(r.subs) && i < len(w.subs):
			if why := c.compare(r.subs[i], w.subs[i], place); why != "" {
				return why
			}
		case i < len(w.subs):
			if r.extra != nil && c.compare(r.extra, w.subs[i], place) != "" {
				return fmt.Sprintf("at %s, the item is gone, and no further one like it is allowed", place)
			}
		case w.extra == nil && c.reader.follow(r.subs[i]).form != passAny:
			return fmt.Sprintf("at %s, the item is added where any was allowed", place)
		case w.extra != nil && c.writer.follow(w.extra).form != passNever:
			if why := c.compare(r.subs[i], w.extra, place); why != "" {
				return why
			}
		}
	}
	for _, all := range [][2]*condition{{r.items, w.items}, {r.extra, w.extra}} {
		in, of := all[0], all[1]
		if of == nil {
			of = &condition{form: passAny}
		}
		if in != nil {
			if why := c.compare(in, of, below(at, "items")); why != "" {
				return why
			}
		}
	}
	if r.says["uniqueItems"] == true && w.says["uniqueItems"] != true {
		return fmt.Sprintf("at %s, items must be unique, and had not to be", at)
	}
	return bounds(r, w, at, "maxItems", "minItems")
}

// below is a place in a place. Where it gets long, as by references in a circle, it stays.
func below(at string, parts ...string) string {
	if len(at) > 200 {
		return at
	}
	return at + "/" + strings.Join(parts, "/")
}

// first is the first reason of several.
func first(reasons ...string) string {
	for _, why := range reasons {
		if why != "" {
			return why
		}
	}
	return ""
}

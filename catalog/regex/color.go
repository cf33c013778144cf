package regex

import "slices"

// colors maps characters to classes that no set of an expression tells apart, so
// that automata have few columns. The last color is the end of the text.
type colors struct {
	ascii [128]uint16
	from  []rune // where each further interval begins, ascending
	color []uint16
	count int
	line  []bool // by color: a newline
	word  []bool
	sets  []charset
	has   [][]bool // by set and color
	index map[*span]int
}

func (c *colors) end() uint16 { return uint16(c.count) }

// of is the color of a character.
func (c *colors) of(r rune) uint16 {
	if r < 128 {
		return c.ascii[r]
	}
	i, found := slices.BinarySearch(c.from, r)
	if !found {
		i--
	}
	return c.color[i]
}

// maxColors bounds the columns of automata.
const maxColors = 1 << 12

// newColors makes the colors of all sets in languages.
func newColors(root *lang) (*colors, error) {
	c := &colors{index: map[*span]int{}}
	edged := false
	root.walk(func(l *lang) {
		switch {
		case l.op == opEdge:
			edged = true
		case l.op == opSet && len(l.set) > 0:
			c.add(l.set)
		}
	})
	lines, words := one('\n', false), charset(nil)
	if edged {
		words, _ = class("word")
		c.add(lines)
		c.add(words)
	}
	bounds := []rune{0}
	for _, set := range c.sets {
		for _, s := range set {
			bounds = append(bounds, s.lo, s.hi+1)
		}
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	seen := map[string]uint16{}
	key := make([]byte, len(c.sets))
	var samples []rune
	for _, b := range bounds {
		if b > maxRune {
			break
		}
		for i, set := range c.sets {
			key[i] = 0
			if set.contains(b) {
				key[i] = 1
			}
		}
		color, ok := seen[string(key)]
		if !ok {
			color = uint16(len(seen))
			seen[string(key)] = color
			samples = append(samples, b)
		}
		c.from, c.color = append(c.from, b), append(c.color, color)
	}
	c.count = len(samples)
	if c.count > maxColors {
		return nil, errTooBig
	}
	for _, set := range c.sets {
		has := make([]bool, c.count)
		for i, r := range samples {
			has[i] = set.contains(r)
		}
		c.has = append(c.has, has)
	}
	for _, r := range samples {
		c.line = append(c.line, edged && r == '\n')
		c.word = append(c.word, edged && words.contains(r))
	}
	for r := range rune(128) {
		i, found := slices.BinarySearch(c.from, r)
		if !found {
			i--
		}
		c.ascii[r] = c.color[i]
	}
	return c, nil
}

func (c *colors) add(set charset) {
	if _, ok := c.index[&set[0]]; ok {
		return
	}
	for i, s := range c.sets {
		if slices.Equal(s, set) {
			c.index[&set[0]] = i
			return
		}
	}
	c.index[&set[0]] = len(c.sets)
	c.sets = append(c.sets, set)
}

// members tells of each color whether it belongs to a set.
func (c *colors) members(set charset) []bool {
	if len(set) == 0 {
		return make([]bool, c.count)
	}
	return c.has[c.index[&set[0]]]
}

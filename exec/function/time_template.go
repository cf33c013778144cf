package function

import "strings"

// timeNode is a piece of a template of to_date and to_timestamp.
type timeNode struct {
	kind  timeNodeKind
	field string // as written, where kind is a field
	fill  bool   // FM before it
	th    string // TH or th, where one is after it
	char  string // where kind is not a field
	// quoted: the character stood between quotes.
	quoted bool
}

type timeNodeKind uint8

const (
	timeFieldNode timeNodeKind = iota
	timeSpaceNode
	timeSeparatorNode
	timeCharNode
)

// name is the field in capitals.
func (n *timeNode) name() string { return strings.ToUpper(n.field) }

// digits reports whether the field is read as a number.
func (n *timeNode) digits() bool {
	switch n.name() {
	case "CC", "DDD", "DD", "D", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "HH24", "HH12", "HH", "IDDD", "ID", "IW", "IYYY", "IYY", "IY", "I", "J",
		"MI", "MM", "MS", "Q", "SSSSS", "SSSS", "SS", "TZM", "US", "WW", "W", "Y,YYY", "YYYY", "YYY", "YY", "Y":
		return true
	}
	return false
}

// parseTimeTemplate cuts a template into fields and what stands between them.
func parseTimeTemplate(s string) []timeNode {
	var nodes []timeNode
	for s != "" {
		switch {
		case s[0] == '"':
			s = s[1:]
			for s != "" && s[0] != '"' {
				if s[0] == '\\' && len(s) > 1 {
					s = s[1:]
				}
				size := firstRune(s)
				nodes = append(nodes, timeNode{kind: timeCharNode, char: s[:size], quoted: true})
				s = s[size:]
			}
			s = strings.TrimPrefix(s, `"`)
			continue
		case s[0] == '\\' && len(s) > 1 && s[1] == '"':
			nodes, s = append(nodes, timeNode{kind: timeSeparatorNode, char: `"`}), s[2:]
			continue
		}
		rest, node := s, timeNode{}
		for _, prefix := range []string{"FM", "fm", "TM", "tm"} {
			if after, ok := strings.CutPrefix(rest, prefix); ok {
				node.fill, rest = prefix == "FM" || prefix == "fm", after
			}
		}
		if node.field = fieldBefore(rest); node.field != "" {
			rest = rest[len(node.field):]
			if strings.HasPrefix(rest, "TH") || strings.HasPrefix(rest, "th") {
				node.th, rest = rest[:2], rest[2:]
			}
			nodes, s = append(nodes, node), rest
			continue
		}
		if rest != s {
			s = rest
			continue
		}
		size := firstRune(s)
		nodes, s = append(nodes, timeNode{kind: kindOfChar(s[:size]), char: s[:size]}), s[size:]
	}
	return nodes
}

// fieldBefore is the field that begins s, FX among them.
func fieldBefore(s string) string {
	if strings.HasPrefix(s, "FX") || strings.HasPrefix(s, "fx") {
		return s[:2]
	}
	_, word := timeFieldAt(s)
	return word
}

func kindOfChar(c string) timeNodeKind {
	switch {
	case c != "" && isSpaceByte(c[0]):
		return timeSpaceNode
	case c != "" && isSeparatorByte(c[0]):
		return timeSeparatorNode
	}
	return timeCharNode
}

func isSpaceByte(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isSeparatorByte(c byte) bool {
	return c > 0x20 && c < 0x7f && !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z')
}

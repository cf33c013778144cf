package function

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// timeNode is a piece of a template of to_char, to_date and to_timestamp.
type timeNode struct {
	kind  timeNodeKind
	field string    // as written, where kind is a field
	write timeField // how to_char writes it
	fill  bool      // FM before it
	tm    bool      // TM before it
	th    string    // TH or th, where one is after it
	char  string    // where kind is not a field
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

// maxTemplate is the most bytes of a template: what is made of one is many times as
// much.
const maxTemplate = 1 << 20

// parseTimeTemplate cuts a template into fields and what stands between them.
func parseTimeTemplate(s string) ([]timeNode, error) {
	if len(s) > maxTemplate {
		return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the template has %d bytes, more than %d", len(s), maxTemplate).
			WithHint("Format the parts of a long text by themselves.")
	}
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
		node := timeNode{}
		if len(s) > 1 {
			// One prefix: what follows it is a field, or stands for itself.
			switch s[:2] {
			case "FM", "fm":
				node.fill, s = true, s[2:]
			case "TM", "tm":
				node.tm, s = true, s[2:]
			}
		}
		if node.write, node.field = timeFieldAt(s); node.write == nil {
			if s == "" || s[0] == '"' || strings.HasPrefix(s, `\"`) {
				continue
			}
			size := firstRune(s)
			nodes, s = append(nodes, timeNode{kind: kindOfChar(s[:size]), char: s[:size]}), s[size:]
			continue
		}
		s = s[len(node.field):]
		for _, suffix := range []string{"TH", "th", "SP"} {
			if rest, ok := strings.CutPrefix(s, suffix); ok {
				if suffix != "SP" {
					node.th = suffix
				}
				s = rest
				break
			}
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
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

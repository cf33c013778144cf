package plan

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// Document is what EXPLAIN says in a format that programs read: members in
// order. A value is a Document, a []Document, a []string, a string, an int64, a
// Number or a bool.
type Document []Member

// Member is one named value of a Document.
type Member struct {
	Key   string
	Value any
}

// Number is a number with so many digits behind the point.
type Number struct {
	Value  float64
	Digits int
}

func (n Number) String() string { return strconv.FormatFloat(n.Value, 'f', n.Digits, 64) }

// add appends a member.
func (d *Document) add(key string, value any) { *d = append(*d, Member{key, value}) }

// scalar is a value as JSON and YAML write it.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		_ = e.Encode(v) // a string encodes always
		return strings.TrimSuffix(b.String(), "\n")
	case bool:
		return strconv.FormatBool(v)
	}
	return fmt.Sprint(v)
}

// JSON is a list of the one document, in PostgreSQL's layout.
func (d Document) JSON() string {
	var b strings.Builder
	b.WriteString("[\n  ")
	d.json(&b, "  ")
	b.WriteString("\n]")
	return b.String()
}

func (d Document) json(b *strings.Builder, indent string) {
	b.WriteString("{")
	for i, m := range d {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n" + indent + "  " + scalar(m.Key) + ": ")
		switch v := m.Value.(type) {
		case Document:
			v.json(b, indent+"  ")
		case []Document:
			b.WriteString("[")
			for k, x := range v {
				if k > 0 {
					b.WriteString(",")
				}
				b.WriteString("\n" + indent + "    ")
				x.json(b, indent+"    ")
			}
			b.WriteString("\n" + indent + "  ]")
		case []string:
			texts := make([]string, len(v))
			for k, x := range v {
				texts[k] = scalar(x)
			}
			b.WriteString("[" + strings.Join(texts, ", ") + "]")
		default:
			b.WriteString(scalar(v))
		}
	}
	b.WriteString("\n" + indent + "}")
}

// YAML is a list of the one document, in PostgreSQL's layout.
func (d Document) YAML() string {
	var b strings.Builder
	d.yaml(&b, "- ", "  ")
	return strings.TrimSuffix(b.String(), "\n")
}

// yaml writes the members, the first behind another indent than the others.
func (d Document) yaml(b *strings.Builder, first, indent string) {
	for i, m := range d {
		if i > 0 {
			first = indent
		}
		b.WriteString(first + m.Key + ": ")
		switch v := m.Value.(type) {
		case Document:
			b.WriteString("\n")
			v.yaml(b, indent+"  ", indent+"  ")
		case []Document:
			b.WriteString("\n")
			for _, x := range v {
				x.yaml(b, indent+"  - ", indent+"    ")
			}
		case []string:
			b.WriteString("\n")
			for _, x := range v {
				b.WriteString(indent + "  - " + scalar(x) + "\n")
			}
		default:
			b.WriteString(scalar(v) + "\n")
		}
	}
}

// XML is the document as the one Query of an explain element, in PostgreSQL's
// layout.
func (d Document) XML() string {
	var b strings.Builder
	b.WriteString("<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n  <Query>\n")
	d.xml(&b, "    ")
	b.WriteString("  </Query>\n</explain>")
	return b.String()
}

func (d Document) xml(b *strings.Builder, indent string) {
	for _, m := range d {
		tag := strings.ReplaceAll(m.Key, " ", "-")
		b.WriteString(indent + "<" + tag + ">")
		switch v := m.Value.(type) {
		case Document:
			b.WriteString("\n")
			v.xml(b, indent+"  ")
			b.WriteString(indent)
		case []Document:
			b.WriteString("\n")
			for _, x := range v {
				b.WriteString(indent + "  <" + strings.TrimSuffix(tag, "s") + ">\n")
				x.xml(b, indent+"    ")
				b.WriteString(indent + "  </" + strings.TrimSuffix(tag, "s") + ">\n")
			}
			b.WriteString(indent)
		case []string:
			b.WriteString("\n")
			for _, x := range v {
				b.WriteString(indent + "  <Item>")
				escapeXML(b, x)
				b.WriteString("</Item>\n")
			}
			b.WriteString(indent)
		case string:
			escapeXML(b, v)
		default:
			b.WriteString(scalar(v))
		}
		b.WriteString("</" + tag + ">\n")
	}
}

func escapeXML(b *strings.Builder, s string) { _ = xml.EscapeText(b, []byte(s)) } // a Builder takes all

package types

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// XML is content of XML: elements, text, comments. It has no order.
const XML OID = 142

var _ = xmlType()

func xmlType() *Info {
	i := textType(&Info{OID: XML, Name: "xml", SQLName: "xml", Array: 143, Len: -1, Align: 'i', Category: 'U'})
	i.In = func(s string, _ int32, f *Format) (Value, error) {
		if err := Pieces(s, f.ended(), checkUTF8); err != nil {
			return Value{}, err
		}
		source := xmlSource{ended: f.ended()}
		if err := checkXML(s, &source); err != nil {
			if source.stopped != nil {
				return Value{}, source.stopped
			}
			return Value{}, sqlerr.Errorf(sqlerr.InvalidXMLContent, "invalid XML content").WithDetail("%s", err.Error())
		}
		return NewString(XML, dropXMLDeclaration(s)), nil
	}
	i.Recv = func(b []byte, mod int32) (Value, error) { return i.In(string(b), mod, nil) }
	return i
}

// xmlSource reads a text in pieces. stopped is why whoever waits for it waits no more.
type xmlSource struct {
	text    *strings.Reader
	ended   func() error // nil: he is not asked
	stopped error
}

func (x *xmlSource) Read(p []byte) (int, error) {
	if x.ended != nil {
		if x.stopped = x.ended(); x.stopped != nil {
			return 0, x.stopped
		}
	}
	return x.text.Read(p)
}

// decoder reads s from the start.
func (x *xmlSource) decoder(s string) *xml.Decoder {
	x.text = strings.NewReader(s)
	d := xml.NewDecoder(x)
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	return d
}

// checkXML reads s, by source, as the content of an element.
func checkXML(s string, source *xmlSource) error {
	if hasXMLDeclaration(s) && strings.TrimSpace(dropXMLDeclaration(s)) == "" {
		return errors.New("line 1: Start tag expected, '<' not found")
	}
	d := source.decoder(s)
	for {
		_, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	d = source.decoder(s)
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func hasXMLDeclaration(s string) bool {
	return strings.HasPrefix(s, "<?xml") && len(s) > 5 && isSpace(s[5])
}

// dropXMLDeclaration leaves out a declaration that says no more than version
// 1.0 and an encoding, as PostgreSQL's xml_out does.
func dropXMLDeclaration(s string) string {
	end := strings.Index(s, "?>")
	if !hasXMLDeclaration(s) || end < 0 || strings.Contains(s[:end], "standalone") || !strings.Contains(s[:end], "1.0") {
		return s
	}
	return strings.TrimPrefix(s[end+2:], "\n")
}

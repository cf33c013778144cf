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
	i.In = func(s string, _ int32, _ *Format) (Value, error) {
		if err := checkUTF8(s); err != nil {
			return Value{}, err
		}
		if err := checkXML(s); err != nil {
			return Value{}, sqlerr.Errorf(sqlerr.InvalidXMLContent, "invalid XML content").WithDetail("%s", err.Error())
		}
		return NewString(XML, dropXMLDeclaration(s)), nil
	}
	i.Recv = func(b []byte, mod int32) (Value, error) { return i.In(string(b), mod, nil) }
	return i
}

// checkXML reads s as the content of an element.
func checkXML(s string) error {
	if hasXMLDeclaration(s) && strings.TrimSpace(dropXMLDeclaration(s)) == "" {
		return errors.New("line 1: Start tag expected, '<' not found")
	}
	d := xml.NewDecoder(strings.NewReader(s))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for {
		_, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	d = xml.NewDecoder(strings.NewReader(s))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
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

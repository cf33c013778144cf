package database

import (
	"encoding/hex"
	"math"
	"testing"
)

// TestDocuments reads documents as MySQL's log has them.
func TestDocuments(t *testing.T) {
	for doc, want := range map[string]string{
		"":                   "null",
		"0400":               "null",
		"0401":               "true",
		"05ffff":             "-1",
		"06ffff":             "65535",
		"09ffffffffffffff":   "", // cut short
		"09ffffffffffffff7f": "9223372036854775807",
		"0affffffffffffffff": "18446744073709551615",
		"0b0000000000000440": "2.5",
		"0c05610962225c":     `"a\tb\"\\"`,
		// {"b": 1, "aa": [true, 70000]}
		"00" + "0200" + "2700" + "12000100" + "13000200" + "050100" + "021500" + "62" + "6161" +
			"0200" + "1200" + "040100" + "070a00" + "70110100" + "ffffffffffffffff": `{"b": 1, "aa": [true, 70000]}`,
		"02" + "0000" + "0400":                        "[]",
		"00" + "0000" + "0400":                        "{}",
		"03" + "01000000" + "0d000000" + "0770110100": "[70000]",
		"02" + "0100" + "0700" + "020000":             "", // it is in itself
		"0ff6" + "04" + "0402" + "8c22":               "12.34",
		"0ff6" + "03" + "0201" + "7e":                 "", // cut short
		"0ff6" + "04" + "0301" + "8205":               "2.5",
		"0f0c" + "08" + "000000000042b219":            `"2024-01-01 00:00:00.000000"`,
		"0f0a" + "08" + "000000000042b219":            `"2024-01-01"`,
		"0ffc" + "02" + "00ff":                        `"base64:type252:AP8="`,
		"00ffff":                                      "",
		"0cff":                                        "",
		"0f":                                          "",
		"63":                                          "",
	} {
		b, err := hex.DecodeString(doc)
		if err != nil {
			t.Fatal(err)
		}
		got, err := appendDocument(nil, b)
		if want == "" && err == nil || want != "" && (err != nil || string(got) != want) {
			t.Errorf("%s: %q, %v, want %q", doc, got, err, want)
		}
	}
}

// TestMySQLDouble writes numbers as MySQL does.
func TestMySQLDouble(t *testing.T) {
	for want, f := range map[string]float64{
		"0.0": 0, "1.0": 1, "-2.5": -2.5, "0.1": 0.1, "100000000000000.0": 1e14, "1e15": 1e15, "1.5e300": 1.5e300, "-0.000000000000001": -1e-15, "1e-16": 1e-16, "1.2345678901234568e17": 123456789012345678,
		"1.7976931348623157e308": math.MaxFloat64, "5e-324": 5e-324,
	} {
		if got := string(appendMySQLDouble(nil, f)); got != want {
			t.Errorf("%g: %s, want %s", f, got, want)
		}
	}
}

// FuzzDocuments takes what is none for none.
func FuzzDocuments(f *testing.F) {
	for _, s := range []string{"0002002700120001001300020005010002150062616102001200040100070a0070110100", "0ff60504028c2200"} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := appendDocument(nil, doc)
		if err == nil && len(got) == 0 {
			t.Errorf("%x is nothing", doc)
		}
	})
}

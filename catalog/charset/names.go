package charset

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// byName are PostgreSQL's encodings by all their names, in lower case and of letters and
// digits alone. Where its tables and Unicode's differ, PostgreSQL's hold.
var byName = sync.OnceValue(func() map[string]*Charset {
	all := map[string]*Charset{}
	add := func(c *Charset, names ...string) {
		for _, n := range names {
			all[n] = c
		}
	}
	add(&Charset{Name: "UTF8", plain: true}, "utf8", "unicode")
	add(&Charset{Name: "SQL_ASCII", plain: true}, "sqlascii")

	iso := func(name string, m *charmap.Charmap, names ...string) {
		add(&Charset{Name: name, narrow: newNarrow(m, true, nil)}, names...)
	}
	iso("LATIN1", charmap.ISO8859_1, "latin1", "iso88591")
	iso("LATIN2", charmap.ISO8859_2, "latin2", "iso88592")
	iso("LATIN3", charmap.ISO8859_3, "latin3", "iso88593")
	iso("LATIN4", charmap.ISO8859_4, "latin4", "iso88594")
	iso("LATIN5", charmap.ISO8859_9, "latin5", "iso88599")
	iso("LATIN6", charmap.ISO8859_10, "latin6", "iso885910")
	iso("LATIN7", charmap.ISO8859_13, "latin7", "iso885913")
	iso("LATIN8", charmap.ISO8859_14, "latin8", "iso885914")
	iso("LATIN9", charmap.ISO8859_15, "latin9", "iso885915")
	iso("LATIN10", charmap.ISO8859_16, "latin10", "iso885916")
	iso("ISO_8859_5", charmap.ISO8859_5, "iso88595")
	iso("ISO_8859_6", charmap.ISO8859_6, "iso88596")
	iso("ISO_8859_7", charmap.ISO8859_7, "iso88597")
	iso("ISO_8859_8", charmap.ISO8859_8, "iso88598")

	other := func(name string, m *charmap.Charmap, changed map[byte]rune, names ...string) {
		add(&Charset{Name: name, narrow: newNarrow(m, false, changed)}, names...)
	}
	other("WIN1250", charmap.Windows1250, nil, "win1250", "windows1250")
	other("WIN1251", charmap.Windows1251, nil, "win1251", "windows1251", "win")
	other("WIN1252", charmap.Windows1252, nil, "win1252", "windows1252")
	other("WIN1253", charmap.Windows1253, nil, "win1253", "windows1253")
	other("WIN1254", charmap.Windows1254, nil, "win1254", "windows1254")
	other("WIN1255", charmap.Windows1255, map[byte]rune{0xca: utf8.RuneError}, "win1255", "windows1255")
	other("WIN1256", charmap.Windows1256, nil, "win1256", "windows1256")
	other("WIN1257", charmap.Windows1257, nil, "win1257", "windows1257")
	other("WIN1258", charmap.Windows1258, nil, "win1258", "windows1258", "abc", "tcvn", "tcvn5712", "vscii")
	other("WIN866", charmap.CodePage866, nil, "win866", "windows866", "alt")
	other("WIN874", charmap.Windows874, nil, "win874", "windows874")
	other("KOI8R", charmap.KOI8R, nil, "koi8r", "koi8")
	other("KOI8U", charmap.KOI8U, map[byte]rune{0xae: 0x255d, 0xbe: 0x256c}, "koi8u")

	several := func(name string, w *wide, names ...string) { add(&Charset{Name: name, wide: w}, names...) }
	several("SJIS", &wide{of: japanese.ShiftJIS, size: sizeSJIS, valid: validSJIS}, "sjis", "shiftjis", "mskanji", "win932", "windows932")
	several("EUC_JP", &wide{of: japanese.EUCJP, size: sizeEUCJP, valid: validEUCJP}, "eucjp")
	several("EUC_KR", &wide{of: korean.EUCKR, size: two, valid: high}, "euckr")
	several("UHC", &wide{of: korean.EUCKR, size: two, valid: filled}, "uhc", "win949", "windows949")
	several("EUC_CN", &wide{of: simplifiedchinese.GBK, size: two, valid: high, other: map[string]rune{"\xa1\xa4": 0x30fb, "\xa1\xaa": 0x2015}}, "euccn")
	several("GBK", &wide{of: simplifiedchinese.GBK, size: two, valid: filled, outward: map[rune]string{'€': "\x80"}}, "gbk", "win936", "windows936")
	several("GB18030", &wide{of: simplifiedchinese.GB18030, size: sizeGB18030, valid: validGB18030}, "gb18030")

	for name, spelled := range map[string][]string{
		"BIG5": {"big5", "win950", "windows950"}, "EUC_TW": {"euctw"}, "EUC_JIS_2004": {"eucjis2004"}, "SHIFT_JIS_2004": {"shiftjis2004"},
		"MULE_INTERNAL": {"muleinternal"}, "JOHAB": {"johab"},
	} {
		add(&Charset{Name: name}, spelled...)
	}
	return all
})

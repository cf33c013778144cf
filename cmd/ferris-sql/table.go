package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// flushTable prints the rows held, under the head where that is not out yet.
func (p *printer) flushTable() {
	head := newTableRow(p.names)
	rows := make([]tableRow, len(p.held))
	for i, r := range p.held {
		rows[i] = newTableRow(r)
	}
	first := p.widths == nil
	if first {
		p.widths = make([]int, len(p.names))
		p.widen(head)
	}
	for _, r := range rows {
		p.widen(r)
	}
	if first {
		p.line(head)
		for i, w := range p.widths {
			if i > 0 {
				p.out.WriteByte('+')
			}
			p.out.WriteString(strings.Repeat("-", w+2))
		}
		p.out.WriteByte('\n')
	}
	for _, r := range rows {
		p.line(r)
	}
	p.held = p.held[:0]
}

// tableRow is a row's cells, each as the lines that it is printed in.
type tableRow [][]string

func newTableRow(cells []string) tableRow {
	r := make(tableRow, len(cells))
	for i, c := range cells {
		r[i] = cellLines(c)
	}
	return r
}

// cellLines are a value's lines as psql prints them: tabs are blanks up to the
// next eighth column, other control characters are escapes.
func cellLines(cell string) []string {
	if strings.IndexFunc(cell, isControl) < 0 {
		return []string{cell}
	}
	lines := strings.Split(cell, "\n")
	for i, l := range lines {
		if strings.IndexFunc(l, isControl) < 0 {
			continue
		}
		var b strings.Builder
		width := 0
		for _, c := range l {
			text := string(c)
			switch {
			case c == '\t':
				text = strings.Repeat(" ", 8-width%8)
			case c == '\r':
				text = `\r`
			case isControl(c):
				text = fmt.Sprintf(`\x%02X`, c)
			}
			b.WriteString(text)
			width += utf8.RuneCountInString(text)
		}
		lines[i] = b.String()
	}
	return lines
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

func (p *printer) widen(r tableRow) {
	for i, lines := range r {
		for _, l := range lines {
			p.widths[i] = max(p.widths[i], utf8.RuneCountInString(l))
		}
	}
}

// line prints one row: as many lines as its tallest cell has, with a + behind
// those that go on in the next.
func (p *printer) line(r tableRow) {
	tall := 1
	for _, lines := range r {
		tall = max(tall, len(lines))
	}
	for k := range tall {
		for i, lines := range r {
			if i > 0 {
				p.out.WriteByte('|')
			}
			p.out.WriteByte(' ')
			text, mark := "", ""
			if k < len(lines) {
				text = lines[k]
			}
			switch {
			case k+1 < len(lines):
				mark = "+"
			case i < len(r)-1:
				mark = " "
			}
			p.out.WriteString(text)
			if mark != "" {
				p.out.WriteString(strings.Repeat(" ", p.widths[i]-utf8.RuneCountInString(text)))
				p.out.WriteString(mark)
			}
		}
		p.out.WriteByte('\n')
	}
}

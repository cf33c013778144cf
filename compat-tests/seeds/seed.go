// Package seeds runs every statement of the documents that the product was asked
// for, each in a gateway of its own, with records to read and the answer that is
// checked.
//
// The statements' text is that of planner/parse/testdata/seeds, where they are
// parsed. A case beside each says what it runs over; of the text it may replace
// options in WITH lists, and nothing else: a system that the product does not
// reach becomes a file or a topic.
package seeds

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// seed is one statement's case, a file of testdata:
//
//	What it shows.
//	# until                                  the answers come by and by: ask until they are right
//	# ordered                                their rows are compared in their order
//	-- topic orders --                       a topic's records
//	{"order_id":1}
//	-- file customers.json --                a file in $dir
//	-- setup --                              what is run before
//	CREATE STREAM orders (order_id int) WITH (type = 'kafka', topic = 'orders');
//	-- with --                               options in place of others
//	's.bucket' = 'lake' => 's.path' = '$dir/lake.json'
//	-- then --                               what is run after it; $seed is its text
//	START JOB j AS $seed INTO out WITH ('out.type' = 'file', 'out.path' = '$dir/out.json');
//	-- answer --                             the rows of its queries, and of those after it
//	-- error --                              instead: its SQLSTATE and message
//	-- then error --                         that of what is run after it
//	-- in topic out --                       what a topic has in the end
//	-- in file out.json --                   likewise
//
// $dir is a directory of the case, $brokers its broker's address, and $now a time
// close to that of the run.
type seed struct {
	name     string
	path     string
	sections []*section
	until    bool
	ordered  bool
}

// section is a part of a case.
type section struct {
	head  string
	lines []string
}

// statements is where the texts are.
const statements = "../../planner/parse/testdata/seeds"

var sectionHead = regexp.MustCompile(`^-- (about|topic|file|setup|with|then error|then|answer|error|in topic|in file)( \S+)? --$`)

// readSeed reads a case.
func readSeed(path string) (*seed, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &seed{name: strings.TrimSuffix(filepath.Base(path), ".seed"), path: path, sections: []*section{{head: "about"}}}
	for line := range bytes.Lines(text) {
		l := strings.TrimSuffix(string(line), "\n")
		if sectionHead.MatchString(l) {
			s.sections = append(s.sections, &section{head: strings.TrimSuffix(strings.TrimPrefix(l, "-- "), " --")})
			continue
		}
		last := s.sections[len(s.sections)-1]
		last.lines = append(last.lines, l)
	}
	s.until = slices.Contains(s.sections[0].lines, "# until")
	s.ordered = slices.Contains(s.sections[0].lines, "# ordered")
	return s, nil
}

// write writes a case anew.
func (s *seed) write() error {
	var b strings.Builder
	for i, x := range s.sections {
		if i > 0 {
			fmt.Fprintf(&b, "-- %s --\n", x.head)
		}
		for _, l := range x.lines {
			b.WriteString(l + "\n")
		}
	}
	return os.WriteFile(s.path, []byte(b.String()), 0o600)
}

// section is the one with a head; nil: there is none.
func (s *seed) section(head string) *section {
	i := slices.IndexFunc(s.sections, func(x *section) bool { return x.head == head })
	if i < 0 {
		return nil
	}
	return s.sections[i]
}

// text is a section's, as one string.
func (s *seed) text(head string) string {
	x := s.section(head)
	if x == nil {
		return ""
	}
	return strings.Join(x.lines, "\n")
}

// named calls f with each section of a kind and the name in its head.
func (s *seed) named(kind string, f func(name string, x *section) error) error {
	for _, x := range s.sections {
		if name, ok := strings.CutPrefix(x.head, kind+" "); ok {
			if err := f(name, x); err != nil {
				return err
			}
		}
	}
	return nil
}

// option is what may be replaced: one pair of a WITH list.
var option = regexp.MustCompile(`^'[^']+' = '[^']*'$`)

// statement is the seed's text with the case's options.
func (s *seed) statement() (string, error) {
	text, err := os.ReadFile(filepath.Join(statements, s.name+".sql"))
	if err != nil {
		return "", err
	}
	sql := string(text)
	with := s.section("with")
	if with == nil {
		return sql, nil
	}
	for _, l := range with.lines {
		from, to, ok := strings.Cut(l, " => ")
		if !ok || !option.MatchString(from) || !option.MatchString(to) {
			return "", fmt.Errorf("%q does not replace an option by another", l)
		}
		if n := strings.Count(sql, from); n != 1 {
			return "", fmt.Errorf("%s is in the statement %d times, want once", from, n)
		}
		sql = strings.Replace(sql, from, to, 1)
	}
	return sql, nil
}

// plain is a statement without its last semicolon and the comments before it, to be
// written inside another.
func plain(sql string) string {
	for {
		sql = strings.TrimSpace(sql)
		comment, rest, found := strings.Cut(sql, "\n")
		if !found || !strings.HasPrefix(comment, "--") {
			return strings.TrimSuffix(sql, ";")
		}
		sql = rest
	}
}

// answerNumber is the number in the head of an answer, from 1; 0: it is not one.
func answerNumber(head string) int {
	rest, ok := strings.CutPrefix(head, "answer")
	if !ok {
		return 0
	}
	if rest == "" {
		return 1
	}
	n, err := strconv.Atoi(strings.TrimSpace(rest))
	if err != nil {
		return 0
	}
	return n
}

package parse

import "github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"

// maxDepth bounds how deep the tree of a statement can be: brackets and CASEs
// that are open, plus operators, set operations and joins chained at each of
// these levels. PostgreSQL's parser recurses over its tree without a guard that
// works here, and dies of one 20,000 to 40,000 deep with a stack of 8 MB.
const maxDepth = 5000

// tooDeep is the hint of errors about depth; the parser's own stack may end at
// fewer brackets.
const tooDeep = "At most 5000 brackets, operators, set operations and joins can be nested or chained. Split the statement, or write an IN list, an array or a VALUES list instead of a chain."

// level is a bracket or CASE that is open.
type level struct {
	isCase  bool
	sets    int  // set operations and joins so far
	ops     int  // operators since the last comma, AND or OR
	between bool // an AND that belongs to BETWEEN is due
}

// chaining are the keywords that act as operators do.
var chaining = setOf("not", "collate", "at", "is", "isnull", "notnull", "in", "like", "ilike", "similar", "overlaps", "operator")

// joining are the keywords that chain whole relations.
var joining = setOf("union", "intersect", "except", "join")

// checkDepth returns an error where a text is too deep for the parser.
func checkDepth(t *tokens) *sqlerr.Error {
	levels := []level{{}}
	total := 0
	for i, tok := range t.list {
		top := &levels[len(levels)-1]
		switch {
		case tok.kind == op:
			top.ops++
			total++
		case tok.kind == punct:
			switch t.text[tok.start] {
			case '(', '[':
				if t.text[tok.start] == '[' { // a[1][1][1] chains
					top.ops++
					total++
				}
				levels = append(levels, level{})
				total++
			case ')', ']':
				for len(levels) > 1 {
					last := levels[len(levels)-1]
					total -= 1 + last.sets + last.ops
					levels = levels[:len(levels)-1]
					if !last.isCase {
						break
					}
				}
			case ',', ';':
				if !top.isCase {
					total -= top.ops
					top.ops = 0
				}
				if len(levels) == 1 && t.text[tok.start] == ';' {
					*top, total = level{}, 0
				}
			}
		case tok.kind == word && !t.is(i-1, "."):
			switch {
			case t.is(i, "case"):
				levels = append(levels, level{isCase: true})
				total++
			case t.is(i, "end"):
				if top.isCase {
					total -= 1 + top.sets + top.ops
					levels = levels[:len(levels)-1]
				}
			case t.is(i, "between"):
				top.between = true
			case t.is(i, "and") && top.between:
				top.between = false
			case t.is(i, "and"), t.is(i, "or"), top.isCase && (t.is(i, "when") || t.is(i, "then") || t.is(i, "else")):
				total -= top.ops
				top.ops = 0
			case t.isAny(i, chaining):
				top.ops++
				total++
			case t.isAny(i, joining):
				top.sets++
				total++
			}
		}
		if total > maxDepth {
			return sqlerr.Errorf(sqlerr.StatementTooComplex, "stack depth limit exceeded").WithHint("%s", tooDeep)
		}
	}
	return nil
}

func setOf(words ...string) map[string]bool {
	set := make(map[string]bool, len(words))
	for _, w := range words {
		set[w] = true
	}
	return set
}

package catalog

import "strings"

// Show writes an expression that the catalog keeps of a relation as SQL text for
// people; nil: as it is kept.
type Show func(r *Relation, expr string, pretty bool) string

// Statements write the statements that make what the catalog has, as it is by now.
type Statements interface {
	Relation(r *Relation) string // a stream, sink or view; "": none makes it
	Job(j *Job) string
}

// Updatable says of each column of a view whether it can be updated through it; nil:
// no row can be written through the view.
type Updatable func(r *Relation) []bool

func (f Show) text(r *Relation, expr string, pretty bool) string {
	if f == nil {
		return expr
	}
	return f(r, expr, pretty)
}

// IndexDefinition is the CREATE INDEX statement of an index. on is the table's
// name as it is to be written.
func IndexDefinition(r *Relation, x *Index, on string, show Show, pretty bool) string {
	var b strings.Builder
	b.WriteString("CREATE ")
	if x.Unique {
		b.WriteString("UNIQUE ")
	}
	b.WriteString("INDEX " + QuoteName(x.Name) + " ON " + on + " USING btree (")
	for i, k := range x.Keys {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(KeyDefinition(r, k, show, pretty))
		if k.Collation != "" {
			b.WriteString(" COLLATE " + QuoteName(k.Collation))
		}
		if k.Class != "" {
			b.WriteString(" " + k.Class)
		}
		switch {
		case k.Desc && !k.NullsFirst:
			b.WriteString(" DESC NULLS LAST")
		case k.Desc:
			b.WriteString(" DESC")
		case k.NullsFirst:
			b.WriteString(" NULLS FIRST")
		}
	}
	b.WriteString(")" + includes(r, x))
	if x.Unique && x.NullsNotDistinct {
		b.WriteString(" NULLS NOT DISTINCT")
	}
	if len(x.Options) > 0 {
		b.WriteString(" WITH (" + strings.Join(optionTexts(x.Options, "'"), ", ") + ")")
	}
	if x.Where != "" {
		b.WriteString(" WHERE " + show.text(r, x.Where, pretty))
	}
	return b.String()
}

// KeyDefinition is a key column of an index: a name or an expression.
func KeyDefinition(r *Relation, k IndexKey, show Show, pretty bool) string {
	if k.Column >= 0 {
		return QuoteName(r.Columns[k.Column].Name)
	}
	text := show.text(r, k.Expr, pretty)
	if looksLikeCall(text) {
		return text
	}
	return "(" + text + ")"
}

// looksLikeCall tells whether a text is name(...) and no more.
func looksLikeCall(text string) bool {
	open := strings.IndexByte(text, '(')
	if open <= 0 || !strings.HasSuffix(text, ")") || strings.ContainsAny(text[:open], " '+-*/<>=") {
		return false
	}
	depth, quoted := 0, false
	for i := open; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 && i < len(text)-1 {
				return false
			}
		}
	}
	return true
}

func includes(r *Relation, x *Index) string {
	if len(x.Include) == 0 {
		return ""
	}
	var names []string
	for _, at := range x.Include {
		names = append(names, QuoteName(r.Columns[at].Name))
	}
	return " INCLUDE (" + strings.Join(names, ", ") + ")"
}

// optionTexts are options as key=value, the value between quotes.
func optionTexts(o Options, quote string) []string {
	var all []string
	for _, p := range o {
		all = append(all, p.Key+"="+quote+p.Value+quote)
	}
	return all
}

// KeyConstraintDefinition is what ALTER TABLE ADD would say of a constraint's index.
func KeyConstraintDefinition(r *Relation, x *Index) string {
	word := "UNIQUE "
	switch {
	case x.Primary:
		word = "PRIMARY KEY "
	case x.NullsNotDistinct:
		word = "UNIQUE NULLS NOT DISTINCT "
	}
	var names []string
	for _, k := range x.Keys {
		names = append(names, QuoteName(r.Columns[k.Column].Name))
	}
	text := word + "(" + strings.Join(names, ", ") + ")" + includes(r, x)
	if len(x.Options) > 0 {
		text += " WITH (" + strings.Join(optionTexts(x.Options, "'"), ", ") + ")"
	}
	return text
}

// CheckDefinition is what ALTER TABLE ADD would say of a check.
func CheckDefinition(r *Relation, c Check, show Show, pretty bool) string {
	text := "CHECK (" + show.text(r, c.Expr, pretty) + ")"
	if c.NoInherit {
		text += " NO INHERIT"
	}
	return text
}

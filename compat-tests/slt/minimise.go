package slt

// smaller lists queries that are a step smaller than q.
func (q *randomQuery) smaller() []*randomQuery {
	var out []*randomQuery
	with := func(change func(*randomQuery)) {
		c := *q
		c.items, c.where = append([]*expr{}, q.items...), append([]*expr{}, q.where...)
		change(&c)
		out = append(out, &c)
	}
	if q.setop != "" {
		with(func(c *randomQuery) { c.setop, c.other = "", nil })
		out = append(out, q.other)
	}
	if q.having != nil {
		with(func(c *randomQuery) { c.having = nil })
	}
	if q.sets != "" {
		with(func(c *randomQuery) { c.sets = "" })
	}
	if q.ties > 0 {
		with(func(c *randomQuery) { c.ties = 0 })
	}
	if q.on {
		with(func(c *randomQuery) { c.on = false })
	}
	if q.limit > 0 {
		with(func(c *randomQuery) { c.limit = 0 })
	}
	if q.distinct {
		with(func(c *randomQuery) { c.distinct = false })
	}
	for i := range q.where {
		with(func(c *randomQuery) { c.where = append(c.where[:i], c.where[i+1:]...) })
		for _, e := range q.where[i].smaller() {
			with(func(c *randomQuery) { c.where[i] = e })
		}
	}
	if len(q.items) > 1 && q.setop == "" {
		for i := range q.items {
			with(func(c *randomQuery) {
				c.items = append(c.items[:i], c.items[i+1:]...)
				if i < c.group {
					c.group--
				}
			})
		}
	}
	for i := range q.items {
		for _, e := range q.items[i].smaller() {
			with(func(c *randomQuery) { c.items[i] = e })
		}
	}
	if q.having != nil {
		for _, e := range q.having.smaller() {
			with(func(c *randomQuery) { c.having = e })
		}
	}
	if q.setop != "" {
		for _, o := range q.other.smaller() {
			if len(o.items) == len(q.items) && o.setop == "" {
				with(func(c *randomQuery) { c.other = o })
			}
		}
	}
	return out
}

// smaller lists expressions of e's type that are a step smaller: an operand in
// its place, a literal, or a smaller operand.
func (e *expr) smaller() []*expr {
	if len(e.kids) == 0 {
		return nil
	}
	var out []*expr
	if l := literals[e.typ]; l != nil {
		out = append(out, &expr{typ: e.typ, form: l[0]})
	}
	for i, k := range e.kids {
		if k.typ == e.typ {
			out = append(out, k)
		}
		for _, s := range k.smaller() {
			c := &expr{typ: e.typ, form: e.form, kids: append([]*expr{}, e.kids...)}
			c.kids[i] = s
			out = append(out, c)
		}
	}
	return out
}

// minimise makes q smaller while it fails, in a bounded number of tries.
func minimise(q *randomQuery, fails func(*randomQuery) bool) *randomQuery {
	for tries := 0; tries < 500; {
		found := false
		for _, s := range q.smaller() {
			if tries++; tries >= 500 {
				break
			}
			if fails(s) {
				q, found = s, true
				break
			}
		}
		if !found {
			return q
		}
	}
	return q
}

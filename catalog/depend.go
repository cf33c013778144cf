package catalog

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// object is a node of the graph of dependencies: one of the first four is not
// nil. An enum with array is the type of arrays of it. A relation with attr is the default of its column with that number, or,
// with column, the column itself; one with index is that index of it, one with
// foreign that constraint.
type object struct {
	schema   *Schema
	relation *Relation
	job      *Job
	enum     *Enum
	array    bool
	attr     int16
	column   bool
	index    *Index
	foreign  *ForeignKey
}

// objectKey tells objects apart.
type objectKey struct {
	oid    types.OID
	attr   int16
	column bool
	array  bool
}

func (o object) key() objectKey {
	switch {
	case o.index != nil:
		return objectKey{oid: o.index.OID}
	case o.foreign != nil:
		return objectKey{oid: o.foreign.OID}
	}
	return objectKey{o.oid(), o.attr, o.column, o.array}
}

func (o object) oid() types.OID {
	switch {
	case o.schema != nil:
		return o.schema.OID
	case o.index != nil:
		return o.index.OID
	case o.foreign != nil:
		return o.foreign.OID
	case o.relation != nil:
		return o.relation.OID
	case o.enum != nil:
		return o.enum.OID
	}
	return o.job.OID
}

// describe names an object as PostgreSQL's messages do: with its schema where
// the name alone would not find it.
func (o object) describe(s *Snapshot, path []string) string {
	switch {
	case o.schema != nil:
		return "schema " + QuoteName(o.schema.Name)
	case o.job != nil:
		return "job " + QuoteName(o.job.Name)
	case o.index != nil:
		return "index " + qualify(s, o.relation, o.index.Name, path)
	case o.foreign != nil:
		return "constraint " + QuoteName(o.foreign.Name) + " on " + object{relation: o.relation}.describe(s, path)
	case o.array:
		return "type " + s.FormatType(types.Of(types.Lookup(o.enum.OID).Array), path)
	case o.enum != nil:
		return "type " + s.FormatType(types.Of(o.enum.OID), path)
	case o.column:
		column := o.relation.Columns[o.relation.ByAttribute(o.attr)]
		return "column " + QuoteName(column.Name) + " of " + object{relation: o.relation}.describe(s, path)
	case o.attr != 0:
		column := o.relation.Columns[o.relation.ByAttribute(o.attr)]
		return "default value for column " + QuoteName(column.Name) + " of " + object{relation: o.relation}.describe(s, path)
	}
	return o.relation.Kind.word() + " " + qualify(s, o.relation, o.relation.Name, path)
}

// qualify is a name of r's schema as a search path finds it.
func qualify(s *Snapshot, r *Relation, name string, path []string) string {
	if s.Visible(r, path) {
		return QuoteName(name)
	}
	return QuoteName(r.Schema) + "." + QuoteName(name)
}

// dependents are the objects that cannot be without o, newest first.
func (s *Snapshot) dependents(o object) []object {
	var all []object
	switch {
	case o.schema != nil:
		for _, r := range s.relations[o.schema.Name] {
			if r.Sequence == nil || r.Sequence.OwnedBy == 0 { // else it goes with its table
				all = append(all, object{relation: r})
			}
		}
		for _, e := range s.enumOf {
			if e.Schema == o.schema.Name {
				all = append(all, object{enum: e})
			}
		}
	case o.array:
		all = s.columnsOf(types.Lookup(o.enum.OID).Array)
	case o.enum != nil:
		all = append(s.usersOf(o.enum), object{enum: o.enum, array: true})
	case o.index != nil:
		for _, k := range s.References(o.relation.OID) {
			if k.Key.Index == o.index.OID {
				all = append(all, object{relation: k.Relation, foreign: k.Key})
			}
		}
	case o.relation != nil && o.attr == 0 && o.foreign == nil:
		all = s.dependentsOf(o.relation)
	}
	sort.Slice(all, func(i, k int) bool {
		if all[i].oid() != all[k].oid() {
			return all[i].oid() > all[k].oid()
		}
		return all[i].attr > all[k].attr
	})
	return all
}

// usersOf are the columns of tables that are of an enum type, and what else names
// it.
func (s *Snapshot) usersOf(e *Enum) []object {
	var all []object
	for _, r := range s.byOID {
		if slices.Contains(r.DependsOn, e.OID) {
			all = append(all, object{relation: r})
		}
	}
	all = append(all, s.columnsOf(e.OID)...)
	for _, j := range s.jobs {
		if slices.Contains(j.DependsOn, e.OID) {
			all = append(all, object{job: j})
		}
	}
	return all
}

// columnsOf are the columns of tables that are of a type.
func (s *Snapshot) columnsOf(t types.OID) []object {
	var all []object
	for _, r := range s.byOID {
		for i, c := range r.Columns {
			if r.Table != nil && c.Type.OID == t {
				all = append(all, object{relation: r, attr: r.Attribute(i), column: true})
			}
		}
	}
	return all
}

// TablesWith are the tables that have a column of an enum type, or of arrays of
// it, oldest first.
func (s *Snapshot) TablesWith(enum types.OID) []*Relation {
	var all []*Relation
	for _, r := range s.byOID {
		if r.Table != nil && slices.ContainsFunc(r.Columns, func(c Column) bool { return types.EnumOf(c.Type.OID) == enum }) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b *Relation) int { return int(a.OID) - int(b.OID) })
	return all
}

func (s *Snapshot) dependentsOf(r *Relation) []object {
	var all []object
	for _, d := range s.byOID {
		if slices.Contains(d.DependsOn, r.OID) {
			all = append(all, object{relation: d})
		}
	}
	if r.Kind == Sequence {
		all = append(all, s.numbered(r)...)
	}
	for _, k := range s.References(r.OID) {
		if k.Relation.OID != r.OID {
			all = append(all, object{relation: k.Relation, foreign: k.Key})
		}
	}
	full := r.Schema + "." + r.Name
	for _, j := range s.jobs {
		if slices.Contains(j.DependsOn, r.OID) || r.Kind == Sink && slices.Contains(j.Sinks, full) {
			all = append(all, object{job: j})
		}
	}
	return all
}

// numbered are the defaults that take their values from a sequence.
func (s *Snapshot) numbered(sequence *Relation) []object {
	var all []object
	for _, r := range s.byOID {
		if r.Table == nil {
			continue
		}
		for i, c := range r.Columns {
			if c.Default != "" && slices.Contains(References(c.Default), sequence.OID) {
				all = append(all, object{relation: r, attr: r.Attribute(i)})
			}
		}
	}
	return all
}

// ownedSequences are the sequences that go with a table, or with the column of
// an attribute number where that is not 0.
func (s *Snapshot) ownedSequences(table types.OID, attr int16) []object {
	var all []object
	for _, r := range s.byOID {
		if r.Sequence != nil && r.Sequence.OwnedBy == table && (attr == 0 || attr == r.Sequence.OwnedAttr) {
			all = append(all, object{relation: r})
		}
	}
	sort.Slice(all, func(i, k int) bool { return all[i].oid() > all[k].oid() })
	return all
}

// OwnedSequences are the sequences that go with a table's columns.
func (s *Snapshot) OwnedSequences(table types.OID) []*Relation {
	var all []*Relation
	for _, o := range s.ownedSequences(table, 0) {
		all = append(all, o.relation)
	}
	return all
}

func (s *Snapshot) hasDependents(r *Relation) bool { return len(s.dependentsOf(r)) > 0 }

// ownedSinks are the sinks that a job declared, which go with it.
func (s *Snapshot) ownedSinks(j *Job) []object {
	var all []object
	for _, r := range s.byOID {
		if r.Kind == Sink && r.Job == j.Name {
			all = append(all, object{relation: r})
		}
	}
	sort.Slice(all, func(i, k int) bool { return all[i].oid() > all[k].oid() })
	return all
}

// doomed is an object that a DROP takes along, and what for.
type doomed struct {
	object
	because  object
	silently bool // named by the statement, or owned by what goes
}

// closure are the targets and all that must go with them, dependents first.
func (s *Snapshot) closure(targets []object) []doomed {
	w := walk{s: s, seen: map[objectKey]bool{}, named: map[objectKey]bool{}}
	for _, t := range targets {
		w.named[t.key()] = true
	}
	for _, t := range targets {
		w.visit(t, object{}, true)
	}
	return w.order
}

type walk struct {
	s           *Snapshot
	seen, named map[objectKey]bool
	order       []doomed
}

func (w *walk) visit(o, because object, silently bool) {
	if w.seen[o.key()] || (o.attr != 0 || o.foreign != nil) && (w.seen[objectKey{oid: o.relation.OID}] || w.named[objectKey{oid: o.relation.OID}]) {
		return // a default goes with its table, and so do a column and a constraint
	}
	w.seen[o.key()] = true
	switch {
	case o.job != nil:
		for _, sink := range w.s.ownedSinks(o.job) {
			w.visit(sink, o, true)
		}
	case o.foreign != nil:
	case o.relation != nil && o.relation.Kind == MatView && o.index == nil:
		if j := w.s.jobs[o.relation.Job]; j != nil {
			w.visit(object{job: j}, o, true)
		}
	case o.relation != nil && o.relation.Kind == Table && o.attr == 0 && o.index == nil:
		for _, sequence := range w.s.ownedSequences(o.relation.OID, 0) {
			w.visit(sequence, o, true)
		}
	}
	for _, d := range w.s.dependents(o) {
		w.visit(d, o, d.array || o.schema != nil && d.relation != nil && d.relation.Found)
	}
	w.order = append(w.order, doomed{o, because, silently || w.named[o.key()]})
}

// maxReported is how many dependents a message lists, as in PostgreSQL.
const maxReported = 100

// stillNeeded is 2BP01 for what stands in the way of a DROP without CASCADE, nil
// where nothing does.
func (s *Snapshot) stillNeeded(targets []object, order []doomed, path []string) error {
	lines := report(order, func(d doomed) string {
		return fmt.Sprintf("%s depends on %s", d.describe(s, path), d.because.describe(s, path))
	})
	if len(lines) == 0 {
		return nil
	}
	msg := "cannot drop desired object(s) because other objects depend on them"
	if len(targets) == 1 {
		msg = fmt.Sprintf("cannot drop %s because other objects depend on it", targets[0].describe(s, path))
	}
	return sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "%s", msg).
		WithDetail("%s", strings.Join(cut(lines), "\n")).
		WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
}

// cascades is the notice of what a DROP ... CASCADE takes along.
func (s *Snapshot) cascades(order []doomed, path []string) []*sqlerr.Error {
	lines := report(order, func(d doomed) string { return "drop cascades to " + d.describe(s, path) })
	switch len(lines) {
	case 0:
		return nil
	case 1:
		return []*sqlerr.Error{notice(sqlerr.SuccessfulCompletion, "%s", lines[0])}
	}
	return []*sqlerr.Error{notice(sqlerr.SuccessfulCompletion, "drop cascades to %d other objects", len(lines)).
		WithDetail("%s", strings.Join(cut(lines), "\n"))}
}

// report lists what goes without having been named, nearest first.
func report(order []doomed, line func(doomed) string) []string {
	var lines []string
	for _, d := range slices.Backward(order) {
		if !d.silently {
			lines = append(lines, line(d))
		}
	}
	return lines
}

func cut(lines []string) []string {
	if len(lines) <= maxReported {
		return lines
	}
	more := len(lines) - maxReported
	word := "objects"
	if more == 1 {
		word = "object"
	}
	return append(slices.Clone(lines[:maxReported]), fmt.Sprintf("and %d other %s (see server log for list)", more, word))
}

// view is the materialized view that a job maintains; nil: it is another's.
func (s *Snapshot) view(j *Job) *Relation {
	for _, r := range s.byOID {
		if r.Kind == MatView && r.Job == j.Name {
			return r
		}
	}
	return nil
}

func requiredByJob(r *Relation) *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "cannot drop sink %s because job %s requires it", r.Name, r.Job).
		WithHint("You can drop job %s instead.", r.Job)
}

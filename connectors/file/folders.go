package file

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// NullFolder is the value of a folder whose column is NULL, as Hive writes it.
const NullFolder = "__HIVE_DEFAULT_PARTITION__"

var foldersKey = stream.Option{Key: "partition_columns", Default: "auto", Help: "the columns that folders such as year=2026/month=11 give, parted by commas; auto: those that a path has; none"}

// foldersOption says which columns are read from folders.
type foldersOption struct {
	auto  bool
	names []string
}

func readFolders(v *stream.Values) foldersOption {
	switch s := v.String("partition_columns"); strings.ToLower(s) {
	case "auto":
		return foldersOption{auto: true}
	case "none", "":
		return foldersOption{}
	default:
		return foldersOption{names: Names(s)}
	}
}

// Names are those of a list that is parted by commas.
func Names(list string) []string {
	var names []string
	for _, n := range strings.Split(list, ",") {
		if n = strings.TrimSpace(n); n != "" {
			names = append(names, n)
		}
	}
	return names
}

// pathFolder is a folder key=value of a path; a NULL has no text.
type pathFolder struct {
	key, text string
	null      bool
}

// foldersIn are those of a path, the last of a name for each.
func foldersIn(path string) []pathFolder {
	var all []pathFolder
	segments := strings.Split(path, "/")
	for _, s := range segments[:len(segments)-1] {
		key, text, ok := strings.Cut(s, "=")
		if !ok || key == "" {
			continue
		}
		f := pathFolder{key: unescaped(key), text: unescaped(text)}
		f.null = text == NullFolder
		all = slices.DeleteFunc(all, func(o pathFolder) bool { return strings.EqualFold(o.key, f.key) })
		all = append(all, f)
	}
	return all
}

// unescaped undoes %41; what is none stays.
func unescaped(s string) string {
	if t, err := url.PathUnescape(s); err == nil {
		return t
	}
	return s
}

func folderOf(all []pathFolder, name string) (pathFolder, bool) {
	i := slices.IndexFunc(all, func(f pathFolder) bool { return strings.EqualFold(f.key, name) })
	if i < 0 {
		return pathFolder{}, false
	}
	return all[i], true
}

// check is 42703 for a name that is none of the relation's columns.
func (o foldersOption) check(rel *catalog.Relation) error {
	for _, n := range o.names {
		if len(rel.Columns) > 0 && !slices.ContainsFunc(rel.Columns, func(c catalog.Column) bool { return strings.EqualFold(c.Name, n) }) {
			return sqlerr.Errorf(sqlerr.UndefinedColumn, "column %q of partition_columns is not among those of %q", n, rel.Name).
				WithHint("Declare it, or leave it out of partition_columns.")
		}
	}
	return nil
}

// values are those that the folders of a file give the relation's columns.
func (o foldersOption) values(rel *catalog.Relation, path, what string) (map[int]types.Value, error) {
	if !o.auto && len(o.names) == 0 || o.auto && !strings.Contains(path, "=") {
		return nil, nil
	}
	all := foldersIn(path)
	values := map[int]types.Value{}
	for i, c := range rel.Columns {
		named := slices.ContainsFunc(o.names, func(n string) bool { return strings.EqualFold(n, c.Name) })
		if !o.auto && !named {
			continue
		}
		f, ok := folderOf(all, c.Name)
		switch {
		case !ok && named:
			return nil, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "%s lies in no folder %s=...", what, c.Name).
				WithHint("Leave it out of path, or %s out of partition_columns.", c.Name)
		case !ok:
			continue
		case f.null:
			values[i] = types.Value{Type: c.Type, Null: true}
			continue
		}
		v, err := types.Parse(c.Type, f.text, types.DefaultFormat())
		if err != nil {
			e := *sqlerr.From(err)
			e.Message, e.Column = what+", folder "+f.key+"="+f.text+": "+e.Message, c.Name
			e.Hint = "Declare the column as text, or set partition_columns = 'none'."
			return nil, &e
		}
		values[i] = v
	}
	return values, nil
}

// infer adds the columns of the folders that all files lie in to those of the
// records, in place of a field of that name.
func (o foldersOption) infer(columns []catalog.Column, files []string) []catalog.Column {
	var names []string
	paths := make([][]pathFolder, len(files))
	for i, f := range files {
		paths[i] = foldersIn(f)
	}
	switch {
	case len(o.names) > 0:
		names = o.names
	case o.auto && len(files) > 0:
		for _, f := range paths[0] {
			names = append(names, f.key)
		}
		names = slices.DeleteFunc(names, func(n string) bool {
			return slices.ContainsFunc(paths, func(p []pathFolder) bool {
				_, ok := folderOf(p, n)
				return !ok
			})
		})
	}
	for _, n := range names {
		columns = slices.DeleteFunc(columns, func(c catalog.Column) bool { return strings.EqualFold(c.Name, n) })
		columns = append(columns, catalog.Column{Name: strings.ToLower(n), Type: folderType(paths, n)})
	}
	return columns
}

// folderType is bigint or date where every value is one, else text.
func folderType(paths [][]pathFolder, name string) types.Type {
	numbers, dates, some := true, true, false
	for _, p := range paths {
		f, ok := folderOf(p, name)
		if !ok || f.null {
			continue
		}
		some = true
		if _, err := strconv.ParseInt(f.text, 10, 64); err != nil {
			numbers = false
		}
		if _, err := types.Parse(types.Of(types.Date), f.text, types.DefaultFormat()); err != nil {
			dates = false
		}
	}
	switch {
	case some && numbers:
		return types.Of(types.Int8)
	case some && dates:
		return types.Of(types.Date)
	}
	return types.Of(types.Text)
}

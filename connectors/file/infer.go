package file

import (
	"bytes"
	"context"
	"errors"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// sampleRecords is how many records columns are inferred from.
const sampleRecords = 1000

type inferrer struct{ env *stream.Env }

// Infer tells the columns from the first records of the files, in their order.
func (i inferrer) Infer(ctx context.Context, rel *catalog.Relation) ([]catalog.Column, error) {
	c, err := opened(i.env, rel)
	if err != nil {
		return nil, err
	}
	return i.infer(ctx, rel, c)
}

// infer tells the columns from the records, and from the folders that they lie in.
func (i inferrer) infer(ctx context.Context, rel *catalog.Relation, c config) ([]catalog.Column, error) {
	files, err := c.store.List(ctx, c.path)
	if err != nil {
		return nil, err
	}
	columns, err := i.inferRecords(ctx, rel, c, files)
	if err != nil {
		return nil, err
	}
	return c.folders.infer(columns, files), nil
}

func (i inferrer) inferRecords(ctx context.Context, rel *catalog.Relation, c config, files []string) ([]catalog.Column, error) {
	if c.format == formatAvro {
		return i.inferAvro(ctx, c, files)
	}
	if c.format == formatParquet {
		return i.inferParquet(ctx, rel, c, files)
	}
	if c.format == formatProtobuf {
		schema, err := c.protobuf.Load(c.reading(i.env))
		if err != nil {
			return nil, err
		}
		return schema.Columns(c.protobuf.Message, c.protobuf.Nested == "columns")
	}
	header := c.header
	if c.header == "auto" {
		c.header = "true" // the first record names the columns
	}
	var fromJSON json.Inference
	fromCSV := csv.Inference{Options: c.csv}
	n := 0
	for k, path := range files {
		if n >= sampleRecords || ctx.Err() != nil {
			break
		}
		in := &input{split: stream.Split(path), path: path, number: int32(k), config: &c, limit: -1}
		begun := 0 // how long the record is that does not decode
		m, err := sample(ctx, in, sampleRecords-n, func(rec []byte) (err error) {
			defer func() {
				if err != nil {
					begun = len(rec)
				}
			}()
			if c.format == formatCSV {
				return fromCSV.Add(in.header, rec)
			}
			if in.base+int64(in.r) == int64(len(rec)) {
				if err := foreign(rec, c.format); err != nil {
					return err
				}
			}
			return fromJSON.Add(rec)
		})
		in.close()
		if err != nil {
			return nil, stream.InferenceError(rel, in.place(in.base+int64(in.r-begun)), err)
		}
		n += m
	}
	if n == 0 {
		what := "%s %q is empty, so its columns cannot be told"
		if object.IsGlob(c.path) || len(files) != 1 {
			what = "no %s that matches %q holds a record, so its columns cannot be told"
		}
		return nil, sqlerr.Errorf(sqlerr.InvalidTableDefinition, what, c.store.Noun(), c.path).
			WithHint("Write the columns: CREATE STREAM %s (id bigint, ...) WITH (...).", rel.Name)
	}
	if c.format == formatCSV {
		return fromCSV.Columns(header != "false"), ctx.Err()
	}
	return fromJSON.Columns(), ctx.Err()
}

// foreign refuses a file of JSON whose first bytes say that it is of another format,
// which the name of a folder does not tell.
func foreign(rec []byte, f string) error {
	for magic, format := range map[string]string{"PAR1": "parquet", "Obj\x01": "avro"} {
		if bytes.HasPrefix(rec, []byte(magic)) {
			return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "the file is of format %s, and is read as %s", format, f).
				WithHint("Set format = '%s'.", format)
		}
	}
	return nil
}

// sample hands over the first records of a file.
func sample(ctx context.Context, in *input, most int, add func([]byte) error) (int, error) {
	if err := in.open(ctx, position{}); err != nil {
		return 0, err
	}
	if ok, err := in.start(); err != nil || !ok {
		return 0, err
	}
	n := 0
	for n < most {
		rec, ok, err := in.record()
		if err != nil {
			if errors.Is(err, errOverlong) {
				continue
			}
			return n, err
		}
		if !ok {
			break
		}
		if blank(rec) {
			continue
		}
		if err := add(rec); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

package parquet

import "github.com/ferrisstreams/ferrisstreams/exec/stream"

// SinkOptions are the keys of a sink that writes Parquet.
var SinkOptions = []stream.Option{
	{Key: "parquet.row_group_rows", Default: "131072", Help: "parquet: the most rows of a row group"},
	{Key: "parquet.row_group_bytes", Default: "64MB", Help: "parquet: the most bytes of a row group, before compression, which the sink holds"},
}

// ReadSink reads the values of SinkOptions.
func ReadSink(v *stream.Values) WriteOptions {
	return WriteOptions{
		GroupRows:  int(v.Int("parquet.row_group_rows", 1, 1<<24)),
		GroupBytes: int(v.Size("parquet.row_group_bytes", 64<<10, 1<<30)),
	}
}

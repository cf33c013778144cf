package pipelines

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// limit is how long a host may take for one thing.
const limit = 60 * time.Second

// run is one run of a golden.
type run struct {
	*golden
	dir    string
	broker string // of the topics; "": the inputs are files
	topics string // what their names begin with
	spread bool   // over more than one partition
	batch  int    // the streams' batch.size; 0: they have none
	tasks  int    // of every job; 0: as the golden says
	evict  bool   // jobs hold as little of their state in memory as they can
	divide bool   // jobs get other numbers of tasks while they run
	phases int    // of aggregates; 0: as many as pay
	rng    *rand.Rand

	client  *kgo.Client
	sent    map[string]int   // records of each input
	outputs map[string][]int // bytes of each sink at each barrier
}

// partitions is how many a topic of the run has.
func (r *run) topicPartitions() int32 {
	if r.spread && r.partitions != 1 {
		return 3
	}
	return 1
}

// ordered reports whether what a sink has got at a barrier is told by the golden:
// across partitions and tasks a stream's time may lag.
func (r *run) ordered() bool {
	return r.topicPartitions() == 1 && (r.tasks <= 1 || r.single) && !r.divided()
}

// divided reports whether jobs get other numbers of tasks while they run.
func (r *run) divided() bool { return r.divide && !r.single }

// divisions are how many tasks the jobs get one after another.
var divisions = []int{4, 2, 3, 1}

// divisionsAt are those that they get before each of so many pieces, and after the
// last.
func (r *run) divisionsAt(pieces int) [][]int {
	all := make([][]int, pieces+1)
	if !r.divided() {
		return all
	}
	at := make([]int, len(divisions))
	for i := range at {
		at[i] = r.rng.IntN(pieces + 1)
	}
	slices.Sort(at)
	for i, tasks := range divisions {
		all[at[i]] = append(all[at[i]], tasks)
	}
	return all
}

// prepare makes the files or topics of the inputs.
func (r *run) prepare(ctx context.Context) error {
	r.sent, r.outputs = map[string]int{}, map[string][]int{}
	for _, in := range r.inputs {
		if in.name != r.ended {
			continue
		}
		if err := os.WriteFile(r.file(in.name, in.format), []byte(strings.Join(in.stage(0), "\n")+"\n"), 0o600); err != nil {
			return err
		}
	}
	if r.broker == "" {
		for _, in := range r.inputs {
			if in.format == statements || in.name == r.ended {
				continue
			}
			if err := os.WriteFile(r.file(in.name, in.format), nil, 0o600); err != nil {
				return err
			}
		}
		return nil
	}
	var err error
	if r.client, err = kgo.NewClient(kgo.SeedBrokers(r.broker), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0)); err != nil {
		return err
	}
	for _, in := range r.inputs {
		if in.format == statements || in.name == r.ended {
			continue
		}
		made, err := kadm.NewClient(r.client).CreateTopics(ctx, r.topicPartitions(), 1, nil, r.topics+in.name)
		if err = errors.Join(err, made.Error()); err != nil {
			return fmt.Errorf("making topic %s: %w", r.topics+in.name, err)
		}
	}
	return nil
}

func (r *run) close() {
	if r.client != nil {
		r.client.Close()
	}
}

func (r *run) file(name, format string) string { return filepath.Join(r.dir, name+"."+format) }

var macro = regexp.MustCompile(`\$[a-z_0-9]+`)

// statements are the golden's, with the options of its streams, sinks and jobs.
func (r *run) statements() (string, error) {
	var sql strings.Builder
	from := 0
	for _, at := range macro.FindAllStringIndex(r.sql, -1) {
		before := r.sql[from:at[0]]
		sql.WriteString(before)
		from = at[1]
		name := r.sql[at[0]+1 : at[1]]
		in := slices.IndexFunc(r.inputs, func(in input) bool { return in.name == name })
		out := slices.IndexFunc(r.expected, func(e expected) bool { return e.name == name })
		switch {
		case in >= 0:
			sql.WriteString(r.source(r.inputs[in]))
		case out >= 0:
			e := r.expected[out]
			fmt.Fprintf(&sql, "'%[1]s.type' = 'file', '%[1]s.path' = '%[2]s', '%[1]s.format' = '%[3]s'", name, r.file("out_"+name, e.format), e.format)
			if r.tasks > 1 && !r.single && strings.HasSuffix(before, "(") {
				fmt.Fprintf(&sql, ", 'parallelism' = '%d'", r.tasks)
			}
			if r.evict && strings.HasSuffix(before, "(") {
				sql.WriteString(", 'state.memory_limit_mb' = '0'")
			}
			if r.phases > 0 && strings.HasSuffix(before, "(") {
				fmt.Fprintf(&sql, ", 'aggregate.phases' = '%d'", r.phases)
			}
		case name == "view":
			sql.WriteString("checkpoint.interval = '1ms'")
			if r.tasks > 1 {
				fmt.Fprintf(&sql, ", parallelism = %d", r.tasks)
			}
			if r.evict {
				sql.WriteString(", state.memory_limit_mb = '0'")
			}
		default:
			return "", fmt.Errorf("$%s names neither an input nor what is expected", name)
		}
	}
	sql.WriteString(r.sql[from:])
	return sql.String(), nil
}

func (r *run) source(in input) string {
	path := r.file(in.name, in.format)
	o := fmt.Sprintf("'type' = 'file', 'path' = '%s', 'follow' = 'true'", path)
	switch {
	case in.name == r.ended:
		o = fmt.Sprintf("'type' = 'file', 'path' = '%s'", path)
	case r.broker != "":
		o = fmt.Sprintf("'type' = 'kafka', 'topic' = '%s'", r.topics+in.name)
	}
	if in.format == "csv" && (r.broker == "" || in.name == r.ended) {
		o += ", 'header' = 'false'"
	}
	o += fmt.Sprintf(", 'format' = '%s'", in.format)
	if r.batch > 0 {
		o += fmt.Sprintf(", 'batch.size' = '%d'", r.batch)
	}
	return o
}

// piece is some records of an input that are written together.
type piece struct {
	stage   int
	input   input
	records []string
}

// pieces are the golden's records in the order in which they are written: whole
// stages, or, where there is a source of chance, parts of them, of one input and
// another.
func (r *run) pieces() []piece {
	var all []piece
	for s := range r.stages() {
		var left []piece
		for _, in := range r.inputs {
			if records := in.stage(s); len(records) > 0 && in.name != r.ended {
				left = append(left, piece{s, in, records})
			}
		}
		for len(left) > 0 {
			i, n := 0, len(left[0].records)
			if r.rng != nil {
				i = r.rng.IntN(len(left))
				n = 1 + r.rng.IntN(len(left[i].records))
			}
			p := &left[i]
			all = append(all, piece{s, p.input, p.records[:n]})
			if p.records = p.records[n:]; len(p.records) == 0 {
				left = slices.Delete(left, i, i+1)
			}
		}
	}
	return all
}

// give writes a piece, or runs it.
func (r *run) give(ctx context.Context, h *Host, p piece) error {
	if p.input.format != statements {
		return r.write(ctx, p)
	}
	for _, sql := range p.records {
		if err := h.Change(Call{Dir: r.dir, SQL: sql}, nil); err != nil {
			return err
		}
	}
	return nil
}

// write writes a piece.
func (r *run) write(ctx context.Context, p piece) error {
	r.sent[p.input.name] += len(p.records)
	if r.broker == "" {
		f, err := os.OpenFile(r.file(p.input.name, p.input.format), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString(strings.Join(p.records, "\n") + "\n")
		return errors.Join(err, f.Close())
	}
	var records []*kgo.Record
	for _, line := range p.records {
		records = append(records, &kgo.Record{Topic: r.topics + p.input.name, Partition: r.partition(line, p.input), Value: []byte(line)})
	}
	return r.client.ProduceSync(ctx, records...).FirstErr()
}

// partition is where a record goes.
func (r *run) partition(line string, in input) int32 {
	n := r.topicPartitions()
	if n == 1 {
		return 0
	}
	key := ""
	switch {
	case in.key != nil:
		key = in.key(line)
	case r.key == 0 || in.format != "csv":
		return r.rng.Int32N(n)
	default:
		fields := strings.Split(line, ",")
		key = fields[min(r.key, len(fields))-1]
	}
	sum := uint32(2166136261)
	for _, c := range []byte(key) {
		sum = (sum ^ uint32(c)) * 16777619
	}
	return int32(sum % uint32(n))
}

// drive runs the golden in a host of this process.
func (r *run) drive(ctx context.Context, h *Host) ([]expected, error) {
	defer r.close()
	defer func() { _ = h.Close(Call{Dir: r.dir}, nil) }() // where something has failed
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	sql, err := r.statements()
	if err != nil {
		return nil, err
	}
	if err := h.Run(Call{Dir: r.dir, SQL: sql}, nil); err != nil {
		return nil, err
	}
	stage := 0
	settle := func() error { return h.Settle(Call{Dir: r.dir, Records: r.sent, Limit: limit}, nil) }
	barriers := func(to int) error {
		for ; stage < to; stage++ {
			if err := settle(); err != nil {
				return err
			}
			if err := h.Await(Call{Dir: r.dir, Rows: r.awaited(stage), Limit: limit}, nil); err != nil {
				return err
			}
			if err := r.mark(); err != nil {
				return err
			}
		}
		return nil
	}
	// Some time passes, the engine ends at once, or rows come meanwhile.
	disturb := func() error {
		switch r.rng.IntN(4) {
		case 0:
			return settle()
		case 1:
			return h.Close(Call{Dir: r.dir}, nil)
		}
		return nil
	}
	divide := func(to []int) error {
		for _, tasks := range to {
			if err := h.Divide(Call{Dir: r.dir, Tasks: tasks, Limit: limit}, nil); err != nil {
				return err
			}
			if err := disturb(); err != nil {
				return err
			}
		}
		return nil
	}
	pieces := r.pieces()
	tasks := r.divisionsAt(len(pieces))
	for i, p := range pieces {
		if err := barriers(p.stage); err != nil {
			return nil, err
		}
		if err := divide(tasks[i]); err != nil {
			return nil, err
		}
		if err := r.give(ctx, h, p); err != nil {
			return nil, err
		}
		if r.rng == nil {
			continue
		}
		if err := disturb(); err != nil {
			return nil, err
		}
	}
	if err := divide(tasks[len(pieces)]); err != nil {
		return nil, err
	}
	if err := barriers(r.stages() - 1); err != nil {
		return nil, err
	}
	if err := h.Settle(Call{Dir: r.dir, Ended: true, Limit: limit}, nil); err != nil {
		return nil, err
	}
	if err := h.Close(Call{Dir: r.dir}, nil); err != nil {
		return nil, err
	}
	return r.answers()
}

// awaited is how many rows are to be committed at a barrier; 0: none is waited for.
func (r *run) awaited(stage int) int {
	n := 0
	for _, e := range r.expected {
		for _, s := range e.stages[:min(stage+1, len(e.stages))] {
			n += len(s)
		}
	}
	if !r.await {
		return 0
	}
	return n
}

// mark notes what the sinks have at a barrier.
func (r *run) mark() error {
	for _, e := range r.expected {
		info, err := os.Stat(r.file("out_"+e.name, e.format))
		switch {
		case errors.Is(err, os.ErrNotExist):
			r.outputs[e.name] = append(r.outputs[e.name], 0)
		case err != nil:
			return err
		default:
			r.outputs[e.name] = append(r.outputs[e.name], int(info.Size()))
		}
	}
	return nil
}

// answers reads what the sinks have got, by stage.
func (r *run) answers() ([]expected, error) {
	var all []expected
	for _, e := range r.expected {
		text, err := os.ReadFile(r.file("out_"+e.name, e.format))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		got := expected{name: e.name, format: e.format}
		from := 0
		for _, to := range append(r.outputs[e.name], len(text)) {
			if to < from || to > len(text) {
				return nil, fmt.Errorf("%s had %s bytes at a barrier, and %d at last", e.name, strconv.Itoa(to), len(text))
			}
			got.stages = append(got.stages, lines(string(text[from:to])))
			from = to
		}
		all = append(all, got)
	}
	return all, nil
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// differences says how answers differ from what is expected; "": they do not.
func (r *run) differences(answers []expected) string {
	var all []string
	for i, want := range r.expected {
		got := answers[i]
		a, b := got.stages, want.stages
		if !r.ordered() || len(a) != len(b) {
			a, b = [][]string{slices.Concat(a...)}, [][]string{slices.Concat(b...)}
		}
		for s := range a {
			x, y := a[s], b[s]
			if !r.exact {
				x, y = net(x), net(y)
			}
			if !slices.Equal(x, y) {
				all = append(all, fmt.Sprintf("%s, stage %d, has %d lines:\n%s\nwant %d:\n%s", want.name, s, len(x), strings.Join(x, "\n"), len(y), strings.Join(y, "\n")))
			}
		}
	}
	return strings.Join(all, "\n")
}

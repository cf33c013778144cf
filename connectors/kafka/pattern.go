package kafka

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/regex"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// vanishing is how long a topic that was there may be missing before it counts as
// deleted: brokers learn of topics one after the other.
const vanishing = 5 * time.Second

// pattern is a regular expression that whole names of topics match.
type pattern struct {
	text string
	re   *regex.Regexp
}

// readPattern reads topic.pattern, where it is given.
func (c *config) readPattern(rel *catalog.Relation, role stream.Role, v *stream.Values) error {
	text := v.String("topic.pattern")
	switch {
	case !v.Given("topic.pattern"):
		return nil
	case role == stream.RoleSink:
		return sqlerr.Unsupported("Write to a sink or a stream with a topic of its own: CREATE SINK name WITH (type = 'kafka', topic = ...).",
			"writing to stream %q, whose topics are those of a pattern, is not supported", rel.Name)
	case v.Given("topic"):
		v.Reject("topic.pattern", "a regular expression in place of topic")
		return nil
	}
	options, rest := "", text // (?i) and its like stand first or not at all
	if i := strings.IndexByte(text, ')'); strings.HasPrefix(text, "(?") && i > 2 && strings.Trim(text[2:i], "abcdefghijklmnopqrstuvwxyz") == "" {
		options, rest = text[:i+1], text[i+1:]
	}
	if re, err := regex.Compile(options+"^(?:"+rest+")$", regex.Flags{}); err == nil && rest != "" {
		c.topic, c.pattern = "", &pattern{text, re}
	} else {
		v.Reject("topic.pattern", "a regular expression as PostgreSQL's ~ does, which a topic's whole name matches, such as orders\\..*")
	}
	return nil
}

func (p *pattern) matches(topic string) bool {
	ok, err := p.re.Match(topic, nil)
	return ok && err == nil
}

// reads reports whether the stream is of the topic.
func (c *config) reads(topic string) bool {
	if c.pattern != nil {
		return c.pattern.matches(topic)
	}
	return c.topic == topic
}

// of is the configuration for one of the topics' own requests and errors.
func (c *config) of(topic string) *config {
	if c.topic == topic {
		return c
	}
	one := *c
	one.topic = topic
	return &one
}

// called is the topic, or what stands for several, as a message has it.
func (c *config) called() string {
	if c.pattern != nil && c.topic == "" {
		return "topic.pattern '" + c.pattern.text + "'"
	}
	return "topic \"" + c.topic + "\""
}

// found are the topics of the stream that there are, by name.
func (c *config) found(ctx context.Context, cl *kgo.Client) ([]topicNow, error) {
	if c.pattern == nil {
		now, err := c.details(ctx, cl)
		return []topicNow{now}, err
	}
	ask, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest() // without topics: of all
	resp, err := req.RequestWith(ask, cl)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	var all []topicNow
	for _, t := range resp.Topics {
		// Of one that is just being made, or for which there is no leader, the next answer tells.
		if t.Topic == nil || t.ErrorCode != 0 || t.IsInternal || *t.Topic == progressTopic || !validTopic(*t.Topic) || !c.pattern.matches(*t.Topic) {
			continue
		}
		now := topicNow{name: *t.Topic, id: t.TopicID}
		for _, p := range t.Partitions {
			now.partitions = append(now.partitions, p.Partition)
		}
		slices.Sort(now.partitions)
		all = append(all, now)
	}
	slices.SortFunc(all, func(a, b topicNow) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

// vanished is the error of one of a pattern's topics that is not there any more.
func (c *config) vanished() error {
	e := *sqlerr.From(c.topicError(kerr.UnknownTopicOrPartition))
	e.Hint = "It was read by topic.pattern '" + c.pattern.text + "'. Create the job again, or set on_data_loss = 'continue' on the stream, to go on without it."
	return &e
}

// topics are those of a source. Any goroutine may ask.
type topics struct {
	patience time.Duration // vanishing

	mu      sync.Mutex
	ids     map[string][16]byte // as they were when first seen, also of those that are gone
	missing map[string]time.Time
}

// note takes an answer of the brokers. One that is another under its name is an error, and
// so is one that has vanished, where nothing may be lost.
func (t *topics) note(c *config, now []topicNow) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ids == nil {
		t.ids, t.missing = map[string][16]byte{}, map[string]time.Time{}
	}
	there := map[string]bool{}
	for _, n := range now {
		there[n.name] = true
		delete(t.missing, n.name)
		if id, seen := t.ids[n.name]; !seen {
			t.ids[n.name] = n.id
		} else if id != n.id {
			return c.of(n.name).recreated()
		}
	}
	for name := range t.ids {
		if there[name] {
			continue
		}
		since, seen := t.missing[name]
		if !seen {
			since = time.Now()
			t.missing[name] = since
		}
		if !c.continueAfter && time.Since(since) > t.patience {
			return c.of(name).vanished()
		}
	}
	return nil
}

// unnumbered reports whether the brokers have no ids for topics.
func (t *topics) unnumbered() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range t.ids {
		if id == ([16]byte{}) {
			return true
		}
	}
	return false
}

func (t *topics) id(topic string) [16]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ids[topic]
}

// present are those that were there when the brokers were last asked.
func (t *topics) present() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for name := range t.ids {
		if _, missing := t.missing[name]; !missing {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// has reports whether a topic is present.
func (t *topics) has(topic string) bool { return slices.Contains(t.present(), topic) }

// gone reports whether a topic that was there has vanished.
func (t *topics) gone(topic string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	since, missing := t.missing[topic]
	return missing && time.Since(since) > t.patience
}

// forget leaves alone a partition of a topic that has vanished, and whose records may be
// lost: a bounded read of it ends, another waits whether the topic is made anew.
func (r *reader) forget(pt *part) {
	if pt.absent {
		return
	}
	pt.absent = true
	end := r.queued(pt)
	if pt.end >= 0 {
		pt.end = min(pt.end, end)
	}
	r.queue = append(r.queue, chunk{part: pt, batches: noBatches(), end: end})
}

// queued is the offset behind all that was fetched of a partition.
func (r *reader) queued(pt *part) int64 {
	next := pt.next
	for _, k := range slices.Concat(r.held, r.queue) {
		if k.part == pt {
			next = max(next, k.next)
		}
	}
	return next
}

// reappeared takes notice of the topic of a partition that was absent, records of which
// have come.
func (r *reader) reappeared(ctx context.Context, pt *part) error {
	if _, err := r.source.Splits(ctx); err != nil {
		return err
	}
	pt.absent, pt.id = false, r.source.topics.id(pt.topic)
	return nil
}

// place is where a record lies, as a message has it.
func (c *config) place(p partition, offset int64) string {
	at := fmt.Sprintf("partition %d, offset %d", p.number, offset)
	if c.pattern != nil {
		return fmt.Sprintf("topic %q, %s", p.topic, at)
	}
	return at
}

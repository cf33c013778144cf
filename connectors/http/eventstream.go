package http

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"time"
)

// event is one of a text/event-stream, as the HTML standard reads it.
type event struct {
	id   string // the last that was sent, by this event or one before it
	kind string
	data []byte
	long bool // it was longer than may be, and data is its beginning
}

// eventStream cuts events from a body.
type eventStream struct {
	in    *bufio.Reader
	most  int64
	id    string        // of the event that is being read
	last  string        // of those that were read whole
	retry time.Duration // what the server last asked for; 0: nothing
	begun bool
	line  []byte
	cr    bool // the line before ended with a carriage return
}

func newEventStream(body io.Reader, most int64, id string) *eventStream {
	return &eventStream{in: bufio.NewReaderSize(body, 32<<10), most: most, id: id, last: id}
}

// next is the next event that has data. What the body breaks off in is none.
func (s *eventStream) next() (event, error) {
	e := event{}
	any := false
	for {
		long, err := s.readLine()
		if err != nil {
			return event{}, err
		}
		line := s.line
		if !s.begun {
			s.begun = true
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		if len(line) == 0 {
			if s.last = s.id; !any {
				e = event{}
				continue
			}
			if e.kind == "" {
				e.kind = "message"
			}
			e.id = s.id
			e.data = bytes.TrimSuffix(e.data, []byte{'\n'})
			return e, nil
		}
		name, value, _ := bytes.Cut(line, []byte{':'})
		value = bytes.TrimPrefix(value, []byte{' '})
		switch string(name) {
		case "data":
			any = true
			if e.long = e.long || long || int64(len(e.data)+len(value)) > s.most; !e.long {
				e.data = append(append(e.data, value...), '\n')
			}
		case "event":
			e.kind = string(value)
		case "id":
			if bytes.IndexByte(value, 0) < 0 {
				s.id = string(value)
			}
		case "retry":
			if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
				s.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
}

// readLine reads up to a line feed, a carriage return, or both. long: there was more of
// it than is kept.
func (s *eventStream) readLine() (long bool, err error) {
	s.line = s.line[:0]
	for {
		b, err := s.in.ReadByte()
		switch {
		case err != nil:
			return false, err
		case b == '\n' && s.cr: // it belongs to the carriage return before
			s.cr = false
			continue
		case b == '\n' || b == '\r':
			s.cr = b == '\r'
			return long, nil
		}
		s.cr = false
		if int64(len(s.line)) > s.most+longestName {
			long = true
			continue
		}
		s.line = append(s.line, b)
	}
}

// longestName is room for what stands before a line's value.
const longestName = 64

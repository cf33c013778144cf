package kafka

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestParcelGivenBack: a parcel is room for other rows once all its records are delivered,
// and never where one failed.
func TestParcelGivenBack(t *testing.T) {
	s := &sink{config: &config{}}
	for _, c := range []struct {
		name  string
		errs  []error
		given bool
	}{
		{"delivered", []error{nil, nil, nil}, true},
		{"under way", []error{nil, nil}, false},
		{"failed", []error{nil, kgo.ErrRecordTimeout, nil}, false},
	} {
		p := s.newParcel(4)
		p.sent = 3 // the fourth row was refused
		for _, err := range c.errs {
			p.deliver(&p.records[0], err)
		}
		if given := p.sink == nil; given != c.given {
			t.Errorf("%s: the parcel is given back: %t, want %t", c.name, given, c.given)
		}
	}
	if !errors.Is(s.failed, kgo.ErrRecordTimeout) {
		t.Errorf("the sink heard of %v, want %v", s.failed, kgo.ErrRecordTimeout)
	}
}

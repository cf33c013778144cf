package function

import (
	"errors"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/regex"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// regexOptions are a function's flags argument.
type regexOptions struct {
	regex.Flags
	global bool // g
}

func parseRegexFlags(s string) (o regexOptions, err error) {
	f := &o.Flags
	for _, c := range s {
		switch c {
		case 'g':
			o.global = true
		case 'b', 'e':
			// PostgreSQL's e gives basic expressions too.
			f.Basic, f.Literal = true, false
		case 'c':
			f.Fold = false
		case 'i':
			f.Fold = true
		case 'n', 'm':
			f.LineStop, f.LineEdge = true, true
		case 'p':
			f.LineStop, f.LineEdge = true, false
		case 'q':
			f.Literal, f.Basic = true, false
		case 's':
			f.LineStop, f.LineEdge = false, false
		case 't':
			f.Expanded = false
		case 'w':
			f.LineStop, f.LineEdge = false, true
		case 'x':
			f.Expanded = true
		default:
			return o, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid regular expression option: \"%c\"", c)
		}
	}
	return o, nil
}

// regexCache keeps compiled patterns, since most are the same for every row.
var regexCache = struct {
	sync.RWMutex
	m map[regexKey]*regex.Regexp
}{m: map[regexKey]*regex.Regexp{}}

type regexKey struct {
	pattern string
	flags   regex.Flags
}

const maxCachedRegexes = 1024

// compileRegex compiles a pattern as PostgreSQL reads it.
func compileRegex(pattern string, flags regex.Flags) (*regex.Regexp, error) {
	key := regexKey{pattern, flags}
	regexCache.RLock()
	re := regexCache.m[key]
	regexCache.RUnlock()
	if re != nil {
		return re, nil
	}
	if flags.Literal && (flags.Expanded || flags.LineStop || flags.LineEdge) {
		return nil, invalidRegex("invalid argument to regex function")
	}
	key.pattern = strings.Clone(pattern)
	re, err := regex.Compile(key.pattern, flags)
	if err != nil {
		return nil, invalidRegex(err.Error())
	}
	regexCache.Lock()
	defer regexCache.Unlock()
	if len(regexCache.m) >= maxCachedRegexes {
		clear(regexCache.m)
	}
	regexCache.m[key] = re
	return re, nil
}

func invalidRegex(message string) error {
	return sqlerr.Errorf(sqlerr.InvalidRegularExpression, "invalid regular expression: %s", message)
}

// regexOf compiles a pattern with a flags argument. refuseGlobal is the function
// that has no use for g, "" for none.
func regexOf(pattern, flags, refuseGlobal string) (*regex.Regexp, regexOptions, error) {
	o, err := parseRegexFlags(flags)
	switch {
	case err != nil:
		return nil, o, err
	case o.global && refuseGlobal != "":
		return nil, o, noGlobal(refuseGlobal)
	}
	re, err := compileRegex(pattern, o.Flags)
	return re, o, err
}

func noGlobal(function string) error {
	err := sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s() does not support the \"global\" option", function)
	if function == "regexp_match" {
		err = err.WithHint("Use the regexp_matches function instead.")
	}
	return err
}

// matchFailed words what ended a match.
func matchFailed(err error) error {
	if errors.Is(err, regex.ErrSteps) {
		return sqlerr.Errorf(sqlerr.StatementTooComplex, "%v", err).
			WithHint("Write an expression whose back references leave fewer choices.")
	}
	return err
}

// regexMatch tells whether a pattern matches.
func regexMatch(env *Env, re *regex.Regexp, s string) (bool, error) {
	found, err := re.Match(s, env.Ended)
	return found, matchFailed(err)
}

// eachMatch calls f for one match after another from a byte on, until it returns
// false. As in PostgreSQL, an empty one may stand right behind another.
func eachMatch(env *Env, re *regex.Regexp, s string, from int, f func(m []int) bool) error {
	for n := 1; from <= len(s); n++ {
		if n%256 == 0 { // each match alone may be too short to ask
			if err := env.Ended(); err != nil {
				return err
			}
		}
		m, err := re.Find(s, from, env.Ended)
		if err != nil || m == nil || !f(m) {
			return matchFailed(err)
		}
		from = m[1]
		if m[0] != m[1] {
			continue
		}
		if from == len(s) {
			break
		}
		_, size := utf8.DecodeRuneInString(s[from:])
		from += size
	}
	return nil
}

// firstMatch is the first match, or nil.
func firstMatch(env *Env, re *regex.Regexp, s string) ([]int, error) {
	m, err := re.Find(s, 0, env.Ended)
	return m, matchFailed(err)
}

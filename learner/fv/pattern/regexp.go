package pattern

import (
	"bytes"
	"errors"
	"regexp"
	"sort"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/dlclark/regexp2"

	"github.com/jubatus/jubatus-go/learner/config"
)

// timeLimit is how long the search of one text may take. Expressions come
// from the operator but texts come from anybody, and some expressions can be
// made to take very long.
const timeLimit = 5 * time.Second

// Regexp is a compiled regular expression. It is safe for concurrent use.
//
// Go's engine does the work where it gives the same answer. Expressions with
// look-around, back references and the like, and texts for which it means
// something else by "$" or \b, go to an engine that backtracks.
type Regexp struct {
	expr  string
	t     translation
	limit time.Duration // of the search of one text

	linear  *regexp.Regexp // nil if Go's engine cannot do it
	later   *regexp.Regexp // the same behind one character of context
	atStart *regexp.Regexp // the same at the start of the text only

	backtracking        *regexp2.Regexp // nil if it is never needed
	backtrackingAtStart *regexp2.Regexp
}

// Compile reads a regular expression. The error is a *config.Error,
// "invalid regular expression: <expr>".
func Compile(expr string) (*Regexp, error) { return compile(expr, timeLimit) }

func compile(expr string, limit time.Duration) (*Regexp, error) {
	invalid := config.Converter("invalid regular expression: " + expr)
	t, err := translate(expr)
	if err != nil {
		return nil, invalid
	}
	r := &Regexp{expr: expr, t: t, limit: limit}
	if !t.backtracks {
		// Repetitions that are too large for Go are left to the other engine.
		if r.linear, err = regexp.Compile(t.linear); err == nil {
			r.later, err = regexp.Compile(`(?s:.)(?:` + t.linear + `)`)
		}
		if err == nil {
			r.atStart, err = regexp.Compile(`\A(?:` + t.linear + `)`)
		}
		if err != nil {
			r.linear = nil
		}
	}
	if r.linear == nil || t.atEnd || t.boundary {
		if r.backtracking, err = regexp2.Compile(t.backtracking, regexp2.None); err != nil {
			return nil, invalid
		}
		if r.backtrackingAtStart, err = regexp2.Compile(`\A(?:`+t.backtracking+`)`, regexp2.None); err != nil {
			return nil, invalid
		}
		r.backtracking.MatchTimeout = limit
		r.backtrackingAtStart.MatchTimeout = limit
	}
	return r, nil
}

// Groups is the number of groups.
func (r *Regexp) Groups() int { return r.t.groups }

// suits reports whether Go's engine gives the right answer for the text.
func (r *Regexp) suits(text []byte) bool {
	switch {
	case r.linear == nil:
		return false
	case r.t.atEnd && bytes.HasSuffix(text, []byte("\n")):
		return false
	case r.t.boundary && !isASCII(text):
		return false
	default:
		return true
	}
}

func (r *Regexp) errTimeout() error {
	return errors.New("regular expression takes too long: " + r.expr)
}

// MatchStart reports whether the expression matches at the start of the text.
// The only error is that it takes too long.
func (r *Regexp) MatchStart(text []byte) (bool, error) {
	if r.suits(text) {
		return r.atStart.Match(text), nil
	}
	ok, err := r.backtrackingAtStart.MatchRunes(bytes.Runes(text))
	if err != nil {
		return false, r.errTimeout()
	}
	return ok, nil
}

// Search returns a search of a text, which must not change while it lasts.
func (r *Regexp) Search(text []byte) Search {
	return Search{re: r, text: text, linear: r.suits(text), whole: r.t.groups == 0}
}

// SearchWhole is Search for who does not care for groups, which is quicker:
// Find returns the start and end of the whole only.
func (r *Regexp) SearchWhole(text []byte) Search {
	s := r.Search(text)
	s.whole = true
	return s
}

// Search finds matches in one text.
type Search struct {
	re     *Regexp
	text   []byte
	linear bool
	whole  bool // groups do not matter

	// For the engine that backtracks.
	runes   []rune
	offsets []int // of the runes in the text, and its length

	started time.Time
	finds   int
	loc     []int
}

// Find returns the first match that starts at from or later, as the start
// and end of the whole and of every group; those of a group that took no part
// are -1. It is nil if there is none, and good until the next call. The only
// error is that the search takes too long, all calls taken together.
func (s *Search) Find(from int) ([]int, error) {
	if s.started.IsZero() {
		s.started = time.Now()
	}
	if s.finds++; s.finds%16 == 0 && time.Since(s.started) > s.re.limit {
		return nil, s.re.errTimeout()
	}
	switch {
	case !s.linear:
		return s.backtrack(from)
	case from == 0:
		return s.find(s.re.linear, s.text), nil
	case !s.re.t.context:
		return shift(s.find(s.re.linear, s.text[from:]), from), nil
	}
	_, context := utf8.DecodeLastRune(s.text[:from])
	text := s.text[from-context:]
	loc := s.find(s.re.later, text)
	if loc == nil {
		return nil, nil
	}
	_, skipped := utf8.DecodeRune(text[loc[0]:])
	loc[0] += skipped
	return shift(loc, from-context), nil
}

// find is FindSubmatchIndex, without an allocation if groups do not matter.
func (s *Search) find(re *regexp.Regexp, text []byte) []int {
	if !s.whole {
		return re.FindSubmatchIndex(text)
	}
	m := re.Find(text)
	if len(m) == 0 { // nothing, or nothing to tell its place by
		return re.FindIndex(text)
	}
	// The match is a part of the text; where, package regexp tells only at the
	// cost of an allocation.
	start := int(uintptr(unsafe.Pointer(unsafe.SliceData(m))) - uintptr(unsafe.Pointer(unsafe.SliceData(text))))
	s.loc = append(s.loc[:0], start, start+len(m))
	return s.loc
}

func shift(loc []int, by int) []int {
	for i := range loc {
		if loc[i] >= 0 {
			loc[i] += by
		}
	}
	return loc
}

func (s *Search) backtrack(from int) ([]int, error) {
	if s.offsets == nil {
		for i, text := 0, s.text; ; {
			s.offsets = append(s.offsets, i)
			if len(text) == 0 {
				break
			}
			r, n := utf8.DecodeRune(text)
			s.runes = append(s.runes, r)
			text, i = text[n:], i+n
		}
	}
	m, err := s.re.backtracking.FindRunesMatchStartingAt(s.runes, sort.SearchInts(s.offsets, from))
	if err != nil {
		return nil, s.re.errTimeout()
	}
	if m == nil {
		return nil, nil
	}
	s.loc = s.loc[:0]
	groups := s.re.t.groups
	if s.whole {
		groups = 0
	}
	for i := range groups + 1 {
		g := m.GroupByNumber(i)
		if g == nil || len(g.Captures) == 0 {
			s.loc = append(s.loc, -1, -1)
			continue
		}
		s.loc = append(s.loc, s.offsets[g.Index], s.offsets[g.Index+g.Length])
	}
	return s.loc, nil
}

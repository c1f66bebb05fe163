package pattern

import (
	"regexp"
	"unicode/utf8"

	"github.com/jubatus/jubatus-go/learner/config"
)

// Regexp is a compiled regular expression. It is safe for concurrent use.
type Regexp struct {
	re    *regexp.Regexp // at the start of the text
	later *regexp.Regexp // after one character of context
	start *regexp.Regexp // anchored
}

// Compile reads a regular expression. The error is a *config.Error,
// "invalid regular expression: <expr>".
func Compile(expr string) (*Regexp, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, config.Converter("invalid regular expression: " + expr)
	}
	return &Regexp{
		re:    re,
		later: regexp.MustCompile(`(?s:.)(?:` + expr + `)`),
		start: regexp.MustCompile(`\A(?:` + expr + `)`),
	}, nil
}

// Groups is the number of groups.
func (r *Regexp) Groups() int { return r.re.NumSubexp() }

// MatchStart reports whether the expression matches at the start of the text.
func (r *Regexp) MatchStart(text []byte) (bool, error) { return r.start.Match(text), nil }

// Find returns the first match that starts at from or later, as the start
// and end of the whole and of every group; those of a group that took no part
// are -1. It is nil if there is none.
func (r *Regexp) Find(text []byte, from int) ([]int, error) {
	if from == 0 {
		return r.re.FindSubmatchIndex(text), nil
	}
	_, context := utf8.DecodeLastRune(text[:from])
	loc := r.later.FindSubmatchIndex(text[from-context:])
	if loc == nil {
		return nil, nil
	}
	_, skipped := utf8.DecodeRune(text[from-context+loc[0]:])
	loc[0] += skipped
	for i := range loc {
		if loc[i] >= 0 {
			loc[i] += from - context
		}
	}
	return loc, nil
}

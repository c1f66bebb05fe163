package fv

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/fv/pattern"
	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

// ngram cuts a text into every run of n consecutive characters. A character
// is a byte with the UTF-8 continuation bytes that follow it.
type ngram struct{ n int }

func newNgram(p plugin.Params) (plugin.StringFeature, error) {
	s, err := p.Required("char_num")
	if err != nil {
		return nil, err
	}
	n, ok := plugin.ParseInt(s)
	if !ok {
		return nil, config.Converter(`"char_num" must be an integer value: ` + s)
	}
	if n <= 0 {
		return nil, config.Converter(fmt.Sprintf("char_num must be positive integer: %d", n))
	}
	return ngram{int(n)}, nil
}

func (g ngram) Extract(text []byte, out plugin.TokenSink) error {
	// The window [start, end) is always g.n characters long.
	end := 0
	for range g.n {
		if end >= len(text) {
			return nil
		}
		end = nextChar(text, end)
	}
	t, counter := out.(*tokenCounter)
	for start := 0; ; {
		if counter {
			t.add(text[start:end])
		} else {
			out.Add(text[start:end], 1)
		}
		if end >= len(text) {
			return nil
		}
		start, end = nextChar(text, start), nextChar(text, end)
	}
}

func nextChar(text []byte, i int) int {
	for i++; i < len(text) && text[i]&0xc0 == 0x80; i++ {
	}
	return i
}

// regexpSplitter cuts out what a group of a regular expression matches.
type regexpSplitter struct {
	re    *pattern.Regexp
	group int
}

func newRegexpSplitter(p plugin.Params) (plugin.StringFeature, error) {
	expr, ok := p["pattern"]
	if !ok {
		return nil, config.Converter("not found: pattern")
	}
	text := p.Default("group", "0")
	group, ok := plugin.ParseInt(text)
	if !ok {
		return nil, config.Converter("is not integer: group = " + text)
	}
	if group < 0 {
		return nil, config.Converter(fmt.Sprintf("'group' must be positive: %d", group))
	}
	re, err := pattern.Compile(expr)
	if err != nil {
		return nil, err
	}
	if n := re.Groups(); int(group) > n {
		return nil, config.Converter(fmt.Sprintf("regexp '%s' only contains %d groups, but 'group' is %d", expr, n, group))
	}
	return &regexpSplitter{re, int(group)}, nil
}

// Extract goes on from the start of each match plus the length of the group,
// which can find the same text again if the match began before the group.
func (r *regexpSplitter) Extract(text []byte, out plugin.TokenSink) error {
	search := r.re.Search(text)
	if r.group == 0 {
		search = r.re.SearchWhole(text)
	}
	for at := 0; at < len(text); {
		loc, err := search.Find(at)
		if loc == nil || err != nil {
			return err
		}
		at = loc[0]
		if at == len(text) {
			return nil
		}
		size := 0
		if start, end := loc[2*r.group], loc[2*r.group+1]; start >= 0 {
			out.Add(text[start:end], 1)
			size = end - start
		}
		if size == 0 {
			_, size = utf8.DecodeRune(text[at:])
		}
		at += size
	}
	return nil
}

// split cuts a text into the runs between separator characters.
type split struct{ separators []rune }

var (
	errInvalidUTF8 = errors.New("Invalid UTF-8")
	errShortUTF8   = errors.New("Too short string")
)

func newSplit(p plugin.Params) (plugin.StringFeature, error) {
	text, ok := p["separators"]
	if !ok {
		return nil, config.Converter("not found: separators")
	}
	var s split
	for b := []byte(text); len(b) > 0 && b[0] != 0; {
		r, n, err := decodeRune(b)
		if err != nil {
			return nil, &config.Error{Class: "std::invalid_argument", What: err.Error()}
		}
		s.separators = append(s.separators, r)
		b = b[n:]
	}
	return s, nil
}

// Extract ends, as it always has, at the first NUL.
func (s split) Extract(text []byte, out plugin.TokenSink) error {
	start := 0
	i := 0
	for i < len(text) && text[i] != 0 {
		r, n, err := decodeRune(text[i:])
		if err != nil {
			return err
		}
		for _, sep := range s.separators {
			if r == sep {
				if i > start {
					out.Add(text[start:i], 1)
				}
				start = i + n
				break
			}
		}
		i += n
	}
	if i > start {
		out.Add(text[start:i], 1)
	}
	return nil
}

// decodeRune decodes a UTF-8 sequence; surrogates count as characters.
func decodeRune(b []byte) (rune, int, error) {
	c := b[0]
	var n int
	var r, least rune
	switch {
	case c < 0x80:
		return rune(c), 1, nil
	case c < 0xc2:
		return 0, 0, errInvalidUTF8
	case c < 0xe0:
		n, r, least = 2, rune(c&0x1f), 0x80
	case c < 0xf0:
		n, r, least = 3, rune(c&0x0f), 0x800
	case c < 0xf8:
		n, r, least = 4, rune(c&0x07), 0x10000
	default:
		return 0, 0, errInvalidUTF8
	}
	for i := 1; i < n; i++ {
		if i >= len(b) {
			return 0, 0, errShortUTF8
		}
		if b[i]&0xc0 != 0x80 {
			return 0, 0, errInvalidUTF8
		}
		r = r<<6 | rune(b[i]&0x3f)
	}
	if r < least || r > utf8.MaxRune {
		return 0, 0, errInvalidUTF8
	}
	return r, n, nil
}

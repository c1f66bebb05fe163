// Package pattern matches keys and texts the way converter configurations
// write it: keys by a single "*" at either end or by /regexp/, texts by
// regular expressions in Perl's syntax as Oniguruma reads it.
package pattern

import (
	"bytes"
	"strings"
)

// Key matches keys. The zero Key matches every key.
type Key struct {
	kind keyKind
	text string
	re   *Regexp
}

type keyKind uint8

const (
	always keyKind = iota
	suffix
	prefix
	expression
	exact
)

// NewKey returns the matcher of a pattern: "" and "*" match always, "*x" a
// suffix, "x*" a prefix, "/x/" the regular expression at the start of the key,
// anything else exactly itself.
func NewKey(p string) (Key, error) {
	switch {
	case p == "" || p == "*":
		return Key{}, nil
	case p[0] == '*':
		return Key{kind: suffix, text: p[1:]}, nil
	case strings.HasSuffix(p, "*"):
		return Key{kind: prefix, text: p[:len(p)-1]}, nil
	case len(p) >= 2 && p[0] == '/' && p[len(p)-1] == '/':
		re, err := Compile(p[1 : len(p)-1])
		return Key{kind: expression, re: re}, err
	default:
		return Key{kind: exact, text: p}, nil
	}
}

// Always reports whether every key matches.
func (k *Key) Always() bool { return k.kind == always }

// Match reports whether the key matches. Only a regular expression that takes
// too long is an error.
func (k *Key) Match(key []byte) (bool, error) {
	switch k.kind {
	case always:
		return true, nil
	case suffix:
		return len(key) >= len(k.text) && string(key[len(key)-len(k.text):]) == k.text, nil
	case prefix:
		return len(key) >= len(k.text) && string(key[:len(k.text)]) == k.text, nil
	case exact:
		return string(key) == k.text, nil
	default:
		return k.re.MatchStart(key)
	}
}

// Keys matches the keys that one pattern matches and another does not.
type Keys struct {
	key    Key
	except *Key
}

// NewKeys returns the matcher of a rule's "key" and, unless nil, "except".
func NewKeys(key string, except *string) (Keys, error) {
	var k Keys
	var err error
	if k.key, err = NewKey(key); err != nil || except == nil {
		return k, err
	}
	e, err := NewKey(*except)
	k.except = &e
	return k, err
}

// Always reports whether every key matches.
func (k *Keys) Always() bool { return k.except == nil && k.key.Always() }

// Match reports whether the key matches.
func (k *Keys) Match(key []byte) (bool, error) {
	ok, err := k.key.Match(key)
	if !ok || err != nil || k.except == nil {
		return ok, err
	}
	no, err := k.except.Match(key)
	return !no, err
}

// AnyOf matches texts that one of several patterns, split by "|", matches.
type AnyOf []Key

// NewAnyOf returns the matcher of patterns that are split by "|". An empty
// one matches always.
func NewAnyOf(patterns string) (AnyOf, error) {
	var a AnyOf
	for p := range strings.SplitSeq(patterns, "|") {
		k, err := NewKey(p)
		if err != nil {
			return nil, err
		}
		a = append(a, k)
	}
	return a, nil
}

// Match reports whether one of the patterns matches.
func (a AnyOf) Match(text []byte) (bool, error) {
	for i := range a {
		if ok, err := a[i].Match(text); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// isASCII reports whether the text has only bytes below 80h.
func isASCII(text []byte) bool {
	return bytes.IndexFunc(text, func(r rune) bool { return r >= 0x80 }) < 0
}

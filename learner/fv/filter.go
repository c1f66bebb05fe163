package fv

import (
	"math"
	"unicode/utf8"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/fv/pattern"
	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

// regexpFilter replaces what a regular expression matches.
type regexpFilter struct {
	re      *pattern.Regexp
	replace []replacement
}

// replacement is literal text, or what a group matched.
type replacement struct {
	literal string
	group   int // -1: literal
}

func newRegexpFilter(p plugin.Params) (plugin.StringFilter, error) {
	expr, err := p.Required("pattern")
	if err != nil {
		return nil, err
	}
	text, err := p.Required("replace")
	if err != nil {
		return nil, err
	}
	re, err := pattern.Compile(expr)
	if err != nil {
		return nil, err
	}
	f := &regexpFilter{re: re}
	f.replace, err = parseReplacement(text, re.Groups())
	return f, err
}

func parseReplacement(text string, groups int) ([]replacement, error) {
	var parts []replacement
	literal := ""
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			literal += text[i : i+1]
			continue
		}
		i++
		switch {
		case i < len(text) && text[i] == '\\':
			literal += `\`
		case i < len(text) && '0' <= text[i] && text[i] <= '9':
			group := int(text[i] - '0')
			if group > groups {
				return nil, config.Converter("invalid number of capture group")
			}
			parts = append(parts, replacement{literal: literal, group: -1}, replacement{group: group})
			literal = ""
		default:
			return nil, config.Converter(`invalid replacement expression. 0-9 or \ are required after \`)
		}
	}
	return append(parts, replacement{literal: literal, group: -1}), nil
}

// Filter tries a match at every character. An empty match is replaced too,
// even right behind a match that was not empty.
func (f *regexpFilter) Filter(dst, text []byte) ([]byte, error) {
	search := f.re.Search(text)
	for at := 0; at <= len(text); {
		loc, err := search.Find(at)
		if err != nil {
			return dst, err
		}
		if loc == nil {
			return append(dst, text[at:]...), nil
		}
		dst = append(dst, text[at:loc[0]]...)
		at = loc[0]
		for _, r := range f.replace {
			if r.group < 0 {
				dst = append(dst, r.literal...)
			} else if start := loc[2*r.group]; start >= 0 {
				dst = append(dst, text[start:loc[2*r.group+1]]...)
			}
		}
		if len(dst) > maxKeyBytes {
			return dst, errTooLarge
		}
		if loc[1] > at {
			at = loc[1]
			continue
		}
		_, n := utf8.DecodeRune(text[at:])
		dst = append(dst, text[at:at+n]...)
		at += max(n, 1)
	}
	return dst, nil
}

var numFilters = factories[plugin.NumFilter]{
	"add":                    newAddFilter,
	"linear_normalization":   newLinear,
	"gaussian_normalization": newGaussian,
	"sigmoid_normalization":  newSigmoid,
}

type addFilter struct{ value float64 }

func newAddFilter(p plugin.Params) (plugin.NumFilter, error) {
	value, err := p.RequiredFloat("value")
	return addFilter{value}, err
}

func (f addFilter) Filter(x float64) float64 { return x + f.value }

// linear maps [min, max] to [0, 1].
type linear struct {
	min, max float64
	truncate bool
}

func newLinear(p plugin.Params) (plugin.NumFilter, error) {
	var f linear
	var err error
	if f.min, err = p.RequiredFloat("min"); err != nil {
		return nil, err
	}
	if f.max, err = p.RequiredFloat("max"); err != nil {
		return nil, err
	}
	f.truncate = p.Default("truncate", "True") == "True"
	if f.max <= f.min {
		return nil, config.InvalidParameter("maximum must be bigger than minimum")
	}
	return f, nil
}

func (f linear) Filter(x float64) float64 {
	if f.truncate && x > f.max {
		return 1
	}
	if f.truncate && x < f.min {
		return 0
	}
	return (x - f.min) / (f.max - f.min)
}

// gaussian maps to distances from the mean in standard deviations.
type gaussian struct{ mean, deviation float64 }

func newGaussian(p plugin.Params) (plugin.NumFilter, error) {
	var f gaussian
	var err error
	if f.mean, err = p.RequiredFloat("average"); err != nil {
		return nil, err
	}
	if f.deviation, err = p.RequiredFloat("standard_deviation"); err != nil {
		return nil, err
	}
	if f.deviation < 0 {
		return nil, config.InvalidParameter("standard deviation must be non-negative")
	}
	return f, nil
}

func (f gaussian) Filter(x float64) float64 { return (x - f.mean) / f.deviation }

// sigmoid maps to (0, 1) along the logistic curve.
type sigmoid struct{ gain, bias float64 }

func newSigmoid(p plugin.Params) (plugin.NumFilter, error) {
	var f sigmoid
	var err error
	if f.gain, err = p.DefaultFloat("gain", "1"); err != nil {
		return nil, err
	}
	if f.bias, err = p.DefaultFloat("bias", "0"); err != nil {
		return nil, err
	}
	if f.gain == 0 {
		return nil, config.InvalidParameter("gain must not be zero")
	}
	return f, nil
}

func (f sigmoid) Filter(x float64) float64 {
	return 1 / (1 + math.Exp(float64(-f.gain*(x-f.bias))))
}

package fv

import (
	"errors"
	"math"
	"strconv"

	"github.com/jubatus/jubatus-go/learner/datum"
)

// errDollar says that a datum key cannot be part of a feature key.
func errDollar(key []byte) error {
	return errors.New("feature key cannot contain '$': " + string(key))
}

// addStrings adds the features of text values: rule by rule, first of the
// values as they are, then of what filters made of them.
func (c *Converter) addStrings(d *datum.Datum, v *Vector, s *scratch) error {
	for i := range d.Strings {
		p := &d.Strings[i]
		rules, err := c.strings.resolve(p.Key)
		if err != nil {
			return err
		}
		s.strings = append(s.strings, stringValue{p.Key, p.Value, rules})
	}
	originals := len(s.strings)
	if err := c.filterStrings(s); err != nil {
		return err
	}
	if err := c.applyStringRules(s.strings[:originals], v, s); err != nil {
		return err
	}
	return c.applyStringRules(s.strings[originals:], v, s)
}

// filterStrings appends what the filters make of the values so far. A filter
// sees what earlier filters made, but not what it makes itself.
func (c *Converter) filterStrings(s *scratch) error {
	for f := range c.stringFilters {
		filter := &c.stringFilters[f]
		for i, n := 0, len(s.strings); i < n; i++ {
			p := s.strings[i]
			if !p.rules.filters.has(f) {
				continue
			}
			start := len(s.arena)
			s.arena = append(s.arena, p.key...)
			s.arena = append(s.arena, filter.suffix...)
			end := len(s.arena)
			var err error
			if s.arena, err = filter.filter.Filter(s.arena, p.value); err != nil {
				return err
			}
			if len(s.arena) > maxKeyBytes {
				return errTooLarge
			}
			key := s.arena[start:end:end]
			rules, err := c.strings.resolve(key)
			if err != nil {
				return err
			}
			s.strings = append(s.strings, stringValue{key, s.arena[end:len(s.arena):len(s.arena)], rules})
		}
	}
	return nil
}

func (c *Converter) applyStringRules(values []stringValue, v *Vector, s *scratch) error {
	if len(values) == 0 {
		return nil
	}
	for r := range c.stringRules {
		rule := &c.stringRules[r]
		for i := range values {
			if !values[i].rules.rules.has(r) {
				continue
			}
			if err := rule.apply(&values[i], v, s); err != nil {
				return err
			}
		}
		if c.weighted {
			s.mark(v, rule.global)
		}
		if v.full {
			return errTooLarge
		}
	}
	return nil
}

// apply adds the features of one value.
func (r *stringRule) apply(p *stringValue, v *Vector, s *scratch) error {
	switch r.extract {
	case extractString:
		return r.add(p, p.value, 1, v)
	case extractSpace:
		word, rest := nextWord(p.value)
		if len(word) == 0 {
			return nil
		}
		next, rest := nextWord(rest)
		if len(next) == 0 {
			return r.add(p, word, 1, v)
		}
		s.tokens.reset()
		s.tokens.add(word)
		for len(next) > 0 {
			s.tokens.add(next)
			next, rest = nextWord(rest)
		}
	default:
		s.tokens.reset()
		if err := r.feature.Extract(p.value, &s.tokens); err != nil {
			return err
		}
		if s.tokens.full {
			return errTooLarge
		}
	}
	if len(s.tokens.tokens) == 0 {
		return nil
	}
	var order []int32
	if !s.unordered {
		order = s.tokens.ordered()
	}
	for n := range s.tokens.tokens {
		t := &s.tokens.tokens[n]
		if order != nil {
			t = &s.tokens.tokens[order[n]]
		}
		if err := r.add(p, t.bytes, t.count, v); err != nil {
			return err
		}
	}
	return nil
}

// add adds the feature of a token that occurs count times.
func (r *stringRule) add(p *stringValue, token []byte, count float64, v *Vector) error {
	value := 1.0
	switch r.sample {
	case sampleTF:
		value = count
	case sampleLogTF:
		value = math.Log(1 + count)
	}
	if value == 0 {
		return nil
	}
	if p.rules.dollar {
		return errDollar(p.key)
	}
	v.addToken(value, p.key, token, r.suffix)
	return nil
}

// nextWord returns the first run of bytes that are not blanks, and what
// follows it.
func nextWord(text []byte) (word, rest []byte) {
	i := 0
	for i < len(text) && isBlank(text[i]) {
		i++
	}
	text = text[i:]
	i = 0
	for i < len(text) && !isBlank(text[i]) {
		i++
	}
	return text[:i], text[i:]
}

func isBlank(c byte) bool { return c == ' ' || c-'\t' < 5 }

// addNums adds the features of numbers: number by number, first the numbers
// as they are, then what filters made of them.
func (c *Converter) addNums(d *datum.Datum, v *Vector, s *scratch) error {
	if c.plain {
		if s.plan.follow(d.Nums, v) {
			return nil
		}
		defer s.plan.learn(d.Nums, v, len(v.features), len(v.keys))
	}
	filtered := len(c.numFilters) > 0
	for i := range d.Nums {
		n := &d.Nums[i]
		rules, err := c.nums.resolve(n.Key)
		if err != nil {
			return err
		}
		p := numValue{n.Key, n.Value, rules}
		if filtered {
			s.nums = append(s.nums, p)
		} else if err := c.applyNumRules(&p, v, s); err != nil {
			return err
		}
	}
	if err := c.filterNums(s); err != nil {
		return err
	}
	for i := range s.nums {
		if err := c.applyNumRules(&s.nums[i], v, s); err != nil {
			return err
		}
	}
	return nil
}

func (c *Converter) applyNumRules(p *numValue, v *Vector, s *scratch) error {
	for r := range c.numRules {
		if !p.rules.rules.has(r) {
			continue
		}
		if p.rules.dollar {
			return errDollar(p.key)
		}
		if err := c.numRules[r].apply(p, v, s, c.weighted); err != nil {
			return err
		}
	}
	return nil
}

func (c *Converter) filterNums(s *scratch) error {
	for f := range c.numFilters {
		filter := &c.numFilters[f]
		for i, n := 0, len(s.nums); i < n; i++ {
			p := s.nums[i]
			if !p.rules.filters.has(f) {
				continue
			}
			start := len(s.arena)
			s.arena = append(s.arena, p.key...)
			s.arena = append(s.arena, filter.suffix...)
			if len(s.arena) > maxKeyBytes {
				return errTooLarge
			}
			key := s.arena[start:len(s.arena):len(s.arena)]
			rules, err := c.nums.resolve(key)
			if err != nil {
				return err
			}
			s.nums = append(s.nums, numValue{key, filter.filter.Filter(p.value), rules})
		}
	}
	return nil
}

// apply adds the features of one number. Features of value 0 are left out
// unless they are to be counted first.
func (r *numRule) apply(p *numValue, v *Vector, s *scratch, weighted bool) error {
	x := p.value
	switch r.extract {
	case extractString:
		var text [32]byte
		v.addToken2(1, p.key, r.suffix, AppendNumber(text[:0], x))
	case extractPlugin:
		start := len(s.arena)
		s.arena = append(s.arena, p.key...)
		s.arena = append(s.arena, r.suffix...)
		from := v.Len()
		err := r.feature.Extract(s.arena[start:], x, v)
		s.arena = s.arena[:start]
		s.markByKey(v, from)
		return err
	default:
		if r.extract == extractLog {
			if x > 1 {
				x = math.Log(x)
			} else {
				x = 0
			}
		}
		if x == 0 && !weighted {
			return nil
		}
		v.add(x, p.key, nil, r.suffix)
	}
	if weighted {
		s.mark(v, r.global)
	}
	return nil
}

// AppendNumber appends x as C's "%g" does: six digits, "inf" and "nan".
func AppendNumber(b []byte, x float64) []byte {
	switch {
	case x > -1e6 && x < 1e6 && x == math.Trunc(x) && (x != 0 || !math.Signbit(x)):
		return strconv.AppendInt(b, int64(x), 10)
	case math.IsInf(x, 1):
		return append(b, "inf"...)
	case math.IsInf(x, -1):
		return append(b, "-inf"...)
	case x != x:
		if math.Signbit(x) {
			b = append(b, '-')
		}
		return append(b, "nan"...)
	default:
		return strconv.AppendFloat(b, x, 'g', 6, 64)
	}
}

// addBinaries adds the features of binary values, rule by rule.
func (c *Converter) addBinaries(d *datum.Datum, v *Vector, s *scratch) error {
	for r := range c.binaryRules {
		rule := &c.binaryRules[r]
		for i := range d.Binaries {
			p := &d.Binaries[i]
			rules, err := c.binaries.resolve(p.Key)
			if err != nil {
				return err
			}
			if !rules.rules.has(r) {
				continue
			}
			if rules.dollar {
				return errDollar(p.Key)
			}
			start := len(s.arena)
			s.arena = append(s.arena, p.Key...)
			s.arena = append(s.arena, rule.suffix...)
			from := v.Len()
			err = rule.feature.Extract(s.arena[start:], p.Value, v)
			s.arena = s.arena[:start]
			if err != nil {
				return err
			}
			s.markByKey(v, from)
		}
	}
	return nil
}

// markByKey finds the global weights of features whose keys a plugin made.
func (s *scratch) markByKey(v *Vector, from int) {
	for i := from; i < len(v.features); i++ {
		global := globalOf(v.Key(i))
		if last := len(s.runs) - 1; last >= 0 && s.runs[last].global == global {
			s.runs[last].end = i + 1
		} else {
			s.runs = append(s.runs, run{i + 1, global})
		}
	}
}

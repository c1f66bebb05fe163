package bandit

import (
	"math"
	"time"

	"github.com/jubatus/jubatus-go/learner/config"
)

// newRule reads the method of that name from its parameter block, nil if there
// is none, and the seed of its generator: of the clock if none is given.
func newRule(name string, parameter *config.Value, now func() time.Time) (r rule, seed uint32, err error) {
	m, ok := methods[name]
	if !ok {
		return rule{}, 0, config.Unsupported("bandit(" + name + ")")
	}
	if parameter == nil {
		return rule{}, 0, config.MissingParameter()
	}
	o := config.Read(parameter, ".parameter")
	assumeUnrewarded := o.Bool("assume_unrewarded")
	var x float64
	if m.parameter != "" {
		x = o.Float(m.parameter)
	}
	var given int64
	seeded := false
	if !m.unseeded {
		given, seeded = o.OptInt64("seed")
	}
	if err := o.Err(); err != nil {
		return rule{}, 0, err
	}
	if given < 0 || given > math.MaxUint32 {
		return rule{}, 0, config.Invalid("seed must be within unsigned 32 bit integer")
	}
	if m.valid != nil && !m.valid(x) {
		return rule{}, 0, config.InvalidParameter(m.condition)
	}
	r = m.make(x)
	r.assumeUnrewarded = assumeUnrewarded
	if seeded {
		return r, uint32(given), nil
	}
	return r, uint32(now().UnixMicro()), nil
}

// methods are the methods by name, each with at most one number to set.
var methods = map[string]struct {
	parameter string // the number's name; empty for none
	condition string // what it must be, in words
	valid     func(x float64) bool
	make      func(x float64) rule
	unseeded  bool // it draws nothing and has no seed
}{
	"epsilon_greedy": {
		parameter: "epsilon", condition: "0 <= epsilon <= 1",
		valid: func(x float64) bool { return 0 <= x && x <= 1 }, make: epsilonGreedy,
	},
	"epsilon_decreasing": {
		parameter: "decreasing_rate", condition: "0 < d < 1",
		valid: func(x float64) bool { return 0 < x && x < 1 }, make: epsilonDecreasing,
	},
	"ucb1": {make: func(float64) rule { return ucb1() }, unseeded: true},
	"ts":   {make: func(float64) rule { return thompson() }},
	"softmax": {
		parameter: "tau", condition: "0 < tau",
		valid: func(x float64) bool { return 0 < x }, make: softmax,
	},
	"exp3": {
		parameter: "gamma", condition: "0 < gamma <= 1",
		valid: func(x float64) bool { return 0 < x && x <= 1 }, make: exp3,
	},
}

package bandit

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

func newFrom(t *testing.T, text string) error {
	t.Helper()
	v, err := config.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(v, goldentest.Env(false))
	return err
}

func TestConfigAccepts(t *testing.T) {
	for _, text := range []string{
		`{"method": "epsilon_greedy", "parameter": {"assume_unrewarded": true, "epsilon": 0}}`,
		`{"method": "epsilon_greedy", "parameter": {"assume_unrewarded": true, "epsilon": 1, "seed": 0}}`,
		`{"method": "epsilon_decreasing", "parameter": {"assume_unrewarded": false, "decreasing_rate": 0.5, "seed": null}}`,
		`{"method": "softmax", "parameter": {"assume_unrewarded": false, "tau": 100, "seed": 4294967295}}`,
		`{"method": "exp3", "parameter": {"assume_unrewarded": false, "gamma": 1}}`,
		`{"method": "ts", "parameter": {"assume_unrewarded": false}}`,
		`{"method": "ucb1", "parameter": {"assume_unrewarded": false}}`,
	} {
		if err := newFrom(t, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	const invalid = "invalid configuration"
	parameter := func(method, p string) string { return fmt.Sprintf(`{"method": %q, "parameter": %s}`, method, p) }
	outside := func(condition string) string { return "invalid parameter (expected: " + condition + ")" }
	seed := []string{"seed must be within unsigned 32 bit integer"}
	for _, c := range []struct {
		text, what string
		messages   []string
	}{
		{`{"method": "XX"}`, "unsupported method (bandit(XX))", nil},
		{`{"method": "ts"}`, invalid, []string{"parameter block is not specified in config"}},
		{`{"parameter": {}}`, invalid, []string{`"method" is not found ()`}},
		{`{"method": "ts", "parameter": {"assume_unrewarded": true}, "converter": {}}`, invalid, []string{`"converter" is not used ()`}},
		{parameter("ts", "[]"), "Object is expected, but Array is given. (.parameter)", nil},
		{parameter("ts", "{}"), invalid, []string{`"assume_unrewarded" is not found (.parameter)`}},
		{parameter("ts", `{"assume_unrewarded": true, "tau": 1}`), invalid, []string{`"tau" is not used (.parameter)`}},
		{parameter("ucb1", `{"assume_unrewarded": 1, "seed": 1}`), invalid,
			[]string{`"seed" is not used (.parameter)`, "Bool is expected, but Integer is given. (.parameter.assume_unrewarded)"}},
		{parameter("epsilon_greedy", `{}`), invalid,
			[]string{`"assume_unrewarded" is not found (.parameter)`, `"epsilon" is not found (.parameter)`}},
		{parameter("softmax", `{"assume_unrewarded": true, "tau": "1", "seed": 1.0}`), invalid,
			[]string{"Float is expected, but String is given. (.parameter.tau)", "Integer is expected, but Float is given. (.parameter.seed)"}},
		{parameter("epsilon_greedy", `{"assume_unrewarded": true, "epsilon": 1.01}`), outside("0 <= epsilon <= 1"), nil},
		{parameter("epsilon_greedy", `{"assume_unrewarded": true, "epsilon": -0.1}`), outside("0 <= epsilon <= 1"), nil},
		{parameter("epsilon_decreasing", `{"assume_unrewarded": true, "decreasing_rate": 0}`), outside("0 < d < 1"), nil},
		{parameter("epsilon_decreasing", `{"assume_unrewarded": true, "decreasing_rate": 1}`), outside("0 < d < 1"), nil},
		{parameter("softmax", `{"assume_unrewarded": true, "tau": 0.0}`), outside("0 < tau"), nil},
		{parameter("exp3", `{"assume_unrewarded": true, "gamma": 0}`), outside("0 < gamma <= 1"), nil},
		{parameter("exp3", `{"assume_unrewarded": true, "gamma": 1.5}`), outside("0 < gamma <= 1"), nil},
		{parameter("ts", `{"assume_unrewarded": true, "seed": -1}`), invalid, seed},
		{parameter("ts", `{"assume_unrewarded": true, "seed": 4294967296}`), invalid, seed},
	} {
		err := newFrom(t, c.text)
		var e *config.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v is not one of package config", c.text, err)
			continue
		}
		if e.What != c.what || !slices.Equal(e.Messages, c.messages) {
			t.Errorf("%s:\n%s, want\n%s %q", c.text, e.Diagnostic(), c.what, c.messages)
		}
	}
}

// Without a seed the clock is one, to the microsecond.
func TestClockSeeds(t *testing.T) {
	draws := func(now time.Time) [4]uint32 {
		v, err := config.Parse([]byte(`{"method": "ts", "parameter": {"assume_unrewarded": true}}`))
		if err != nil {
			t.Fatal(err)
		}
		env := goldentest.Env(false)
		env.Now = func() time.Time { return now }
		e, err := New(v, env)
		if err != nil {
			t.Fatal(err)
		}
		var d [4]uint32
		for i := range d {
			d[i] = e.(*Bandit).source.Uint32()
		}
		return d
	}
	now := time.Unix(1500000000, 123456000)
	if a, b := draws(now), draws(now.Add(time.Microsecond)); a == b {
		t.Error("two clocks give the same numbers")
	} else if a != draws(now) {
		t.Error("one clock gives two kinds of numbers")
	}
}

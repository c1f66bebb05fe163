package stat

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// node is an engine under test, with a way to call it.
type node struct {
	engine.Engine
	t    testing.TB
	call goldentest.Caller
}

func newNode(t testing.TB, cfg string) node {
	t.Helper()
	e := goldentest.Build(t, New, cfg, goldentest.Env(true))
	return node{e, t, goldentest.InProcess(e)}
}

func (n node) push(key string, values ...float64) {
	n.t.Helper()
	for _, v := range values {
		if _, err := n.call("push", goldentest.Append(nil, goldentest.List{key, v})); err != nil {
			n.t.Fatal(err)
		}
	}
}

func (n node) try(method string, params ...goldentest.Value) (goldentest.Value, error) {
	n.t.Helper()
	answer, err := n.call(method, goldentest.Append(nil, goldentest.List(params)))
	if err != nil {
		return nil, err
	}
	v, err := goldentest.Decode(answer)
	if err != nil {
		n.t.Fatal(err)
	}
	return v, nil
}

func (n node) ask(method string, params ...goldentest.Value) float64 {
	n.t.Helper()
	v, err := n.try(method, params...)
	if err != nil {
		n.t.Fatalf("%s%v: %v", method, params, err)
	}
	return v.(float64)
}

func near(a, b float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-12*max(1, math.Abs(b))
}

func TestWorkedExample(t *testing.T) {
	n := newNode(t, `{"window_size": 3}`)
	check := func(want map[string]float64, moments map[[2]int]float64) {
		t.Helper()
		for method, v := range want {
			if got := n.ask(method, "test"); !near(got, v) {
				t.Errorf("%s is %v, want %v", method, got, v)
			}
		}
		for m, v := range moments {
			if got := n.ask("moment", "test", int64(m[0]), float64(m[1])); !near(got, v) {
				t.Errorf("moment %v is %v, want %v", m, got, v)
			}
		}
	}
	n.push("test", 1, 5, 3)
	check(map[string]float64{"sum": 9, "max": 5, "min": 1, "stddev": 1.632993161855452, "entropy": 0},
		map[[2]int]float64{{0, 0}: 1, {1, 0}: 3, {2, 0}: 11.666666666666666, {2, 3}: 2.6666666666666665,
			{3, 0}: 51, {4, 0}: 235.66666666666666, {-1, 0}: -1})
	n.push("test", 2, 4)
	check(map[string]float64{"sum": 9, "max": 4, "min": 2, "stddev": 0.816496580927726},
		map[[2]int]float64{{2, 0}: 9.666666666666666, {2, 3}: 0.6666666666666666, {3, 0}: 33})
	if e := n.ask("entropy", "anything"); e != 0 || !math.Signbit(e) {
		t.Errorf("the entropy of one key is %v, want -0", e)
	}
	for _, key := range []string{"test1", "test2", "test3"} {
		n.push(key, 1)
	}
	if e := n.ask("entropy", ""); !near(e, math.Log(3)) {
		t.Errorf("the entropy of three keys is %v, want ln 3", e)
	}
	for method, params := range map[string]goldentest.List{
		"sum": {"test"}, "stddev": {"test"}, "max": {"test"}, "min": {"test"}, "moment": {"test", int64(0), 0.0},
	} {
		_, err := n.try(method, params...)
		var failure *goldentest.CallError
		if want := method + ": key test not found"; !errors.As(err, &failure) || failure.Object != want {
			t.Errorf("%s: %v, want %s", method, err, want)
		}
	}
	if m := n.ask("moment", "test", int64(-3), 0.0); m != -1 {
		t.Errorf("a moment of negative degree is %v, want -1", m)
	}
}

// What is not a number spoils sums while it is in the window, not extremes.
func TestNotANumber(t *testing.T) {
	n := newNode(t, `{"window_size": 3}`)
	n.push("k", math.NaN())
	if high := n.ask("max", "k"); !math.IsNaN(high) {
		t.Errorf("max %v of NaN", high)
	}
	n.push("k", 1, 2)
	if high, low := n.ask("max", "k"), n.ask("min", "k"); high != 2 || low != 1 {
		t.Errorf("from %v to %v, want from 1 to 2", low, high)
	}
	n.push("k", math.Inf(1), math.Inf(-1))
	if high, low := n.ask("max", "k"), n.ask("min", "k"); !math.IsInf(high, 1) || !math.IsInf(low, -1) {
		t.Errorf("from %v to %v, want all numbers", low, high)
	}
}

func TestArguments(t *testing.T) {
	n := newNode(t, `{"window_size": 3}`)
	if _, err := n.try("push", "k", int64(3)); err != nil {
		t.Errorf("an integer is refused for a double: %v", err)
	}
	if _, err := n.try("sum", "k", nil, int64(3)); err != nil {
		t.Errorf("surplus arguments are refused: %v", err)
	}
	for _, c := range []struct {
		method string
		params goldentest.List
	}{
		{"push", goldentest.List{}}, {"push", goldentest.List{"k"}}, {"push", goldentest.List{int64(1), 1.0}},
		{"push", goldentest.List{"k", "1"}}, {"sum", goldentest.List{nil}}, {"entropy", goldentest.List{}},
		{"moment", goldentest.List{"k", 1.0, 1.0}}, {"moment", goldentest.List{"k", int64(1)}},
		{"moment", goldentest.List{"k", int64(1) << 31, 1.0}},
	} {
		if _, err := n.try(c.method, c.params...); err != error(goldentest.BadArgument) {
			t.Errorf("%s%v: %v", c.method, c.params, err)
		}
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		text, what string
		messages   []string
	}{
		{`{"window_size": 1}`, "", nil},
		{`{"window_size": 0}`, "invalid parameter (expected: 1 <= window_size)", nil},
		{`{"window_size": -1}`, "invalid parameter (expected: 1 <= window_size)", nil},
		{`{}`, "invalid configuration", []string{`"window_size" is not found ()`}},
		{`{"window_size": 2.0, "method": "stat"}`, "invalid configuration",
			[]string{`"method" is not used ()`, "Integer is expected, but Float is given. (.window_size)"}},
		{`[]`, "Object is expected, but Array is given. ()", nil},
	} {
		v, err := config.Parse([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(v, goldentest.Env(false))
		var e *config.Error
		if !errors.As(err, &e) {
			if c.what != "" {
				t.Errorf("%s: %v, want %s", c.text, err, c.what)
			}
			continue
		}
		if e.What != c.what || !slices.Equal(e.Messages, c.messages) {
			t.Errorf("%s: %s, want %s %q", c.text, e.Diagnostic(), c.what, c.messages)
		}
	}
}

func TestStatus(t *testing.T) {
	n := newNode(t, `{"window_size": 3}`)
	var got []string
	n.Status(func(k, v string) { got = append(got, k+"="+v) })
	if strings.Join(got, " ") != "storage=stat" {
		t.Errorf("status %q", got)
	}
}

// Nodes share how values spread over keys, and nothing else.
func TestMix(t *testing.T) {
	const cfg = `{"window_size": 10}`
	a, b := newNode(t, cfg), newNode(t, cfg)
	a.push("x", 1, 2, 3)
	b.push("y", 4)
	if ok, err := goldentest.Mix(a, b); !ok || err != nil {
		t.Fatal(ok, err)
	}
	// Three of four values lie under one key.
	want := -(0.75*math.Log(0.75) + 0.25*math.Log(0.25))
	for _, n := range []node{a, b} {
		if e := n.ask("entropy", ""); !near(e, want) {
			t.Errorf("entropy %v, want %v", e, want)
		}
	}
	if _, err := b.try("sum", "x"); err == nil {
		t.Error("a value went to another node")
	}
	// What comes in during a MIX counts in the next one.
	diff := goldentest.Diff(a)
	a.push("z", 1)
	r := mpack.NewReader(diff)
	if err := r.Tuple(1); err != nil {
		t.Fatal(err)
	}
	if ok, err := a.Mixables()[0].Put(&r); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if ok, err := goldentest.Mix(a); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if e := a.ask("entropy", ""); !near(e, want) {
		t.Errorf("entropy %v, want %v", e, want)
	}
	// Cleared nodes know of nothing, before the next MIX and after it.
	for range 2 {
		if _, err := a.try("clear"); err != nil {
			t.Fatal(err)
		}
		if e := a.ask("entropy", ""); e != 0 {
			t.Errorf("entropy %v of nothing", e)
		}
		if ok, err := goldentest.Mix(a); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
}

func TestDiffBytes(t *testing.T) {
	n := newNode(t, `{"window_size": 10}`)
	n.push("a", 1, 2)
	n.push("b", 1)
	if got, want := string(goldentest.Diff(n)), "\x91\x92\xcb\x3f\xf6\x2e\x42\xfe\xfa\x39\xef\x03"; got != want {
		t.Errorf("diff %x, want %x", got, want)
	}
}

package bandit

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

// node is an engine under test, with a way to call it.
type node struct {
	engine.Engine
	t    testing.TB
	call goldentest.Caller
}

// parameters are those of every method, to be completed by a seed.
var parameters = map[string]string{
	"epsilon_greedy": `"epsilon": 0.5`, "epsilon_decreasing": `"decreasing_rate": 0.9`,
	"softmax": `"tau": 0.5`, "exp3": `"gamma": 0.3`, "ts": "", "ucb1": "",
}

// settings are the configuration of a method with seed 10.
func settings(method string, assumeUnrewarded bool) string {
	p := fmt.Sprintf(`"assume_unrewarded": %v`, assumeUnrewarded)
	if parameters[method] != "" {
		p += ", " + parameters[method]
	}
	if method != "ucb1" {
		p += `, "seed": 10`
	}
	return fmt.Sprintf(`{"method": %q, "parameter": {%s}}`, method, p)
}

func newNode(t testing.TB, cfg string, arms ...string) node {
	t.Helper()
	e := goldentest.Build(t, New, cfg, goldentest.Env(true))
	n := node{e, t, goldentest.InProcess(e)}
	for _, arm := range arms {
		n.must("register_arm", arm)
	}
	return n
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

func (n node) must(method string, params ...goldentest.Value) goldentest.Value {
	n.t.Helper()
	v, err := n.try(method, params...)
	if err != nil {
		n.t.Fatalf("%s%v: %v", method, params, err)
	}
	return v
}

// info is what get_arm_info answers, as text.
func (n node) info(player string) string {
	n.t.Helper()
	var all []string
	for _, e := range n.must("get_arm_info", player).(goldentest.Map) {
		l := e.Value.(goldentest.List)
		all = append(all, fmt.Sprintf("%v:%v/%v", e.Key, l[0], l[1].(float64)))
	}
	return strings.Join(all, " ")
}

func (n node) wantInfo(player, want string) {
	n.t.Helper()
	if got := n.info(player); got != want {
		n.t.Errorf("%s has %s, want %s", player, got, want)
	}
}

// What a fresh server chooses among three arms of which nothing is known.
func TestSequences(t *testing.T) {
	for method, want := range map[string]string{
		"epsilon_greedy":     "x y x x z x x x y x x x",
		"epsilon_decreasing": "x y y x x z x z z z y y",
		"softmax":            "z x y z y x x z x x z z",
		"exp3":               "z x y z y x x z x x z z",
		"ts":                 "x y x z y z x x z y z y",
		"ucb1":               "x y z x y z x y z x y z",
	} {
		n := newNode(t, settings(method, true), "x", "y", "z")
		var got []string
		for range 12 {
			got = append(got, n.must("select_arm", "p").(string))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s chose %q, want %s", method, got, want)
		}
	}
}

func TestExp3Rewards(t *testing.T) {
	n := newNode(t, `{"method": "exp3", "parameter": {"assume_unrewarded": false, "gamma": 0.1}}`, "a", "b")
	n.must("register_reward", "p", "a", 0.5)
	n.wantInfo("p", "a:1/0.05 b:0/0")
	n.must("register_reward", "p", "a", int64(1))
	n.wantInfo("p", "a:2/0.14779995923983236 b:0/0")
}

// Arms are everybody's, and go with all that players had of them.
func TestArms(t *testing.T) {
	n := newNode(t, settings("ucb1", false))
	for _, c := range []struct {
		method, name string
		want         bool
	}{
		{"register_arm", "b", true}, {"register_arm", "a", true}, {"register_arm", "b", false},
		{"delete_arm", "c", false}, {"register_arm", "", true}, {"delete_arm", "", true}, {"delete_arm", "", false},
	} {
		if got := n.must(c.method, c.name); got != c.want {
			t.Errorf("%s(%s) is %v", c.method, c.name, got)
		}
	}
	n.must("register_reward", "p", "a", 1.0)
	n.must("register_reward", "p", "b", 2.0)
	n.wantInfo("p", "a:1/1 b:1/2")
	n.wantInfo("q", "a:0/0 b:0/0")
	n.must("delete_arm", "b")
	n.wantInfo("p", "a:1/1")
	n.must("register_arm", "b")
	n.wantInfo("p", "a:1/1 b:0/0")
	if order := n.Engine.(*Bandit).store.arms; order.names.list[order.order[1]] != "b" {
		t.Error("an arm that was registered again is not the last")
	}
	if got := n.Engine.(*Bandit).store.find([]byte("p")).trials(); got != 1 {
		t.Errorf("%d trials of p, want 1", got)
	}
	n.must("clear")
	if got := n.info("p"); got != "" {
		t.Errorf("after clear there are %s", got)
	}
}

func TestUnknownArm(t *testing.T) {
	for method := range parameters {
		n := newNode(t, settings(method, true))
		if _, err := n.try("select_arm", "p"); !isError(err, "arm is not registered") {
			t.Errorf("%s: select_arm without arms: %v", method, err)
		}
		n.must("register_arm", "a")
		got, err := n.try("register_reward", "p", "zz", 1.0)
		lenient := method == "exp3" || method == "ts"
		if lenient && (err != nil || got != false) || !lenient && !isError(err, "arm_id is not registered: zz") {
			t.Errorf("%s: a reward for an unknown arm: %v, %v", method, got, err)
		}
		if known := n.must("reset", "p"); known != !lenient {
			t.Errorf("%s: the player was known afterwards: %v", method, known)
		}
		if known := n.must("reset", "p"); known != false {
			t.Errorf("%s: the player is known after a reset", method)
		}
	}
}

func isError(err error, text string) bool {
	var failure *goldentest.CallError
	return errors.As(err, &failure) && failure.Object == text
}

func TestThompsonRewards(t *testing.T) {
	n := newNode(t, settings("ts", true), "a")
	for _, reward := range []goldentest.Value{0.5, -1.0, math.NaN(), int64(2)} {
		for _, arm := range []string{"a", "zz"} {
			if _, err := n.try("register_reward", "p", arm, reward); !isError(err, "reward is not in {0,1}") {
				t.Errorf("reward %v for %s: %v", reward, arm, err)
			}
		}
	}
	n.must("register_reward", "p", "a", int64(1))
	n.wantInfo("p", "a:0/1")
	n.must("select_arm", "p") // more successes than trials
}

// Where exponentials overflow or vanish, the better arm is still chosen.
func TestExtremeWeights(t *testing.T) {
	for method, rewards := range map[string][2]float64{"softmax": {1e6, 1}, "exp3": {1e6, 0}} {
		for _, sign := range []float64{1, -1} {
			n := newNode(t, settings(method, false), "good", "bad")
			better, worse := rewards[0], rewards[1]
			if sign < 0 {
				better, worse = -worse, -better
			}
			n.must("register_reward", "p", "bad", worse)
			n.must("register_reward", "p", "good", better)
			good := 0
			for range 200 {
				if n.must("select_arm", "p") == "good" {
					good++
				}
			}
			if good < 150 {
				t.Errorf("%s: the good arm was chosen %d times of 200", method, good)
			}
		}
	}
}

// What is not a number hurts nobody.
func TestNotANumber(t *testing.T) {
	for method := range parameters {
		if method == "ts" {
			continue
		}
		for _, reward := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			n := newNode(t, settings(method, false), "a", "b")
			for _, arm := range []string{"a", "b", "a"} {
				n.must("register_reward", "p", arm, reward)
			}
			if got := n.must("select_arm", "p"); got != "a" && got != "b" {
				t.Errorf("%s chose %v", method, got)
			}
		}
	}
}

func TestArguments(t *testing.T) {
	n := newNode(t, settings("ucb1", false), "a")
	for _, c := range []struct {
		method string
		params goldentest.List
	}{
		{"register_arm", goldentest.List{}}, {"delete_arm", goldentest.List{int64(1)}}, {"reset", goldentest.List{nil}},
		{"select_arm", goldentest.List{goldentest.List{}}}, {"get_arm_info", goldentest.List{}},
		{"register_reward", goldentest.List{"p", "a"}}, {"register_reward", goldentest.List{"p", "a", "1"}},
		{"register_reward", goldentest.List{"p", nil, 1.0}},
	} {
		if _, err := n.try(c.method, c.params...); err != error(goldentest.BadArgument) {
			t.Errorf("%s%v: %v", c.method, c.params, err)
		}
	}
	n.must("register_reward", "p", "a", 1.0, "surplus")
	n.Status(func(k, v string) { t.Errorf("status %s=%s", k, v) })
}

// Every method finds out which arm pays.
func TestMethodsLearn(t *testing.T) {
	for method := range parameters {
		n := newNode(t, settings(method, true), "poor", "rich", "middling")
		pays := map[string]float64{"poor": 0.1, "middling": 0.3, "rich": 0.7}
		// Rewards are due by turns, so that the test depends on one generator.
		due := map[string]float64{}
		rich := 0
		for i := range 3000 {
			arm := n.must("select_arm", "p").(string)
			if arm == "rich" && i >= 2000 {
				rich++
			}
			if due[arm] += pays[arm]; due[arm] >= 1 {
				due[arm]--
				n.must("register_reward", "p", arm, 1.0)
			}
		}
		// Softmax and epsilon-greedy never stop to explore.
		if least := map[string]int{"softmax": 450, "epsilon_greedy": 600}[method]; rich < max(least, 400) {
			t.Errorf("%s chose the best arm %d times of the last 1000", method, rich)
		}
	}
}

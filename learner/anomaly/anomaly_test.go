package anomaly

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// methods are both methods with the same numbers of neighbours.
var methods = map[string]func(k, reverse int, more string) string{"lof": lofConfig, "light_lof": lightConfig}

func TestWorkedExample(t *testing.T) {
	for name, cfg := range methods {
		c := alone(t, cfg(2, 3, ""))
		for i, w := range []struct{ value, score float64 }{{1, math.Inf(1)}, {2, 1}, {4, 2.5}, {8, 3.75}, {4.5, 2.25}} {
			id, score := c.add(w.value)
			if id != fmt.Sprint(i) || score != w.score && !(math.Abs(score-w.score) < 1e-14) || name == "light_lof" && score != w.score {
				t.Errorf("%s: add %v: %s, %v, want %d, %v", name, w.value, id, score, i, w.score)
			}
		}
		if got := c.score(3); math.Abs(got-1.5) > 1e-14 {
			t.Errorf("%s: 3 scores %v", name, got)
		}
	}
}

func TestDegenerate(t *testing.T) {
	for name, cfg := range methods {
		c := alone(t, cfg(2, 3, ""))
		if got := c.score(1); !math.IsInf(got, 1) {
			t.Errorf("%s: in an empty model a datum scores %v", name, got)
		}
		same := map[string]float64{"lof": 0, "light_lof": 1}[name]
		for i, want := range []float64{math.Inf(1), same, same} {
			if _, score := c.add(3); score != want {
				t.Errorf("%s: the same point scores %v the %d. time, want %v", name, score, i, want)
			}
		}
		if got := c.score(4); name == "light_lof" && !math.IsInf(got, 1) || got < 1e14 {
			t.Errorf("%s: off a point scores %v", name, got)
		}
		if got := c.must("add_bulk", list()); len(got.(goldentest.List)) != 0 {
			t.Errorf("%s: an empty list has %v stored", name, got)
		}
	}
}

func TestIgnored(t *testing.T) {
	for name, cfg := range methods {
		e := build(t, cfg(3, 5, `,"ignore_kth_same_point":true`), false)
		c := client{t, goldentest.InProcess(e)}
		c.add(1)
		c.add(2)
		c.add(2)
		c.add(2) // two are there: ignored, but it takes an id
		if id, _ := c.add(5); id != "4" {
			t.Errorf("%s: the row behind an ignored one is %s", name, id)
		}
		got := c.must("add_bulk", list(2, 7, 2, 7, 7))
		if want := (goldentest.List{"6", "8"}); goldentest.Compare(want, got, goldentest.AsIs, 0) != nil {
			t.Errorf("%s: of a list %v were stored, want %v", name, got, want)
		}
		// What is ignored does not replace a row, except that lof has removed it.
		c.must("overwrite", "0", x(2))
		ids := []string{"0", "1", "2", "4", "6", "8"}
		if name == "lof" {
			ids = ids[1:]
		}
		if got := slices.Sorted(slices.Values(c.ids())); !slices.Equal(got, ids) {
			t.Errorf("%s: rows %v, want %v", name, got, ids)
		}
		if got := status(e)["num_ignored"]; got != "5" {
			t.Errorf("%s: %s were ignored, want 5", name, got)
		}
	}
}

func TestWhatLightLOFCannot(t *testing.T) {
	c := alone(t, lightConfig(2, 3, ""))
	c.fails("unsupported method (update_row)", "update", "0", x(1))
	c.fails("unsupported method (clear_row)", "clear_row", "0")
	c.must("overwrite", "a", x(1))
	if got := c.ids(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("rows %v", got)
	}
}

func TestArguments(t *testing.T) {
	for _, cfg := range methods {
		c := alone(t, cfg(2, 3, ""))
		for _, method := range []string{"add", "add_bulk", "calc_score"} {
			if _, err := c.do(method, int64(1)); err != goldentest.BadArgument {
				t.Errorf("%s of a number: %v", method, err)
			}
		}
		if _, err := c.do("update", int64(1), x(1)); err != goldentest.BadArgument {
			t.Errorf("update of a number: %v", err)
		}
		if _, err := c.do("add_bulk", goldentest.List{x(1), int64(1)}); err != goldentest.BadArgument {
			t.Errorf("a list with a number in it: %v", err)
		}
		if got := c.ids(); len(got) != 0 {
			t.Errorf("mistakes made rows %v", got)
		}
		// They take no ids either.
		if id, _ := c.add(1); id != "0" {
			t.Errorf("the first id is %s", id)
		}
	}
}

func TestIDsGoOn(t *testing.T) {
	for name, cfg := range methods {
		e := build(t, cfg(2, 3, ""), false)
		c := client{t, goldentest.InProcess(e)}
		c.add(1)
		c.must("clear")
		if id, _ := c.add(2); id != "1" {
			t.Errorf("%s: behind clear the id is %s", name, id)
		}
		for _, w := range []struct {
			ids  []string
			max  string
			next string
		}{
			{nil, "0", "1"},
			{[]string{"a"}, "0", "1"},
			{[]string{"7", "12abc", " 3", "a9"}, "12", "13"},
			{[]string{"18446744073709551616", "5"}, "5", "6"},
			{[]string{"-1"}, "18446744073709551615", "0"},
		} {
			c.must("clear")
			for _, id := range w.ids {
				c.must("overwrite", id, x(1))
			}
			if got := status(e)["max_id"]; got != w.max {
				t.Errorf("%s: of %q the largest is %s, want %s", name, w.ids, got, w.max)
			}
			again := build(t, cfg(2, 3, ""), false)
			goldentest.Load(t, again, e.Pack(nil), engine.FromFile)
			if id, _ := (client{t, goldentest.InProcess(again)}).add(1); id != w.next {
				t.Errorf("%s: behind %q comes %s, want %s", name, w.ids, id, w.next)
			}
		}
	}
}

func TestUnlearning(t *testing.T) {
	sticky := `,"unlearner":"lru","unlearner_parameter":{"max_size":2,"sticky_pattern":"s*"}`
	for name, cfg := range methods {
		e := build(t, cfg(2, 3, sticky), false)
		c := client{t, goldentest.InProcess(e)}
		c.add(1)
		c.add(2)
		c.must("overwrite", "0", x(1))
		c.add(3) // forgets 1
		if got := slices.Sorted(slices.Values(c.ids())); !slices.Equal(got, []string{"0", "2"}) {
			t.Errorf("%s: rows %v", name, got)
		}
		c.must("overwrite", "s0", x(7))
		c.must("overwrite", "s1", x(8))
		text := "cannot add new ID as number of sticky IDs reached the maximum size of unlearner: "
		if name == "lof" {
			text = "cannot add new row as number of sticky rows reached the maximum size of unlearner: "
		}
		c.fails(text+"3", "add", x(4))
		switch name {
		case "lof":
			if got := c.must("add_bulk", list(5, 6)); len(got.(goldentest.List)) != 0 {
				t.Errorf("%v were stored without room", got)
			}
		default:
			c.fails(text+"4", "add_bulk", list(5, 6))
		}
		if got := slices.Sorted(slices.Values(c.ids())); !slices.Equal(got, []string{"s0", "s1"}) {
			t.Errorf("%s: rows %v", name, got)
		}
		if id, _ := (client{t, goldentest.InProcess(reloaded(t, e, cfg(2, 3, sticky)))}).must("overwrite", "s0", x(9)).(float64); math.IsNaN(id) {
			t.Error("a score is none")
		}
		for key, want := range map[string]string{"num_unlearner_unlearned_ids": "0", "num_unlearner_sticky_ids": "2", "storage": name} {
			if got := status(e)[key]; got != want {
				t.Errorf("%s: status %s is %q, want %q", name, key, got, want)
			}
		}
	}
}

// reloaded is an engine that has loaded another one's model.
func reloaded(t testing.TB, e engine.Engine, cfg string) engine.Engine {
	t.Helper()
	again := build(t, cfg, false)
	goldentest.Load(t, again, e.Pack(nil), engine.FromFile)
	return again
}

func TestStatus(t *testing.T) {
	for name, cfg := range methods {
		e := build(t, cfg(2, 3, ""), false)
		c := client{t, goldentest.InProcess(e)}
		c.add(1)
		c.add(2)
		want := map[string]string{"storage": "light_lof", "max_id": "1", "num_id": "2"}
		if name == "lof" {
			want = map[string]string{"storage": "lof", "max_id": "1", "num_id_master": "0", "num_id_diff": "2"}
		}
		got := status(e)
		for k, v := range want {
			if got[k] != v {
				t.Errorf("%s: status %s is %q, want %q", name, k, got[k], v)
			}
		}
		if _, ok := got["num_ignored"]; ok {
			t.Errorf("%s: num_ignored is there though nothing is ignored", name)
		}
	}
}

func TestModelsThatAreWrong(t *testing.T) {
	for name, cfg := range methods {
		e := build(t, cfg(2, 3, ""), false)
		c := client{t, goldentest.InProcess(e)}
		c.add(1)
		c.add(2)
		before := e.Pack(nil)
		for _, other := range []string{
			methods["lof"](2, 3, `,"unlearner":"lru","unlearner_parameter":{"max_size":5}`),
			methods["light_lof"](2, 3, `,"unlearner":"lru","unlearner_parameter":{"max_size":5}`),
		} {
			r := mpack.NewReader(build(t, other, false).Pack(nil))
			if _, err := e.Unpack(&r, engine.FromFile); err == nil {
				t.Errorf("%s: a model with an unlearner is taken", name)
			}
		}
		for n := range before {
			r := mpack.NewReader(before[:n])
			if _, err := e.Unpack(&r, engine.FromFile); err == nil {
				t.Fatalf("%s: the first %d of %d bytes of a model are taken", name, n, len(before))
			}
		}
		goldentest.SameObject(t, name+" after models that are wrong", before, e.Pack(nil), goldentest.AsIs, 0)
	}
}

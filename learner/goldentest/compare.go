package goldentest

import (
	"fmt"
	"math"
)

// Order says in which respects the order of lists may differ.
type Order string

// The orders.
const (
	AsIs   Order = ""       // it may not
	Set    Order = "set"    // lists may be in any order, at every depth
	Outer  Order = "outer"  // the outermost list may be in any order
	Scores Order = "scores" // a list of [id, score]: equal scores may be in any order
	Kinds  Order = "kinds"  // only the kinds of values count, not even lengths
)

// Compare returns an error that says where and how got differs from want.
// Doubles may differ by the relative tolerance, or absolutely by as much
// around zero; with 0 they must be equal. Maps may be in any order. A recorded
// "Infinity", "-Infinity" or "NaN" stands for the double if got has one there.
func Compare(want, got Value, order Order, tolerance float64) error {
	c := comparer{tolerance}
	switch order {
	case Kinds:
		return c.kinds(want, got, "result")
	case Outer:
		w, g, err := lists(want, got, "result")
		if err != nil {
			return err
		}
		return c.anyOrder(w, g, "result", false)
	case Scores:
		return c.scores(want, got, "result")
	default:
		return c.same(want, got, "result", order == Set)
	}
}

type comparer struct{ tolerance float64 }

func (c comparer) same(want, got Value, path string, set bool) error {
	differ := func() error { return fmt.Errorf("%s: got %s, want %s", path, Show(got), Show(want)) }
	if g, ok := got.(float64); ok {
		if w, ok := double(want); !ok || !c.close(w, g) {
			return differ()
		}
		return nil
	}
	switch w := want.(type) {
	case List:
		_, g, err := lists(want, got, path)
		if err != nil {
			return err
		}
		if set {
			return c.anyOrder(w, g, path, set)
		}
		if len(w) != len(g) {
			return differ()
		}
		for i := range w {
			if err := c.same(w[i], g[i], fmt.Sprintf("%s[%d]", path, i), set); err != nil {
				return err
			}
		}
		return nil
	case Map:
		g, ok := got.(Map)
		if !ok || len(w) != len(g) {
			return differ()
		}
		return c.entries(w, g, path, set)
	default:
		if want != got {
			return differ()
		}
		return nil
	}
}

func (c comparer) entries(want, got Map, path string, set bool) error {
	byKey := make(map[Value]Value, len(got))
	for _, e := range got {
		byKey[key(e.Key)] = e.Value
	}
	for _, e := range want {
		g, ok := byKey[key(e.Key)]
		if !ok {
			return fmt.Errorf("%s: no %s", path, Show(e.Key))
		}
		if err := c.same(e.Value, g, fmt.Sprintf("%s[%s]", path, Show(e.Key)), set); err != nil {
			return err
		}
	}
	return nil
}

// container is a list or a map that is a key, encoded.
type container string

// key makes integer keys comparable with those of JSON, which are text, and
// containers at all.
func key(k Value) Value {
	switch k.(type) {
	case int64, uint64:
		return fmt.Sprint(k)
	case List, Map:
		return container(Append(nil, k))
	}
	return k
}

func lists(want, got Value, path string) (w, g List, err error) {
	w, wok := want.(List)
	g, gok := got.(List)
	if !wok || !gok {
		return nil, nil, fmt.Errorf("%s: got %s, want %s", path, Show(got), Show(want))
	}
	return w, g, nil
}

// anyOrder pairs every wanted element with another one of those got.
func (c comparer) anyOrder(want, got List, path string, set bool) error {
	if len(want) != len(got) {
		return fmt.Errorf("%s: got %d elements, want %d: %s, want %s", path, len(got), len(want), Show(got), Show(want))
	}
	taken := make([]bool, len(got))
next:
	for i, w := range want {
		for k := range got {
			// Most lists are in the same order after all.
			j := (i + k) % len(got)
			if !taken[j] && c.same(w, got[j], path, set) == nil {
				taken[j] = true
				continue next
			}
		}
		return fmt.Errorf("%s: no %s in %s", path, Show(w), Show(got))
	}
	return nil
}

// scores compares the scores in order, and the ids of every run of equal
// scores in any order. Where the last run was cut off its ids may differ.
func (c comparer) scores(want, got Value, path string) error {
	w, g, err := lists(want, got, path)
	if err != nil {
		return err
	}
	if len(w) != len(g) {
		return fmt.Errorf("%s: got %d elements, want %d", path, len(g), len(w))
	}
	start := 0
	for i := range w {
		ws, werr := score(w[i])
		gs, gerr := score(g[i])
		if werr != nil || gerr != nil || !c.close(ws, gs) {
			return fmt.Errorf("%s[%d]: got %s, want %s", path, i, Show(g[i]), Show(w[i]))
		}
		if i+1 < len(w) {
			if next, err := score(w[i+1]); err == nil && c.close(ws, next) {
				continue
			}
		}
		last := i+1 == len(w)
		if err := c.anyOrder(w[start:i+1], g[start:i+1], fmt.Sprintf("%s[%d:%d]", path, start, i+1), false); err != nil && !(last && start < i) {
			return err
		}
		start = i + 1
	}
	return nil
}

func score(v Value) (float64, error) {
	if l, ok := v.(List); ok && len(l) == 2 {
		if s, ok := double(l[1]); ok {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%s is not [id, score]", Show(v))
}

func (c comparer) kinds(want, got Value, path string) error {
	if _, ok := got.(float64); ok {
		if _, ok := double(want); ok {
			return nil
		}
	}
	switch w := want.(type) {
	case List:
		_, g, err := lists(want, got, path)
		if err != nil {
			return err
		}
		for i := range min(len(w), len(g)) {
			if err := c.kinds(w[i], g[i], fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	case Map:
		if _, ok := got.(Map); ok {
			return nil
		}
	case int64, uint64:
		switch got.(type) {
		case int64, uint64:
			return nil
		}
	default:
		if fmt.Sprintf("%T", want) == fmt.Sprintf("%T", got) {
			return nil
		}
	}
	return fmt.Errorf("%s: got %s, want something like %s", path, Show(got), Show(want))
}

func (c comparer) close(a, b float64) bool {
	if a == b || math.IsNaN(a) && math.IsNaN(b) {
		return true
	}
	if math.IsInf(a, 0) || math.IsInf(b, 0) {
		return false
	}
	return math.Abs(a-b) <= c.tolerance*max(1, math.Abs(a), math.Abs(b))
}

// Show prints a value in a short form.
func Show(v Value) string {
	s := fmt.Sprintf("%v", v)
	if t, ok := v.(string); ok {
		s = fmt.Sprintf("%q", t)
	}
	if len(s) > 300 {
		s = s[:300] + "…"
	}
	return s
}

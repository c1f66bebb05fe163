package classifier

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/learner/instances/instancestest"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// neighbourly is instancestest.Config with a plain converter.
func neighbourly(method, members string) string {
	return instancestest.Config(method, members, plainConverter)
}

const threeNearest = `"nearest_neighbor_num":3,"local_sensitivity":0.5`

// scores asks for the scores of one datum.
func (b *bare) scores(t testing.TB, d *datum.Datum) map[string]float64 {
	t.Helper()
	if err := b.do(b.handlers["classify"], service.Analysis, d.Append(mpack.AppendArrayHeader(nil, 1)), 1); err != nil {
		t.Fatal(err)
	}
	v, err := goldentest.Decode(b.call.Out)
	if err != nil {
		t.Fatal(err)
	}
	scores := map[string]float64{}
	for _, e := range v.(goldentest.List)[0].(goldentest.List) {
		scores[e.(goldentest.List)[0].(string)] = e.(goldentest.List)[1].(float64)
	}
	return scores
}

// labels asks for the counts of the labels.
func (b *bare) labels(t testing.TB) string {
	t.Helper()
	if err := b.do(b.handlers["get_labels"], service.Analysis, nil, 0); err != nil {
		t.Fatal(err)
	}
	return string(b.call.Out)
}

// label calls set_label or delete_label.
func (b *bare) label(t testing.TB, method, label string) bool {
	t.Helper()
	if err := b.do(b.handlers[method], service.Update, mpack.AppendRaw(nil, label), 1); err != nil {
		t.Fatal(err)
	}
	return b.call.Out[0] == 0xc3
}

// The exact methods answer what comparing with all that was learned does.
func TestExactEqualsNaive(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		method := rapid.SampledFrom([]string{"cosine", "euclidean"}).Draw(rt, "method")
		k := rapid.SampledFrom([]int{1, 3, -1}).Draw(rt, "k")
		e := build(t, neighbourly(method, fmt.Sprintf(`"nearest_neighbor_num":%d,"local_sensitivity":0.5`, k)), false)
		b := newBare(e)
		type learned struct {
			label  string
			vector map[string]float64
		}
		var all []learned
		draw := func() (*datum.Datum, map[string]float64) {
			d, m := &datum.Datum{}, map[string]float64{}
			for _, key := range []string{"a", "b", "c", "d"} {
				if x := rapid.IntRange(-2, 2).Draw(rt, "x"); x != 0 {
					d.AddNum(key, float64(x))
					m[key] = float64(x)
				}
			}
			return d, m
		}
		want := map[string]float64{}
		for range rapid.IntRange(0, 8).Draw(rt, "trainings") {
			label := rapid.SampledFrom([]string{"A", "B_1", ""}).Draw(rt, "label")
			d, m := draw()
			b.train(t, label, d)
			want[label] = 0
			if len(m) > 0 {
				all = append(all, learned{label, m})
			}
		}
		dot := func(a, b map[string]float64) (sum float64) {
			for key, x := range a {
				sum += x * b[key]
			}
			return sum
		}
		d, q := draw()
		type vote struct {
			distance, order float64
			label           string
		}
		var votes []vote
		for i, l := range all {
			p := dot(q, l.vector)
			distance := math.Sqrt(max(0, dot(q, q)+dot(l.vector, l.vector)-2*p))
			if method == "cosine" {
				if p == 0 {
					continue
				}
				distance = 1 - p/math.Sqrt(dot(l.vector, l.vector)*dot(q, q))
			}
			votes = append(votes, vote{math.Round(distance*1e9) / 1e9, -float64(i), l.label})
		}
		slices.SortFunc(votes, func(a, b vote) int {
			if a.distance < b.distance || a.distance == b.distance && a.order < b.order {
				return -1
			}
			return 1
		})
		for i, v := range votes {
			if k < 0 || i < k {
				want[v.label] += math.Exp(-0.5 * v.distance)
			}
		}
		got := b.scores(t, d)
		if len(got) != len(want) {
			rt.Fatalf("labels %v, want %v", got, want)
		}
		for label, score := range want {
			// Equal distances can differ by rounding, and then be ranked so.
			if k < 0 && math.Abs(got[label]-score) > 1e-7 {
				rt.Fatalf("%q scores %v, want %v", label, got[label], score)
			}
		}
		sum := func(m map[string]float64) (s float64) {
			for _, x := range m {
				s += x
			}
			return s
		}
		if math.Abs(sum(got)-sum(want)) > 1e-6 {
			rt.Fatalf("the votes sum to %v, want %v", sum(got), sum(want))
		}
	})
}

// Deleting a label deletes its rows, where there are rows that can be deleted.
func TestDeleteLabel(t *testing.T) {
	for _, method := range []string{"lsh", "minhash", "euclid_lsh"} {
		e := build(t, neighbourly(method, threeNearest+`,"unlearner":"lru","unlearner_parameter":{"max_size":3}`), false)
		b := newBare(e)
		for _, label := range []string{"A", "A_B", "A"} {
			b.train(t, label, nums("f", 1.0))
		}
		if !b.label(t, "delete_label", "A") || b.label(t, "delete_label", "A") {
			t.Errorf("%s: deleting is not told", method)
		}
		if got := b.labels(t); got != "\x81\xa3A_B\x01" {
			t.Errorf("%s: labels %q", method, got)
		}
		if got := b.scores(t, nums("f", 1.0)); len(got) != 1 || got["A_B"] != 1 {
			t.Errorf("%s: scores %v", method, got)
		}
		// The unlearner has room for two others now.
		b.train(t, "C", nums("f", 1.0))
		b.train(t, "C", nums("f", 1.0))
		if got := b.labels(t); got != "\x82\xa3A_B\x01\xa1C\x02" {
			t.Errorf("%s: labels %q", method, got)
		}
	}
	for _, method := range []string{"cosine", "euclidean"} {
		b := newBare(build(t, neighbourly(method, threeNearest), false))
		b.train(t, "A", nums("f", 1.0))
		if b.label(t, "delete_label", "A") || b.labels(t) != "\x81\xa1A\x01" {
			t.Errorf("%s: a label was deleted", method)
		}
		if !b.label(t, "set_label", "B") || b.label(t, "set_label", "B") {
			t.Errorf("%s: set_label does not tell what is new", method)
		}
	}
}

// What is learned between diff and put of a mix stays, and everybody has all
// after the next one.
func TestNeighboursLoseNothing(t *testing.T) {
	for _, method := range []string{"lsh", "euclid_lsh", "cosine", "euclidean"} {
		var engines []engine.Engine
		var nodes []*bare
		for i := range 2 {
			env := goldentest.Env(true)
			env.ID = fmt.Sprintf("127.0.0.%d_9199", i+1)
			e := goldentest.Build(t, New, neighbourly(method, threeNearest), env)
			engines, nodes = append(engines, e), append(nodes, newBare(e))
		}
		nodes[0].train(t, "A", nums("f", 1.0))
		nodes[1].train(t, "B", nums("g", 1.0))
		parts := len(engines[0].Mixables())
		folds := make([]engine.Fold, parts)
		for i, e := range engines {
			for j, m := range e.Mixables() {
				if i == 0 {
					folds[j] = m.NewFold()
				}
				r := mpack.NewReader(m.Diff(nil))
				if err := folds[j].Add(&r); err != nil {
					t.Fatal(err)
				}
			}
		}
		nodes[0].train(t, "C", nums("h", 1.0)) // too late for this one
		nodes[1].train(t, "C", nums("i", 1.0))
		for _, e := range engines {
			for j, m := range e.Mixables() {
				r := mpack.NewReader(folds[j].Append(nil))
				if ok, err := m.Put(&r); err != nil || !ok {
					t.Fatal(ok, err)
				}
			}
		}
		mix(t, engines)
		for i, b := range nodes {
			if got := b.labels(t); got != "\x83\xa1A\x01\xa1B\x01\xa1C\x02" {
				t.Errorf("%s: node %d has labels %q", method, i, got)
			}
			for key, label := range map[string]string{"f": "A", "g": "B", "h": "C", "i": "C"} {
				scores := b.scores(t, nums(key, 1.0))
				for other, score := range scores {
					if other != label && score > scores[label] {
						t.Errorf("%s: node %d takes %s for %s: %v", method, i, key, other, scores)
					}
				}
			}
		}
	}
}

// A thousand data of 64 numbers are known.
func BenchmarkNeighbours(b *testing.B) {
	for _, method := range []string{"lsh", "minhash", "euclid_lsh", "cosine", "euclidean"} {
		for _, call := range []string{"train", "classify"} {
			b.Run(method+"/"+call, func(b *testing.B) {
				benchmark(b, neighbourly(method, threeNearest), call, map[string]service.Lock{
					"train": service.Update, "classify": service.Analysis}[call], 0, 64)
			})
		}
	}
}

package storage

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"testing"

	"pgregory.net/rapid"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/learner/confidence"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func vector(entries ...any) *fv.Vector {
	v := &fv.Vector{}
	for i := 0; i < len(entries); i += 2 {
		v.Append([]byte(entries[i].(string)), entries[i+1].(float64))
	}
	return v
}

func names(t *Linear) (list []string) {
	for _, l := range t.Listing() {
		list = append(list, t.Name(l))
	}
	return list
}

func TestLabelHash(t *testing.T) {
	if got, want := labelHash("あ"), uint64(8031304513124424657); got != want {
		t.Errorf("hash of あ is %d, want %d", got, want)
	}
	for name, want := range map[string]uint64{
		"": 10, "A": 0, "B": 10, "C": 3, "D": 1, "E": 5, "spam": 9, "ham": 10,
		"news": 4, "misc": 1, "void": 4, "ok": 1, "ng": 10, "label1": 8, "label2": 7,
	} {
		if got := labelHash(name) % 11; got != want {
			t.Errorf("%q is in bucket %d, want %d", name, got, want)
		}
	}
}

func TestListing(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{[]string{"A", "B", "C"}, []string{"A", "C", "B"}},
		{[]string{"spam", "ham", "news"}, []string{"news", "spam", "ham"}},
		{[]string{"ham", "B", ""}, []string{"", "B", "ham"}}, // one bucket: the newest first
		{nil, nil},
	} {
		table := NewLinear(Options{})
		for _, l := range c.in {
			table.Register([]byte(l))
		}
		if got := names(table); !slices.Equal(got, c.want) {
			t.Errorf("%q are listed as %q, want %q", c.in, got, c.want)
		}
	}
}

// The listing is computed anew when labels change.
func TestListingFollowsLabels(t *testing.T) {
	table := NewLinear(Options{})
	for i := range 3000 {
		table.Register(fmt.Append(nil, i))
		if i%500 == 0 && len(table.Listing()) != i+1 {
			t.Fatalf("%d labels are listed, want %d", len(table.Listing()), i+1)
		}
	}
	for i := range 2990 {
		if !table.Delete(fmt.Append(nil, i)) {
			t.Fatalf("label %d was not there", i)
		}
	}
	got := names(table)
	sort.Strings(got)
	if want := []string{"2990", "2991", "2992", "2993", "2994", "2995", "2996", "2997", "2998", "2999"}; !slices.Equal(got, want) {
		t.Errorf("left are %q", got)
	}
	if table.Delete([]byte("1")) {
		t.Error("a label was deleted twice")
	}
}

// naive is a Linear made of maps.
type naive struct {
	weights map[string]map[string]value
	labels  map[string]bool

	scores Scores   // used for one vector after the other
	last   []string // the keys of the last one
}

func (n *naive) score(v *fv.Vector, label string) float64 {
	sum := 0.0
	for i := range v.Len() {
		if w, ok := n.weights[string(v.Key(i))][label]; ok {
			sum += float64(w.weight * v.Value(i))
		}
	}
	return sum
}

// step is one change of a table, the same for all kinds of them.
func step(rt *rapid.T, table *Linear, n *naive, confident bool) {
	label := rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"})
	switch rapid.IntRange(0, 9).Draw(rt, "what") {
	case 0:
		l := label.Draw(rt, "deleted")
		if got := table.Delete([]byte(l)); got != n.labels[l] {
			rt.Fatalf("Delete(%q) is %v", l, got)
		}
		delete(n.labels, l)
		for f, row := range n.weights {
			if delete(row, l); len(row) == 0 {
				delete(n.weights, f)
			}
		}
	case 1:
		l := label.Draw(rt, "registered")
		if _, isNew := table.Register([]byte(l)); isNew == n.labels[l] {
			rt.Fatalf("Register(%q) is %v", l, isNew)
		}
		n.labels[l] = true
	default:
		train(rt, table, n, confident, label.Draw(rt, "y"), label.Draw(rt, "r"))
	}
}

func train(rt *rapid.T, table *Linear, n *naive, confident bool, y, r string) {
	if rapid.Bool().Draw(rt, "other keys") {
		n.last = rapid.SliceOfN(rapid.SampledFrom([]string{"p", "q", "r", "s", "t", "u", "uv", "v"}), 0, 5).Draw(rt, "keys")
	}
	var v fv.Vector
	for _, key := range n.last {
		v.Append([]byte(key), float64(rapid.IntRange(-3, 3).Draw(rt, "x")))
	}
	s := &n.scores
	table.Score(&v, s)
	for _, l := range table.Listing() {
		if got, want := s.Of(l), n.score(&v, table.Name(l)); !near(got, want) {
			rt.Fatalf("score of %q is %v, want %v", table.Name(l), got, want)
		}
	}
	ly, _ := table.Register([]byte(y))
	n.labels[y] = true
	lr := NoLabel
	if r != y && r != "" {
		lr, _ = table.Register([]byte(r))
		n.labels[r] = true
	}
	if !confident {
		table.Move(&v, s, ly, lr, 0.5)
		n.each(&v, y, r, lr, func(w *value, x, sign float64) { w.weight += sign * 0.5 * x })
		return
	}
	got, want := table.Variances(&v, s, ly, lr), n.variance(&v, table, ly)+n.variance(&v, table, lr)
	if lr == NoLabel && rapid.Bool().Draw(rt, "one") {
		got, want = table.Variance(&v, s, ly), n.variance(&v, table, ly)
	}
	if !near(got, want) {
		rt.Fatalf("the variance is %v, want %v", got, want)
	}
	table.Learn(&v, s, ly, lr, 1, quarter)
	n.each(&v, y, r, lr, func(w *value, x, sign float64) {
		if *w == (value{}) {
			w.variance = 1
		}
		w.weight += sign * quarter.Step(w.variance, x)
		w.variance = quarter.Shrink(w.variance, x)
	})
}

// quarter moves weights of variance 1 by 1, and takes a quarter off it.
var quarter = func() confidence.Update {
	c := confidence.NewConstants(1)
	return c.AROW(4, 3)
}()

// each changes the entries of a vector for y, and for r if it takes part.
func (n *naive) each(v *fv.Vector, y, r string, lr Label, change func(w *value, x, sign float64)) {
	for i := range v.Len() {
		row := n.weights[string(v.Key(i))]
		if row == nil {
			row = map[string]value{}
			n.weights[string(v.Key(i))] = row
		}
		w := row[y]
		change(&w, v.Value(i), 1)
		row[y] = w
		if lr != NoLabel {
			w := row[r]
			change(&w, v.Value(i), -1)
			row[r] = w
		}
	}
}

// variance is that of a label's score.
func (n *naive) variance(v *fv.Vector, table *Linear, l Label) (sum float64) {
	for i := range v.Len() {
		variance := 1.0
		if l != NoLabel {
			if w, ok := n.weights[string(v.Key(i))][table.Name(l)]; ok {
				variance = w.variance
			}
		}
		sum += variance * v.Value(i) * v.Value(i)
	}
	return sum
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

func (n *naive) check(rt *rapid.T, table *Linear) {
	if table.Len() != len(n.weights) {
		rt.Fatalf("%d features, want %d", table.Len(), len(n.weights))
	}
	if table.Labels() != len(n.labels) || len(table.Listing()) != len(n.labels) {
		rt.Fatalf("%d labels, want %d", table.Labels(), len(n.labels))
	}
	cells := 0
	for f, row := range n.weights {
		for l, want := range row {
			cells++
			w, s, ok := table.Value([]byte(f), table.Find([]byte(l)))
			if !ok || !near(w, want.weight) || !near(s, want.variance) {
				rt.Fatalf("%s, %s is %v, %v, %v, want %v", f, l, w, s, ok, want)
			}
		}
	}
	if table.rows.cells != cells {
		rt.Fatalf("%d cells, want %d", table.rows.cells, cells)
	}
	table.rows.check(rt)
}

// check accounts for every word: those of a row, those given back, and the few
// that no row fits into.
func (t *rows) check(rt *rapid.T) {
	inRuns := 0
	for f := range t.all {
		row := t.row(f)
		inRuns += t.options.words(row.places)
		if row.n == 0 || row.n > row.places {
			rt.Fatalf("%d cells in %d places", row.n, row.places)
		}
		for i := range row.n {
			if i > 0 && row.label(i) <= row.label(i-1) || row.dense && row.label(i) != Label(i) {
				rt.Fatalf("cell %d is of label %d", i, row.label(i))
			}
		}
		if s := t.index.Lookup(t.index.Print(t.key(f))); s == nil || Feature(s.Number) != f || runAt(s.At) != t.feature(f).at {
			rt.Fatalf("feature %d is %v in the index", f, s)
		}
	}
	spare := t.held - inRuns - int(t.tailEnd-t.tail)
	for i, runs := range t.freeRuns {
		spare -= len(runs) * t.options.words(runPlaces[i])
	}
	if spare < 0 || spare >= len(t.pages)*t.options.words(1) {
		rt.Fatalf("%d words of %d pages are nobody's", spare, len(t.pages))
	}
}

func TestEqualsNaiveTable(t *testing.T) {
	for _, o := range []Options{{}, {Variance: true}, {Shared: true}, {Shared: true, Variance: true}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				table := NewLinear(o)
				n := &naive{weights: map[string]map[string]value{}, labels: map[string]bool{}}
				for range rapid.IntRange(0, 40).Draw(rt, "steps") {
					step(rt, table, n, o.Variance)
					if rapid.IntRange(0, 9).Draw(rt, "compact") == 0 {
						table.compact()
					}
				}
				n.check(rt, table)

				// What is packed comes back the same, everywhere.
				packed := table.Pack(nil)
				for _, other := range []Options{o, {Shared: !o.Shared, Variance: o.Variance}} {
					again := NewLinear(other)
					unpack(rt, again, packed, false)
					n.check(rt, again)
					if diff := cmp.Diff(names(table), names(again)); diff != "" && len(n.labels) < 11 {
						sameBucketsOnly(rt, names(table), names(again))
					}
				}
			})
		})
	}
}

// sameBucketsOnly: reading a model back may turn over chains, but never moves a
// label to another bucket.
func sameBucketsOnly(rt *rapid.T, a, b []string) {
	for i := range a {
		if labelHash(a[i])%11 != labelHash(b[i])%11 {
			rt.Fatalf("listed as %q and, after loading, as %q", a, b)
		}
	}
}

func unpack(t interface{ Fatalf(string, ...any) }, table *Linear, packed []byte, dropDiff bool) {
	r := mpack.NewReader(packed)
	commit, err := table.Unpack(&r, dropDiff)
	if err != nil {
		t.Fatalf("unpacking: %v", err)
	}
	commit()
}

// Rows of any length keep their cells, also those with a page of their own.
func TestLongRows(t *testing.T) {
	table := NewLinear(Options{Shared: true, Variance: true})
	const labels = 3 * 4096
	var s Scores
	for i := range labels {
		v := vector("f", 1.0)
		table.Score(v, &s)
		y, _ := table.Register(fmt.Append(nil, "l", (i*7919)%labels))
		table.Learn(v, &s, y, NoLabel, float64(i), quarter)
	}
	for i := range labels {
		w, variance, ok := table.Value([]byte("f"), table.Find(fmt.Append(nil, "l", (i*7919)%labels)))
		if !ok || w != float64(i) || variance != 0.75 {
			t.Fatalf("label %d has %v, %v, %v", i, w, variance, ok)
		}
	}
}

// A table whose labels come and go stays as small as what it holds.
func TestMemoryIsReused(t *testing.T) {
	for _, o := range []Options{{Variance: true}, {Shared: true}} {
		table := NewLinear(o)
		var s Scores
		for i := range 200 {
			name := fmt.Append(nil, "label", i)
			for f := range 200 {
				v := vector(fmt.Sprintf("feature %d of label %d", f, i), 1.0, "common", 1.0)
				table.Score(v, &s)
				y, _ := table.Register(name)
				table.Move(v, &s, y, NoLabel, 1)
			}
			if i >= 3 {
				table.Delete(fmt.Append(nil, "label", i-3))
			}
		}
		if want := 3*200 + 1; table.Len() != want {
			t.Errorf("%d features, want %d", table.Len(), want)
		}
		if table.rows.used > 10000 || len(table.rows.pages) > 20 || len(table.changed) > 10000 {
			t.Errorf("%d features numbered, %d pages, %d listed as changed",
				table.rows.used, len(table.rows.pages), len(table.changed))
		}
	}
}

func TestStatus(t *testing.T) {
	status := func(table *Linear) map[string]string {
		m := map[string]string{}
		table.Status(func(k, v string) { m[k] = v })
		return m
	}
	add := func(table *Linear) {
		v := vector("f", 1.0, "g", 1.0)
		var s Scores
		table.Score(v, &s)
		y, _ := table.Register([]byte("y"))
		table.Move(v, &s, y, NoLabel, 1)
	}
	alone, shared := NewLinear(Options{}), NewLinear(Options{Shared: true})
	add(alone)
	add(shared)
	if diff := cmp.Diff(map[string]string{
		"num_features": "2", "num_classes": "1", "storage": "local_storage",
	}, status(alone)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{
		"num_features": "0", "num_features_diff": "2", "num_classes": "1",
		"model_version": "0", "storage": "local_storage_mixture",
	}, status(shared)); diff != "" {
		t.Error(diff)
	}
	exchange(t, shared)
	if diff := cmp.Diff(map[string]string{
		"num_features": "2", "num_features_diff": "0", "num_classes": "1",
		"model_version": "1", "storage": "local_storage_mixture",
	}, status(shared)); diff != "" {
		t.Error(diff)
	}
	shared.Delete([]byte("y"))
	if got := status(shared)["num_features"]; got != "0" {
		t.Errorf("num_features is %s after the only label is gone", got)
	}
}

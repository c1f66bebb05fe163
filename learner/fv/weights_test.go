package fv_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"sync"
	"testing"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/rpc/mpack"
	"pgregory.net/rapid"
)

const bm25Config = `{
	"string_rules": [{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "bm25"}],
	"num_rules": [{"key": "*", "type": "num"}]}`

const idfConfig = `{"string_rules": [{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "idf"}]}`

func unpack(t *testing.T, c *fv.Converter, model []byte, dropUnmixed bool) {
	t.Helper()
	r := mpack.NewReader(model)
	commit, err := c.Weights().Unpack(&r, dropUnmixed)
	if err != nil {
		t.Fatal(err)
	}
	if r.Len() != 0 {
		t.Errorf("%d bytes left over", r.Len())
	}
	commit()
}

func learn(t testing.TB, c *fv.Converter, d ...*datum.Datum) {
	t.Helper()
	var v fv.Vector
	for _, d := range d {
		if err := c.ConvertUpdate(d, &v); err != nil {
			t.Fatal(err)
		}
	}
}

func put(t testing.TB, w *fv.WeightManager, diff []byte) bool {
	t.Helper()
	r := mpack.NewReader(diff)
	ok, err := w.Put(&r)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func fold(t testing.TB, w *fv.WeightManager, diffs ...[]byte) []byte {
	t.Helper()
	f := w.NewFold()
	for _, d := range diffs {
		r := mpack.NewReader(d)
		if err := f.Add(&r); err != nil {
			t.Fatal(err)
		}
	}
	return f.Append(nil)
}

// describe decodes MessagePack into something that can be compared.
func describe(t testing.TB, b []byte) string {
	t.Helper()
	r := mpack.NewReader(b)
	return fmt.Sprint(describeNext(t, &r))
}

func describeNext(t testing.TB, r *mpack.Reader) any {
	t.Helper()
	switch r.Kind() {
	case mpack.Array:
		n, _ := r.ArrayHeader()
		list := make([]any, n)
		for i := range list {
			list[i] = describeNext(t, r)
		}
		return list
	case mpack.Map:
		n, _ := r.MapHeader()
		m := map[string]float64{} // fmt prints maps in the order of their keys
		for range n {
			k, _ := r.String()
			m[k], _ = r.Float64()
		}
		return m
	case mpack.Int:
		x, _ := r.Int64()
		return x
	default:
		t.Fatal("unexpected MessagePack")
		return nil
	}
}

func TestModelLayout(t *testing.T) {
	c := mustNew(t, bm25Config)
	w := c.Weights()
	if got := hex.EncodeToString(w.Pack(nil)); got != "9391009500918091809180809500918091809180"+"80" {
		t.Errorf("empty model: %s", got)
	}
	if !put(t, w, fold(t, w, w.Diff(nil))) {
		t.Fatal("a diff of this version was refused")
	}
	if got := hex.EncodeToString(w.Diff(nil)); got != "929500918091809180809101" {
		t.Errorf("empty diff of version 1: %s", got)
	}

	c = mustNew(t, bm25Config)
	learn(t, c, with(texts("k", "a b a"), "x", 0), texts("k", "c"))
	const diff = "[2 [map[k$a@space#tf/bm25:1 k$b@space#tf/bm25:1 k$c@space#tf/bm25:1 x@num:1]] [map[k@space#tf/bm25:2]] [map[k@space#tf/bm25:4]] map[]]"
	const empty = "[0 [map[]] [map[]] [map[]] map[]]"
	if got, want := describe(t, c.Weights().Pack(nil)), "[[0] "+diff+" "+empty+"]"; got != want {
		t.Errorf("model %s, want %s", got, want)
	}
	if got, want := describe(t, c.Weights().Diff(nil)), "["+diff+" [0]]"; got != want {
		t.Errorf("diff %s, want %s", got, want)
	}
	put(t, c.Weights(), c.Weights().Diff(nil))
	if got, want := describe(t, c.Weights().Pack(nil)), "[[1] "+empty+" "+diff+"]"; got != want {
		t.Errorf("mixed model %s, want %s", got, want)
	}
}

func TestModelRoundTrip(t *testing.T) {
	c := mustNew(t, bm25Config)
	w := c.Weights()
	learn(t, c, texts("k", "a b a"))
	put(t, w, w.Diff(nil))
	w.SetUserWeight("k$a@space", 2)
	learn(t, c, texts("k", "a c", "l", "d"))
	model := w.Pack(nil)

	again := mustNew(t, bm25Config)
	unpack(t, again, model, false)
	if got, want := describe(t, again.Weights().Pack(nil)), describe(t, model); got != want {
		t.Errorf("from a file: %s, want %s", got, want)
	}
	unpack(t, again, model, true)
	if got, want := describe(t, again.Weights().Pack(nil)),
		"[[1] [0 [map[]] [map[]] [map[]] map[]] [1 [map[k$a@space#tf/bm25:1 k$b@space#tf/bm25:1]] [map[k@space#tf/bm25:1]] [map[k@space#tf/bm25:3]] map[]]]"; got != want {
		t.Errorf("from a peer: %s, want %s", got, want)
	}
	w.Clear()
	if got, want := describe(t, w.Pack(nil)), "[[1] [0 [map[]] [map[]] [map[]] map[]] [0 [map[]] [map[]] [map[]] map[]]]"; got != want {
		t.Errorf("cleared: %s, want %s", got, want)
	}
}

// TestWeightsBeforeAndAfterPut follows the weights of one document while the
// counts of another node arrive.
func TestWeightsBeforeAndAfterPut(t *testing.T) {
	c := mustNew(t, `{
		"string_rules": [
			{"key": "/title", "type": "space", "sample_weight": "bin", "global_weight": "bin"},
			{"key": "/title", "type": "space", "sample_weight": "bin", "global_weight": "idf"},
			{"key": "/address", "type": "str", "sample_weight": "bin", "global_weight": "weight"},
			{"key": "/profile", "type": "space", "sample_weight": "tf", "global_weight": "bm25"},
			{"key": "/title", "type": "space", "sample_weight": "bin", "global_weight": "idf1"}],
		"num_types": {"bin": {"method": "dynamic", "path": "libnormalize_num_feature.so", "function": "create", "min": "0", "max": "1"}},
		"num_rules": [{"key": "/age", "type": "bin"}]}`)
	c.Weights().SetUserWeight("/address$tokyo@str", 1.5)
	learn(t, c, &datum.Datum{}, &datum.Datum{})
	d := with(texts("/title", "this", "/address", "tokyo", "/profile", "hello hello hello hello hello world world world world"), "/age", 1)
	update(t, c, d,
		feature{"/title$this@space#bin/bin", 1},
		feature{"/title$this@space#bin/idf", 0.6931471805599453},
		feature{"/address$tokyo@str#bin/weight", 1.5},
		feature{"/profile$world@space#tf/bm25", 0.8644741325270612},
		feature{"/profile$hello@space#tf/bm25", 0.9063035260364352},
		feature{"/title$this@space#bin/idf1", 1.6931471805599454},
		feature{"/age@bin", 1})
}

func TestUpdatesBetweenDiffAndPutStay(t *testing.T) {
	c := mustNew(t, idfConfig)
	w := c.Weights()
	learn(t, c, texts("k", "a"))
	diff := w.Diff(nil)
	learn(t, c, texts("k", "a b"))
	if !put(t, w, fold(t, w, diff)) {
		t.Fatal("refused")
	}
	if got, want := describe(t, w.Pack(nil)),
		"[[1] [1 [map[k$a@space#tf/idf:1 k$b@space#tf/idf:1]] [map[]] [map[]] map[]] [1 [map[k$a@space#tf/idf:1]] [map[]] [map[]] map[]]]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// The next diff has them, and a diff of the old version changes nothing.
	if put(t, w, diff) {
		t.Error("a diff of an old version was put")
	}
	if got, want := describe(t, w.Diff(nil)), "[[1 [map[k$a@space#tf/idf:1 k$b@space#tf/idf:1]] [map[]] [map[]] map[]] [1]]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// A diff that is asked for twice before it is put has everything once.
	learn(t, c, texts("k", "c"))
	diff = w.Diff(nil)
	if got, want := describe(t, diff), "[[2 [map[k$a@space#tf/idf:1 k$b@space#tf/idf:1 k$c@space#tf/idf:1]] [map[]] [map[]] map[]] [1]]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	put(t, w, diff)
	if got, want := describe(t, w.Diff(nil)), "[[0 [map[]] [map[]] [map[]] map[]] [2]]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// table appends a table without groups, in the layout of models.
func table(b []byte, documents uint64, counts map[string]float64, user map[string]float64) []byte {
	floats := func(b []byte, m map[string]float64) []byte {
		b = mpack.AppendMapHeader(b, len(m))
		for k, x := range m {
			b = mpack.AppendFloat64(mpack.AppendRaw(b, k), x)
		}
		return b
	}
	b = mpack.AppendUint(mpack.AppendArrayHeader(b, 5), documents)
	b = floats(mpack.AppendArrayHeader(b, 1), counts)
	b = append(b, 0x91, 0x80, 0x91, 0x80)
	return floats(b, user)
}

func diffOf(version uint64, documents uint64, counts, user map[string]float64) []byte {
	b := table(mpack.AppendArrayHeader(nil, 2), documents, counts, user)
	return mpack.AppendUint(append(b, 0x91), version)
}

func TestFold(t *testing.T) {
	var w fv.WeightManager
	one := diffOf(3, 3, map[string]float64{"a": 1, "b": 2}, map[string]float64{"u": 1, "v": 1})
	two := diffOf(3, 12, map[string]float64{"b": 4, "c": 8}, map[string]float64{"u": 2})
	newer := diffOf(4, 12, map[string]float64{"b": 4, "c": 8}, nil)
	for _, test := range []struct {
		diffs [][]byte
		want  string
	}{
		{[][]byte{one, two}, "[[15 [map[a:1 b:6 c:8]] [map[]] [map[]] map[u:2 v:1]] [3]]"},
		{[][]byte{one, newer}, "[[12 [map[b:4 c:8]] [map[]] [map[]] map[]] [4]]"},
		{[][]byte{newer, one}, "[[12 [map[b:4 c:8]] [map[]] [map[]] map[]] [4]]"},
		{nil, "[[0 [map[]] [map[]] [map[]] map[]] [0]]"},
	} {
		if got := describe(t, fold(t, &w, test.diffs...)); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

func TestLenientLayout(t *testing.T) {
	var w fv.WeightManager
	// Structures may lack their last fields or have more than expected.
	for _, model := range [][]byte{
		{0x90},
		{0x91, 0x91, 0x05},
		{0x93, 0x91, 0x05, 0x91, 0x02, 0x90},
		{0x94, 0x92, 0x05, 0x01, 0x96, 0x02, 0x91, 0x80, 0x90, 0x91, 0x80, 0x80, 0xc0, 0x90, 0xa0},
	} {
		r := mpack.NewReader(model)
		if _, err := w.Unpack(&r, false); err != nil {
			t.Errorf("% x: %v", model, err)
		}
	}
	for _, model := range [][]byte{nil, {0xc0}, {0x93, 0x91, 0xa0}, {0x93, 0x91, 0x05, 0x95, 0x00, 0x91, 0x81, 0xa1}} {
		r := mpack.NewReader(model)
		if _, err := w.Unpack(&r, false); err == nil {
			t.Errorf("% x was accepted", model)
		}
		r = mpack.NewReader(model)
		if _, err := w.Put(&r); err == nil {
			t.Errorf("% x was put", model)
		}
	}
}

func TestStatus(t *testing.T) {
	c := mustNew(t, bm25Config)
	learn(t, c, texts("k", "a b"))
	put(t, c.Weights(), c.Weights().Diff(nil))
	learn(t, c, texts("l", "a"), texts("m", "a"))
	c.Weights().SetUserWeight("x", 1)
	got := map[string]string{}
	c.Weights().Status(func(key, value string) { got[key] = value })
	want := map[string]string{
		"weight_manager_version": "1",
		"diff_document_count":    "2", "diff_num_document_frequencies": "2", "diff_num_group_frequencies": "2",
		"diff_num_group_total_lengths": "2", "diff_num_weights": "1",
		"master_document_count": "1", "master_num_document_frequencies": "2", "master_num_group_frequencies": "1",
		"master_num_group_total_lengths": "1", "master_num_weights": "0",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestFoldCommutes: what nodes learned adds up to the same, whatever the order
// in which it is folded.
func TestFoldCommutes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		words := rapid.StringMatching(`([a-e] ){1,5}`)
		var diffs [][]byte
		for range rapid.IntRange(1, 4).Draw(r, "nodes") {
			c := mustNew(t, bm25Config)
			for range rapid.IntRange(0, 3).Draw(r, "documents") {
				learn(t, c, texts("k", words.Draw(r, "text")))
			}
			diffs = append(diffs, c.Weights().Diff(nil))
		}
		var w fv.WeightManager
		want := describe(t, fold(t, &w, diffs...))
		if got := describe(t, fold(t, &w, rapid.Permutation(diffs).Draw(r, "order")...)); got != want {
			r.Fatalf("%s, want %s", got, want)
		}
	})
}

// TestNothingIsLost trains, and mixes with itself, at the same time: in the end
// every document has been counted once.
func TestNothingIsLost(t *testing.T) {
	c := mustNew(t, idfConfig)
	w := c.Weights()
	const workers, each = 4, 500
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range each {
				learn(t, c, texts("k", "a b"))
			}
		})
	}
	for range 50 {
		put(t, w, fold(t, w, w.Diff(nil)))
	}
	group.Wait()
	put(t, w, fold(t, w, w.Diff(nil)))
	var v fv.Vector
	if err := c.Convert(texts("k", "c"), &v); err != nil {
		t.Fatal(err)
	}
	w.Status(func(key, value string) {
		if key == "master_document_count" && value != fmt.Sprint(workers*each) {
			t.Errorf("%s documents, want %d", value, workers*each)
		}
	})
}

// FuzzUnpack feeds garbage to everything that reads models and diffs.
func FuzzUnpack(f *testing.F) {
	c := mustNew(f, bm25Config)
	learn(f, c, texts("k", "a b a"))
	f.Add(c.Weights().Pack(nil))
	f.Add(c.Weights().Diff(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var w fv.WeightManager
		r := mpack.NewReader(b)
		if commit, err := w.Unpack(&r, false); err == nil {
			commit()
			model := w.Pack(nil)
			r = mpack.NewReader(model)
			if _, err := w.Unpack(&r, false); err != nil {
				t.Errorf("cannot read what was written: %v", err)
			}
		}
		r = mpack.NewReader(b)
		if err := w.NewFold().Add(&r); err != nil && bytes.Equal(b, w.Diff(nil)) {
			t.Error(err)
		}
		r = mpack.NewReader(b)
		w.Put(&r)
	})
}

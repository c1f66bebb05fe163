package fv_test

import (
	"math"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/integration/race"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/rpc/mpack"
	"pgregory.net/rapid"
)

const everything = `{
	"string_filter_types": {"detag": {"method": "regexp", "pattern": "<[^>]*>|x*", "replace": "\\0."}},
	"string_filter_rules": [{"key": "*", "type": "detag", "suffix": "-detagged", "except": "a*"}],
	"num_filter_types": {
		"linear": {"method": "linear_normalization", "min": "0", "max": "100"},
		"sigmoid": {"method": "sigmoid_normalization"}},
	"num_filter_rules": [
		{"key": "*", "type": "linear", "suffix": "+l"},
		{"key": "/.b/", "type": "sigmoid", "suffix": "+s"}],
	"string_types": {
		"bigram": {"method": "ngram", "char_num": "2"},
		"split": {"method": "split", "separators": ",、"},
		"expr": {"method": "regexp", "pattern": "(\\w+)\\b|$", "group": "1"}},
	"string_rules": [
		{"key": "*", "type": "str", "sample_weight": "bin", "global_weight": "bin"},
		{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "idf"},
		{"key": "*", "type": "bigram", "sample_weight": "log_tf", "global_weight": "bm25"},
		{"key": "s*", "type": "split", "sample_weight": "tf", "global_weight": "weight"},
		{"key": "*", "type": "expr", "sample_weight": "tf", "global_weight": "idf1"}],
	"num_rules": [{"key": "*", "type": "num"}, {"key": "*", "type": "log"}, {"key": "*", "type": "str"}],
	"binary_types": {"image": {"method": "dynamic", "path": "libimage_feature.so", "function": "create"}},
	"binary_rules": [{"key": "i*", "type": "image"}],
	"combination_rules": [{"key_left": "*@num", "key_right": "*", "type": "mul"}]`

// FuzzConvert converts what it can make of any bytes, in several ways.
func FuzzConvert(f *testing.F) {
	hashed := mustNew(f, everything+`, "hash_max_size": 100}`)
	plain := mustNew(f, everything+`}`)
	d := with(texts("ab", "hello hello <b>xx</b>", "s", "a,b、c"), "x", 1.5, "yb", math.Inf(1))
	d.AddBinary("i", []byte("GIF89a"))
	f.Add(d.Append(nil))
	f.Add([]byte{0x93, 0x90, 0x90, 0x90})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 2000 {
			return
		}
		var d datum.Datum
		r := mpack.NewReader(b)
		if err := d.Decode(&r); err != nil {
			return
		}
		var v, again fv.Vector
		if err := plain.ConvertUpdate(&d, &v); err != nil {
			if v.Len() != 0 {
				t.Error("features in spite of an error")
			}
			return
		}
		if err := hashed.Convert(&d, &again); err != nil {
			t.Errorf("only one converter fails: %v", err)
		}
		var back datum.Datum
		plain.Revert(&v, &back)
		v.SortMerge()
		for i := 1; i < v.Len(); i++ {
			if string(v.Key(i-1)) >= string(v.Key(i)) {
				t.Fatalf("%q before %q", v.Key(i-1), v.Key(i))
			}
		}
	})
}

// TestSortMerge compares with adding up in a map. One vector is used again and
// again, mostly for the keys that it had.
func TestSortMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var v fv.Vector
		var keys []string
		for range rapid.IntRange(1, 5).Draw(t, "rounds") {
			switch rapid.IntRange(0, 4).Draw(t, "keys") {
			case 0:
				keys = rapid.SliceOfN(rapid.StringMatching(`(prefix-prefix)?[ab\x00]{0,10}`), 0, 60).Draw(t, "keys")
			case 1: // the same bytes, other keys
				if len(keys) > 1 {
					keys = append([]string{keys[0] + keys[1], ""}, keys[2:]...)
				}
			}
			v.Reset()
			sums := map[string]float64{}
			for i, k := range keys {
				v.Append([]byte(k), float64(i))
				sums[k] += float64(i)
			}
			v.SortMerge()
			if v.Len() != len(sums) {
				t.Fatalf("%d keys, want %d", v.Len(), len(sums))
			}
			for i := range v.Len() {
				if i > 0 && string(v.Key(i-1)) >= string(v.Key(i)) {
					t.Fatalf("%q before %q", v.Key(i-1), v.Key(i))
				}
				if v.Value(i) != sums[string(v.Key(i))] {
					t.Fatalf("%q: %v, want %v", v.Key(i), v.Value(i), sums[string(v.Key(i))])
				}
			}
		}
	})
}

func TestSortMergeByValue(t *testing.T) {
	// Equal keys are summed from the least value: only so is this 1.
	var v fv.Vector
	for _, x := range []float64{1e100, 1, -1e100} {
		v.Append([]byte("k"), x)
	}
	v.Append([]byte("j"), 2)
	v.SortMerge()
	if v.Len() != 2 || string(v.Key(1)) != "k" || v.Value(1) != 0 {
		t.Errorf("%d features, sum %v", v.Len(), v.Value(1))
	}
	v.Reset()
	v.Append([]byte("k"), 1)
	v.Append([]byte("k"), -1)
	v.SortMerge()
	if v.Len() != 1 || v.Value(0) != 0 {
		t.Error("a sum of zero must stay")
	}
}

// To convert and sort at once comes to the same as to do one after the other.
func TestSortedConversion(t *testing.T) {
	alone, _, _ := strings.Cut(everything, `,
	"combination_rules"`)
	tfidf := strings.ReplaceAll(alone, "bm25", "idf")
	for _, config := range []string{everything + `}`, alone + `}`, tfidf + `}`, tfidf + `, "hash_max_size": 50}`} {
		rapid.Check(t, func(rt *rapid.T) {
			a, b := mustNew(t, config), mustNew(t, config)
			var v, want fv.Vector
			for range rapid.IntRange(1, 5).Draw(rt, "rounds") {
				var d datum.Datum
				for range rapid.IntRange(0, 3).Draw(rt, "texts") {
					d.AddString(rapid.SampledFrom([]string{"a", "ab", "s"}).Draw(rt, "key"), rapid.StringMatching(`([abx<>]{1,3}[ ,]){0,20}`).Draw(rt, "text"))
				}
				for range rapid.IntRange(0, 3).Draw(rt, "numbers") {
					d.AddNum(rapid.SampledFrom([]string{"x", "yb"}).Draw(rt, "key"), float64(rapid.IntRange(-1, 9).Draw(rt, "x")))
				}
				sorted, plain := a.ConvertSorted, b.Convert
				if rapid.Bool().Draw(rt, "update") {
					sorted, plain = a.ConvertUpdateSorted, b.ConvertUpdate
				}
				err, wantErr := sorted(&d, &v), plain(&d, &want)
				want.SortMerge()
				if (err == nil) != (wantErr == nil) || v.Len() != want.Len() {
					rt.Fatalf("%d features, %v; want %d, %v", v.Len(), err, want.Len(), wantErr)
				}
				for i := range v.Len() {
					x, y := v.Value(i), want.Value(i)
					if string(v.Key(i)) != string(want.Key(i)) || x != y && (x == x || y == y) {
						rt.Fatalf("feature %d is %q: %v, want %q: %v", i, v.Key(i), x, want.Key(i), y)
					}
				}
			}
		})
	}
}

// What was learned about the numbers of one datum does no harm to the next one:
// a converter gives the same as one that has seen nothing before.
func TestPlans(t *testing.T) {
	const rules = `{"string_rules": [{"key": "*", "type": "str", "sample_weight": "bin", "global_weight": "bin"}],
		"num_rules": [{"key": "n*", "type": "num"`
	for _, rest := range []string{`}]}`, `, "except": "*x"}]}`, `}], "hash_max_size": 5}`, `}, {"key": "*", "type": "log"}]}`} {
		rapid.Check(t, func(rt *rapid.T) {
			c := mustNew(t, rules+rest)
			var v, want fv.Vector
			var keys []string
			for range rapid.IntRange(1, 5).Draw(rt, "rounds") {
				if rapid.IntRange(0, 2).Draw(rt, "other keys") == 0 {
					names := rapid.SampledFrom([]string{"n", "na", "nb", "nab", "nax", "nay", "a", "n$"})
					keys = rapid.SliceOfN(names, 0, 4).Draw(rt, "keys")
				}
				var d datum.Datum
				if rapid.Bool().Draw(rt, "text") {
					d.AddString("s", rapid.StringMatching(`[ab]{0,5}`).Draw(rt, "value"))
				}
				for _, k := range keys {
					d.AddNum(k, float64(rapid.IntRange(0, 9).Draw(rt, "x")))
				}
				err, wantErr := c.Convert(&d, &v), mustNew(t, rules+rest).Convert(&d, &want)
				if (err == nil) != (wantErr == nil) || v.Len() != want.Len() {
					rt.Fatalf("%d features, %v; want %d, %v", v.Len(), err, want.Len(), wantErr)
				}
				for i := range v.Len() {
					if string(v.Key(i)) != string(want.Key(i)) || v.Value(i) != want.Value(i) {
						rt.Fatalf("feature %d is %q: %v, want %q: %v", i, v.Key(i), v.Value(i), want.Key(i), want.Value(i))
					}
				}
			}
		})
	}
}

// TestHashedKeys: all keys are numbers below the bound, one for each feature
// of the vector that is not hashed, with its value.
func TestHashedKeys(t *testing.T) {
	const rules = `{"string_rules": [{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "bin"}], "num_rules": [{"key": "*", "type": "num"}]`
	plain, hashed := mustNew(t, rules+`}`), mustNew(t, rules+`, "hash_max_size": 7}`)
	rapid.Check(t, func(r *rapid.T) {
		d := with(texts("k", rapid.String().Draw(r, "text")), "n", rapid.Float64Range(1, 2).Draw(r, "number"))
		var v, h fv.Vector
		if err := plain.Convert(d, &v); err != nil {
			r.Fatal(err)
		}
		if err := hashed.Convert(d, &h); err != nil {
			r.Fatal(err)
		}
		if v.Len() != h.Len() {
			r.Fatalf("%d features, %d hashed", v.Len(), h.Len())
		}
		for i := range h.Len() {
			if k := h.Key(i); len(k) != 1 || k[0] < '0' || k[0] > '6' || h.Value(i) != v.Value(i) {
				r.Fatalf("%q: %v, from %q: %v", k, h.Value(i), v.Key(i), v.Value(i))
			}
		}
	})
}

// TestDuplicatesAddUp: a value given twice has every feature twice.
func TestDuplicatesAddUp(t *testing.T) {
	c := mustNew(t, everything+`}`)
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.StringMatching(`[ab ,]{0,12}`).Draw(r, "text")
		var once, twice fv.Vector
		one := mustNew(t, `{"string_rules": [{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "bin"}]}`)
		if err := one.Convert(texts("a", text), &once); err != nil {
			r.Fatal(err)
		}
		if err := one.Convert(texts("a", text, "a", text), &twice); err != nil {
			r.Fatal(err)
		}
		if twice.Len() != 2*once.Len() {
			r.Fatalf("%d features, then %d", once.Len(), twice.Len())
		}
		once.SortMerge()
		twice.SortMerge()
		for i := range once.Len() {
			if twice.Value(i) != 2*once.Value(i) {
				r.Fatalf("%q: %v, then %v", once.Key(i), once.Value(i), twice.Value(i))
			}
		}
		if err := c.Convert(texts("a", text), &once); err != nil {
			r.Fatal(err)
		}
	})
}

// TestConcurrentUse converts and counts from several goroutines; the race
// detector watches.
func TestConcurrentUse(t *testing.T) {
	c := mustNew(t, everything+`}`)
	done := make(chan error)
	for i := range 4 {
		go func() {
			var v fv.Vector
			var err error
			for j := range 200 {
				d := with(texts("key"+string(rune('a'+j%26)), "some words here"), "n", j)
				if i%2 == 0 {
					err = c.Convert(d, &v)
				} else {
					err = c.ConvertUpdate(d, &v)
				}
				if err != nil {
					break
				}
			}
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestAllocations(t *testing.T) {
	c := mustNew(t, `{
		"string_filter_types": {}, "num_filter_types": {"a": {"method": "add", "value": "1"}},
		"num_filter_rules": [{"key": "p*", "type": "a", "suffix": "+1"}],
		"string_types": {"bigram": {"method": "ngram", "char_num": "2"}},
		"string_rules": [
			{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "bm25"},
			{"key": "*", "type": "bigram", "sample_weight": "log_tf", "global_weight": "idf"}],
		"num_rules": [{"key": "*", "type": "num", "except": "q"}, {"key": "*", "type": "str"}],
		"combination_rules": [{"key_left": "pixel1*", "key_right": "pixel1*", "type": "mul"}],
		"hash_max_size": 1000}`)
	d := sixtyFourNumbers()
	d.AddString("text", "the quick brown fox jumps over the lazy dog and then some more words to fill the line")
	var v fv.Vector
	convert := func() {
		if err := c.ConvertUpdate(&d, &v); err != nil {
			t.Fatal(err)
		}
		v.SortMerge()
	}
	for range 10 {
		convert()
	}
	// Pools lose a part of what they keep under the race detector.
	if n := testing.AllocsPerRun(100, convert); n > 1 && !race.Enabled {
		t.Errorf("%v allocations for a datum of %d features", n, v.Len())
	}
}

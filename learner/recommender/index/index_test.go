package index

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

const lshTables = `{"hash_num":64,"table_num":4,"seed":1091,"probe_num":64,"bin_width":100`

// methods are all methods and what they need, as open objects.
var methods = []struct{ name, parameter string }{
	{"inverted_index", `{"a":0`},
	{"inverted_index_euclid", `{"ignore_orthogonal":false`},
	{"minhash", `{"hash_num":64`},
	{"lsh", `{"hash_num":64`},
	{"euclid_lsh", lshTables},
	{"nearest_neighbor_recommender", `{"method":"euclid_lsh","parameter":{"hash_num":64}`},
}

func parse(t testing.TB, text string) *config.Value {
	t.Helper()
	v, err := config.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func build(t testing.TB, method, parameter string) *Index {
	t.Helper()
	x, err := New(method, parse(t, parameter), ".parameter", goldentest.Env(true))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// each runs a test for every method, with members added to its parameter.
func each(t *testing.T, members string, test func(t *testing.T, x *Index, again func() *Index)) {
	for _, m := range methods {
		t.Run(m.name, func(t *testing.T) {
			parameter := strings.Replace(m.parameter+members+"}", `"a":0,`, "", 1)
			parameter = strings.Replace(parameter, `"a":0`, "", 1)
			again := func() *Index { return build(t, m.name, parameter) }
			test(t, again(), again)
		})
	}
}

func vector(entries ...any) *fv.Vector {
	v := &fv.Vector{}
	for i := 0; i < len(entries); i += 2 {
		v.AppendString(entries[i].(string), entries[i+1].(float64))
	}
	return v
}

func update(t testing.TB, x *Index, id string, v *fv.Vector) {
	t.Helper()
	if err := x.Update([]byte(id), v); err != nil {
		t.Fatal(err)
	}
}

func ids(x *Index, list []Similar) (names []string) {
	for _, m := range list {
		names = append(names, string(x.ID(nil, m.Row)))
	}
	return names
}

// Each row finds itself first, whether it came at once or by and by.
func TestUpdate(t *testing.T) {
	each(t, "", func(t *testing.T, x *Index, _ func() *Index) {
		var s Search
		update(t, x, "a", vector("f", 1.0))
		update(t, x, "b", vector("g", 3.0, "h", 2.0))
		update(t, x, "a", vector("i", 2.0, "k", 1.0))
		whole := vector("f", 1.0, "i", 2.0, "k", 1.0)
		for what, list := range map[string][]Similar{
			"the row": x.SimilarTo([]byte("a"), 1, &s), "the vector": x.Similar(whole, 1, &Search{}),
		} {
			if len(list) != 1 || ids(x, list)[0] != "a" || x.Distance(list[0].Similarity) > 1e-7 {
				t.Errorf("similar to %s: %q, %v", what, ids(x, list), list)
			}
		}
		if got := x.AppendID(nil, x.Similar(whole, 1, &s)[0].Row); string(got) != "\xa1a" {
			t.Errorf("id %x", got)
		}
		var v fv.Vector
		x.Original([]byte("a"), &v)
		if v.Len() != 3 || !x.HasOriginal([]byte("a")) || x.HasOriginal([]byte("z")) {
			t.Errorf("%d features", v.Len())
		}
		row, ok := x.Find([]byte("b"))
		if !ok || string(x.ID(nil, row)) != "b" || x.Len() != 2 {
			t.Errorf("b is %d, %v, of %d", row, ok, x.Len())
		}
		x.Remove([]byte("a"))
		x.Remove([]byte("never"))
		if _, ok := x.Find([]byte("a")); ok || x.Len() != 1 || x.HasOriginal([]byte("a")) {
			t.Error("a is still there")
		}
		if list := x.Similar(whole, 10, &s); len(list) > 0 && ids(x, list)[0] == "a" {
			t.Errorf("similar: %q", ids(x, list))
		}
		x.Clear()
		if list := x.Similar(whole, 10, &s); len(list) != 0 || x.Len() != 0 {
			t.Errorf("after all was cleared: %v", list)
		}
	})
}

// The mean of the rows, a missing feature counting as 0.
func TestComplete(t *testing.T) {
	x := build(t, "inverted_index_euclid", "{}")
	update(t, x, "1", vector("f1", 1.0, "f2", 1.0, "f4", 1.0))
	update(t, x, "2", vector("f4", 1.0, "f3", 3.0, "f1", 1.0))
	var mean fv.Vector
	x.Complete(vector("f1", 1.0, "f4", 1.0), &Search{}, &mean)
	got := ""
	for i := range mean.Len() {
		got += fmt.Sprintf("%s=%v ", mean.Key(i), mean.Value(i))
	}
	if got != "f1=1 f2=0.5 f3=1.5 f4=1 " {
		t.Errorf("completed %q", got)
	}
	x.Clear()
	if x.Complete(vector("f1", 1.0), &Search{}, &mean); mean.Len() != 0 {
		t.Errorf("completed %d features by nothing", mean.Len())
	}
}

// No more than 128 rows are taken.
func TestCompleteLimit(t *testing.T) {
	x := build(t, "inverted_index_euclid", "{}")
	for i := range 200 {
		update(t, x, fmt.Sprint(i), vector("x", float64(i+1)))
	}
	var mean fv.Vector
	if x.Complete(vector("x", 1.0), &Search{}, &mean); mean.Value(0) != 64.5 {
		t.Errorf("the mean is %v", mean.Value(0))
	}
}

func TestUnknownID(t *testing.T) {
	each(t, "", func(t *testing.T, x *Index, _ func() *Index) {
		update(t, x, "a", vector("f", 1.0))
		list := x.SimilarTo([]byte("z"), 5, &Search{})
		_, exact := x.method.(*exact)
		_, signatures := x.method.(*signatures)
		if (exact || signatures) && len(list) != 0 {
			t.Errorf("similar to nobody: %v", list)
		}
	})
}

func TestUnlearner(t *testing.T) {
	each(t, `,"unlearner":"lru","unlearner_parameter":{"max_size":2,"sticky_pattern":"S*"}`, func(t *testing.T, x *Index, again func() *Index) {
		update(t, x, "a", vector("f", 1.0))
		update(t, x, "b", vector("f", 2.0))
		update(t, x, "a", vector("g", 1.0))
		update(t, x, "S1", vector("f", 3.0))
		if _, ok := x.Find([]byte("b")); ok || x.Len() != 2 || x.HasOriginal([]byte("b")) {
			t.Error("b is still there")
		}
		loaded := again()
		r := mpack.NewReader(x.Pack(nil))
		commit, err := loaded.Unpack(&r, engine.FromFile)
		if err != nil {
			t.Fatal(err)
		}
		commit()
		for _, x := range []*Index{x, loaded} {
			update(t, x, "S2", vector("f", 3.0))
			err := x.Update([]byte("c"), vector("f", 4.0))
			if err == nil || !strings.HasSuffix(err.Error(), "reached the maximum size of unlearner: c") {
				t.Errorf("updating a row that there is no room for: %v", err)
			}
			if _, ok := x.Find([]byte("c")); ok || x.Len() != 2 || x.HasOriginal([]byte("c")) {
				t.Error("c is there")
			}
			x.Remove([]byte("S1"))
			update(t, x, "c", vector("f", 4.0))
			status := map[string]string{}
			x.Status(func(k, v string) { status[k] = v })
			if status["num_unlearner_unlearned_ids"] != "1" || status["num_unlearner_sticky_ids"] != "1" {
				t.Errorf("status %v", status)
			}
		}
	})
}

// Other nodes find what one was told, and what it told them is gone when it is
// gone; originals stay where they are. The unlearner bounds what comes.
func TestMix(t *testing.T) {
	mix := func(t *testing.T, nodes ...*Index) {
		t.Helper()
		fold := nodes[0].Mixable().NewFold()
		for _, x := range nodes {
			r := mpack.NewReader(x.Mixable().Diff(nil))
			if err := fold.Add(&r); err != nil {
				t.Fatal(err)
			}
		}
		for _, x := range nodes {
			r := mpack.NewReader(fold.Append(nil))
			if ok, err := x.Mixable().Put(&r); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
	}
	each(t, "", func(t *testing.T, x *Index, again func() *Index) {
		y := again()
		update(t, x, "a", vector("f", 1.0, "g", 2.0))
		update(t, y, "b", vector("f", 2.0, "h", 1.0))
		mix(t, x, y)
		for _, x := range []*Index{x, y} {
			for id, v := range map[string]*fv.Vector{"a": vector("f", 1.0, "g", 2.0), "b": vector("f", 2.0, "h", 1.0)} {
				if list := x.Similar(v, 1, &Search{}); len(list) != 1 || ids(x, list)[0] != id || math.Abs(x.Distance(list[0].Similarity)) > 1e-7 {
					t.Errorf("similar to %s: %v", id, list)
				}
			}
		}
		if x.HasOriginal([]byte("b")) || !y.HasOriginal([]byte("b")) {
			t.Error("originals have moved")
		}
		x.Remove([]byte("a"))
		mix(t, x, y)
		if _, table := x.method.(*table); x.Len() != 1 || y.Len() != 1 && !table {
			t.Errorf("%d and %d rows after one was removed", x.Len(), y.Len())
		}
	})
	each(t, `,"unlearner":"lru","unlearner_parameter":{"max_size":3}`, func(t *testing.T, x *Index, again func() *Index) {
		y := again()
		for i := range 3 {
			update(t, x, fmt.Sprint("x", i), vector("f", float64(i+1)))
			update(t, y, fmt.Sprint("y", i), vector("f", float64(i+1)))
		}
		mix(t, x, y)
		for _, x := range []*Index{x, y} {
			if x.Len() > 3 || x.Len() == 0 {
				t.Errorf("%d rows", x.Len())
			}
			for row := range x.All {
				if !x.unlearner.Knows(x.ID(nil, row)) {
					t.Errorf("nobody will ever forget %s", x.ID(nil, row))
				}
			}
		}
	})
}

func TestConfig(t *testing.T) {
	const missing, notUsed = `"%s" is not found (.parameter)`, `"%s" is not used (.parameter)`
	for _, c := range []struct{ method, parameter, want string }{
		{"nearest_neighbor_recommender:lsh", "{}", "unsupported method (nearest_neighbor_recommender:lsh)"},
		{"inverted_index", `{"hash_num":1}`, fmt.Sprintf(notUsed, "hash_num")},
		{"inverted_index", `{"ignore_orthogonal":true}`, fmt.Sprintf(notUsed, "ignore_orthogonal")},
		{"inverted_index_euclid", `{"ignore_orthogonal":1}`, "Bool is expected, but Integer is given. (.parameter.ignore_orthogonal)"},
		{"minhash", `{}`, fmt.Sprintf(missing, "hash_num")},
		{"minhash", `{"hash_num":0}`, "invalid parameter (expected: 1 <= hash_num)"},
		{"minhash", `{"hash_num":1,"threads":1}`, fmt.Sprintf(notUsed, "threads")},
		{"lsh", `{"hash_num":0}`, "invalid parameter (expected: 1 <= hash_num)"},
		{"lsh", `{"hash_num":1.0}`, "Integer is expected, but Float is given. (.parameter.hash_num)"},
		{"lsh", `{"hash_num":1,"cache_size":-1}`, "invalid parameter (expected: 0 <= cache_size)"},
		{"euclid_lsh", `{"hash_num":1,"table_num":1,"probe_num":1,"bin_width":1}`, fmt.Sprintf(missing, "seed")},
		{"euclid_lsh", `{"hash_num":0,"table_num":1,"probe_num":1,"bin_width":1,"seed":1}`, "invalid parameter (expected: 1 <= hash_num)"},
		{"euclid_lsh", `{"hash_num":1,"table_num":0,"probe_num":1,"bin_width":1,"seed":1}`, "invalid parameter (expected: 1 <= table_num)"},
		{"euclid_lsh", `{"hash_num":1,"table_num":1,"probe_num":-1,"bin_width":1,"seed":1}`, "invalid parameter (expected: 0 <= probe_num)"},
		{"euclid_lsh", `{"hash_num":1,"table_num":1,"probe_num":1,"bin_width":0,"seed":1}`, "invalid parameter (expected: 0.0 < bin_width)"},
		{"euclid_lsh", `{"hash_num":1,"table_num":1,"probe_num":1,"bin_width":0.5,"seed":4294967295}`, "invalid parameter (expected: 0 <= seed)"},
		{"euclid_lsh", `{"hash_num":1,"table_num":1,"probe_num":1,"bin_width":0.5,"seed":1,"cache_size":-1}`, "invalid parameter (expected: 0 <= cache_size)"},
		{"nearest_neighbor_recommender", `{"method":"lsh"}`, fmt.Sprintf(missing, "parameter")},
		{"nearest_neighbor_recommender", `{"method":"x","parameter":{}}`, "unsupported method (x)"},
		{"nearest_neighbor_recommender", `{"method":"lsh","parameter":{}}`, `"hash_num" is not found (.parameter.parameter)`},
		{"nearest_neighbor_recommender", `{"method":"lsh","parameter":{"hash_num":1},"unlearner_parameter":{"max_size":1}}`, ""},
		{"inverted_index", `{"unlearner":"lru"}`, "unlearner is set but unlearner_parameter is not found"},
		{"inverted_index", `{"unlearner_parameter":{"max_size":1}}`, "unlearner_parameter is set but unlearner is not found"},
		{"inverted_index", `{"unlearner":"x","unlearner_parameter":{"max_size":1}}`, "unsupported method (unlearner(x))"},
		{"inverted_index", `{"unlearner":"lru","unlearner_parameter":{"max_size":0}}`, "max_size must be a positive integer"},
		{"inverted_index", `{"unlearner":"random","unlearner_parameter":{"max_size":1,"seed":-1}}`, "unlearner seed must be within unsigned 32 bit integer"},
		{"inverted_index", `null`, ""},
		{"inverted_index_euclid", `null`, ""},
		{"minhash", `null`, "Object is expected, but Null is given. ()"},
	} {
		v := parse(t, c.parameter)
		if v.Kind == config.Null {
			v = nil
		}
		_, err := New(c.method, v, ".parameter", goldentest.Env(false))
		got := ""
		var mistake *config.Error
		if errors.As(err, &mistake) {
			if got = mistake.What; len(mistake.Messages) > 0 {
				got = mistake.Messages[0]
			}
		}
		if got != c.want {
			t.Errorf("%s %s: %q, want %q", c.method, c.parameter, got, c.want)
		}
	}
}

// A model is taken as a whole or not at all.
func TestUnpackIsAllOrNothing(t *testing.T) {
	each(t, `,"unlearner":"random","unlearner_parameter":{"max_size":9,"seed":1}`, func(t *testing.T, x *Index, _ func() *Index) {
		update(t, x, "a", vector("f", 1.0))
		model := x.Pack(nil)
		update(t, x, "b", vector("f", 1.0))
		for n := range model {
			r := mpack.NewReader(model[:n])
			if _, err := x.Unpack(&r, engine.FromFile); err == nil {
				t.Fatalf("the first %d bytes of %d are a model", n, len(model))
			}
		}
		if x.Len() != 2 || !x.HasOriginal([]byte("b")) {
			t.Error("a model that did not decode changed something")
		}
	})
}

func FuzzUnpack(f *testing.F) {
	all := func(t testing.TB) (list []*Index) {
		for _, m := range methods {
			list = append(list, build(t, m.name, strings.Replace(m.parameter, `"a":0`, "", 1)+"}"))
		}
		return list
	}
	for i, x := range all(f) {
		update(f, x, "a", vector("f", 1.0, "g", 2.0))
		f.Add(i, x.Pack(nil))
	}
	f.Fuzz(func(t *testing.T, i int, b []byte) {
		list := all(t)
		x := list[uint(i)%uint(len(list))]
		r := mpack.NewReader(b)
		commit, err := x.Unpack(&r, engine.FromFile)
		if err != nil {
			return
		}
		commit()
		var s Search
		x.Similar(vector("f", 1.0), 3, &s)
		x.SimilarTo([]byte("a"), 3, &s)
		var mean fv.Vector
		x.Complete(vector("f", 1.0), &s, &mean)
		update(t, x, "a", vector("f", 1.0))
		x.Remove([]byte("b"))
		r = mpack.NewReader(x.Pack(nil))
		if _, err := x.Unpack(&r, engine.FromPeer); err != nil {
			t.Error(err)
		}
	})
}

package goldentest

import (
	"errors"
	"math"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const golden = "../testdata/golden"

func TestParseJSON(t *testing.T) {
	got, err := ParseJSON([]byte(`[null, true, 1, 1.0, 1e3, -5, 18446744073709551615, "a", {"$b64": "AP8="}, {"k": [2]}]`))
	want := List{nil, true, int64(1), 1.0, 1000.0, int64(-5), uint64(math.MaxUint64), "a", "\x00\xff", Map{{"k", List{int64(2)}}}}
	if diff := cmp.Diff(Value(want), got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for _, text := range []string{``, `[`, `1 2`, `{"$b64": "!"}`} {
		if v, err := ParseJSON([]byte(text)); err == nil {
			t.Errorf("%s is %v", text, v)
		}
	}
}

func TestAppendDecode(t *testing.T) {
	leaf := rapid.OneOf(
		rapid.Just(Value(nil)),
		rapid.Map(rapid.Bool(), func(v bool) Value { return v }),
		rapid.Map(rapid.Int64(), func(v int64) Value { return v }),
		rapid.Map(rapid.Uint64Min(1<<63), func(v uint64) Value { return v }),
		rapid.Map(rapid.Float64(), func(v float64) Value { return v }),
		rapid.Map(rapid.String(), func(v string) Value { return v }),
	)
	rapid.Check(t, func(rt *rapid.T) {
		v := List(rapid.SliceOfN(leaf, 0, 20).Draw(rt, "list"))
		m := Map{{"list", v}, {int64(3), "x"}}
		if v == nil {
			m = Map{}
		}
		got, err := Decode(Append(nil, m))
		if diff := cmp.Diff(Value(m), got); err != nil || diff != "" {
			rt.Fatal(err, diff)
		}
	})
}

func TestCompare(t *testing.T) {
	parse := func(text string) Value {
		v, err := ParseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		want, got string
		order     Order
		tolerance float64
		same      bool
	}{
		{`1`, `1`, AsIs, 0, true},
		{`1`, `1.0`, AsIs, 1, false},
		{`1.0`, `1`, AsIs, 1, false},
		{`true`, `false`, AsIs, 0, false},
		{`"a"`, `"a"`, AsIs, 0, true},
		{`1.0`, `1.0000000001`, AsIs, 0, false},
		{`1.0`, `1.0000000001`, AsIs, 1e-9, true},
		{`0.0`, `0.0000000001`, AsIs, 1e-9, true},
		{`[1, 2]`, `[2, 1]`, AsIs, 0, false},
		{`[1, 2]`, `[2, 1]`, Set, 0, true},
		{`[1, 2]`, `[1, 1]`, Set, 0, false},
		{`[1, 2]`, `[1, 2, 2]`, Set, 0, false},
		{`[[1, 2]]`, `[[2, 1]]`, Set, 0, true},
		{`[[1, 2], 3]`, `[3, [1, 2]]`, Outer, 0, true},
		{`[[1, 2], 3]`, `[3, [2, 1]]`, Outer, 0, false},
		{`{"a": 1, "b": 2}`, `{"b": 2, "a": 1}`, AsIs, 0, true},
		{`{"a": 1}`, `{"a": 2}`, AsIs, 0, false},
		{`{"a": 1}`, `{"b": 1}`, AsIs, 0, false},
		{`{"a": 1}`, `{"a": 1, "b": 1}`, AsIs, 0, false},
		{`[["a", 2.0], ["b", 1.0], ["c", 1.0], ["d", 0.0]]`, `[["a", 2.0], ["c", 1.0], ["b", 1.0], ["d", 0.0]]`, Scores, 0, true},
		{`[["a", 2.0], ["b", 1.0], ["c", 1.0], ["d", 0.0]]`, `[["b", 2.0], ["a", 1.0], ["c", 1.0], ["d", 0.0]]`, Scores, 0, false},
		{`[["a", 2.0], ["b", 1.0], ["c", 1.0]]`, `[["a", 2.0], ["b", 1.0], ["z", 1.0]]`, Scores, 0, true},
		{`[["a", 2.0], ["b", 1.0]]`, `[["a", 2.0], ["z", 1.0]]`, Scores, 0, false},
		{`[["a", 2.0]]`, `[["a", 2.5]]`, Scores, 0, false},
		{`"abc"`, `"xyz"`, Kinds, 0, true},
		{`"abc"`, `1`, Kinds, 0, false},
		{`[1.0, "a"]`, `[2.0]`, Kinds, 0, true},
		{`[1.0]`, `[2]`, Kinds, 0, false},
		{`{"a": 1}`, `{"b": "c"}`, Kinds, 0, true},
	} {
		if err := Compare(parse(c.want), parse(c.got), c.order, c.tolerance); (err == nil) != c.same {
			t.Errorf("%s and %s, order %q: %v", c.want, c.got, c.order, err)
		}
	}
	for text, v := range map[string]float64{"Infinity": math.Inf(1), "-Infinity": math.Inf(-1), "NaN": math.NaN()} {
		if err := Compare(text, v, AsIs, 0); err != nil {
			t.Error(err)
		}
		if err := Compare(text, 1.0, AsIs, 1e-9); err == nil {
			t.Errorf("1.0 passes for %s", text)
		}
	}
	keyed := func(list ...Value) Value { return Map{{List(list), int64(1)}, {List{"z"}, int64(2)}} }
	turned := Map{{List{"z"}, int64(2)}, {List{"a"}, int64(1)}}
	if err := Compare(keyed("a"), turned, AsIs, 0); err != nil {
		t.Errorf("lists as keys: %v", err)
	}
	if err := Compare(keyed("b"), turned, AsIs, 0); err == nil {
		t.Error("another list is the same key")
	}
}

// Answers other than the recorded ones are noticed.
func TestReplayNoticesDifferences(t *testing.T) {
	calls := []Call{
		{Method: "m", Params: List{"a"}, Result: int64(1)},
		{Method: "m", Params: List{"b"}, Error: "no", HasError: true},
		{Method: "m", Params: List{"c"}, AnyAnswer: true},
	}
	answers := func(a, b Value, bErr, cErr error) Caller {
		return func(_ string, params []byte) ([]byte, error) {
			switch string(params[2:]) {
			case "a":
				return Append(nil, a), nil
			case "b":
				return Append(nil, b), bErr
			default:
				return Append(nil, "whatever"), cErr
			}
		}
	}
	for _, c := range []struct {
		name string
		call Caller
		fail []bool
	}{
		{"as recorded", answers(int64(1), nil, &CallError{"no"}, nil), []bool{false, false, false}},
		{"other result", answers(int64(2), nil, &CallError{"no"}, nil), []bool{true, false, false}},
		{"other error", answers(int64(1), nil, &CallError{"maybe"}, nil), []bool{false, true, false}},
		{"no error", answers(int64(1), nil, nil, nil), []bool{false, true, false}},
		{"broken connection", answers(int64(1), nil, errors.New("EOF"), nil), []bool{false, true, false}},
		{"unexpected error", answers(int64(1), nil, &CallError{"no"}, BadArgument), []bool{false, false, true}},
	} {
		for i := range calls {
			if err := calls[i].check(c.call, 0); (err != nil) != c.fail[i] {
				t.Errorf("%s: call %d: %v", c.name, i, err)
			}
		}
	}
}

// Every recording here can be read, and none is empty.
func TestReadAll(t *testing.T) {
	for _, path := range Glob(t, golden+"/*.json") {
		if matched, _ := filepath.Match("vectors-*.json", filepath.Base(path)); matched {
			continue
		}
		if x := Read(t, path); len(x.Calls) == 0 || x.Engine == "" || len(x.Config) == 0 {
			t.Errorf("%s: %d calls, engine %q", path, len(x.Calls), x.Engine)
		}
	}
	for _, path := range Glob(t, golden+"/models/*.model.json") {
		x := ReadModel(t, path)
		if _, err := Decode(x.Model); err != nil || len(x.Fed)+len(x.AskedAfterLoad) == 0 || x.Engine == "" {
			t.Errorf("%s: %d calls, engine %q, %v", path, len(x.AskedAfterLoad), x.Engine, err)
		}
	}
	for _, path := range Glob(t, golden+"/mix/*.mix.json") {
		x := ReadMix(t, path)
		if len(x.Nodes) != 2 || x.Engine == "" {
			t.Errorf("%s: %d nodes, engine %q", path, len(x.Nodes), x.Engine)
		}
		for _, n := range x.Nodes {
			if n.Diff == nil {
				continue // not every engine has linear MIX
			}
			if _, err := Decode(n.Diff); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

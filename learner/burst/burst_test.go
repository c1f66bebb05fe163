package burst

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/goldentest"
)

type (
	list  = goldentest.List
	value = goldentest.Value
)

// configText is a configuration of these parameters.
func configText(batches int, interval float64, stored, reused int, cut float64) string {
	return fmt.Sprintf(`{"method":"burst","parameter":{"window_batch_size":%d,"batch_interval":%v,
		"result_window_rotate_size":%d,"max_reuse_batch_num":%d,"costcut_threshold":%v}}`, batches, interval, stored, reused, cut)
}

// client calls an engine.
type client struct {
	t    testing.TB
	call goldentest.Caller
}

func alone(t testing.TB, cfg string) (*client, *Burst) {
	e := goldentest.Build(t, New, cfg, goldentest.Env(false))
	return &client{t, goldentest.InProcess(e)}, e.(*Burst)
}

// ask calls a method and returns the result, or the error object in text.
func (c *client) ask(method string, args ...value) value {
	c.t.Helper()
	answer, err := c.call(method, goldentest.Append(nil, list(args)))
	if err != nil {
		return err.Error()
	}
	v, err := goldentest.Decode(answer)
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}

// answers checks a result.
func (c *client) answers(want value, method string, args ...value) {
	c.t.Helper()
	if diff := cmp.Diff(want, c.ask(method, args...)); diff != "" {
		c.t.Errorf("%s%v (-want +got):\n%s", method, args, diff)
	}
}

func doc(pos float64, text string) list { return list{pos, text} }

func kw(name string, scaling, gamma float64) list { return list{name, scaling, gamma} }

// batch is a batch of a result.
func batch(all, relevant int64, weight float64) list { return list{all, relevant, weight} }

var nothing = list{-1.0, list{}}

func TestOneKeyword(t *testing.T) {
	c, _ := alone(t, configText(5, 10, 5, 5, -1))
	c.answers(true, "add_keyword", kw("k", 2, 1))
	c.answers(nothing, "get_result", "k")
	c.answers(int64(1), "add_documents", list{doc(-15, "k")})
	c.answers(list{-40.0, list{batch(0, 0, inf), batch(0, 0, inf), batch(1, 1, inf), batch(0, 0, inf), batch(0, 0, inf)}}, "get_result", "k")
	c.answers(int64(4), "add_documents", list{doc(5, "k"), doc(5, "x"), doc(5, "x"), doc(5, "x")})
	want := list{-40.0, list{batch(0, 0, 0), batch(0, 0, 0), batch(1, 1, 0), batch(0, 0, 0), batch(4, 1, 0)}}
	c.answers(want, "get_result", "k")
	c.answers(want, "get_result_at", "k", 9.9)
	c.answers(nothing, "get_result_at", "k", 10.0)
	c.answers(nothing, "get_result_at", "other", 5.0)
	c.answers(goldentest.Map{}, "get_all_bursted_results")
}

func TestOverlappingWindows(t *testing.T) {
	c, _ := alone(t, configText(5, 10, 5, 5, -1))
	c.ask("add_keyword", kw("k", 2, 1))
	c.answers(int64(2), "add_documents", list{doc(5, "a"), doc(15, "a")})
	if r := c.ask("get_result", "k").(list); r[0] != -20.0 {
		t.Errorf("the first window starts at %v", r[0])
	}
	c.answers(int64(1), "add_documents", list{doc(33, "a")})
	c.answers(list{10.0, list{batch(1, 0, 0), batch(0, 0, 0), batch(1, 0, 0), batch(0, 0, 0), batch(0, 0, 0)}}, "get_result", "k")
	// It counts in both, is too old for the newest, and is no position.
	c.answers(int64(1), "add_documents", list{doc(25, "a"), doc(5, "a"), doc(math.NaN(), "a"), doc(inf, "a"), doc(-inf, "a")})
	c.answers(list{-20.0, list{batch(0, 0, 0), batch(0, 0, 0), batch(1, 0, 0), batch(1, 0, 0), batch(1, 0, 0)}}, "get_result_at", "k", 5.0)
	c.answers(list{10.0, list{batch(1, 0, 0), batch(1, 0, 0), batch(1, 0, 0), batch(0, 0, 0), batch(0, 0, 0)}}, "get_result_at", "k", 25.0)
}

func TestManyKeywords(t *testing.T) {
	c, _ := alone(t, configText(10, 1, 10, 5, -1))
	for _, k := range []string{"scala", "ocaml", "haskell"} {
		c.answers(true, "add_keyword", kw(k, 2, 1))
	}
	var docs list
	for i := range 13 {
		text := "functional"
		if strings.Contains(" 5 7 8 10 11 12 ", fmt.Sprintf(" %d ", i)) {
			text = "lazy haskell!"
		}
		docs = append(docs, doc(float64(i)+0.5, text))
	}
	c.answers(int64(13), "add_documents", docs)
	all := c.ask("get_all_bursted_results").(goldentest.Map)
	if len(all) != 1 || all[0].Key != "haskell" {
		t.Fatalf("in a burst: %v", all)
	}
	r := all[0].Value.(list)
	if r[0] != 5.0 {
		t.Errorf("window %v", r)
	}
	for i, b := range r[1].(list) {
		if w := b.(list)[2]; (i < 5 && w != 0.0) || (i >= 5 && w != inf) {
			t.Errorf("batch %d has weight %v", i, w)
		}
	}
	c.answers(list{kw("haskell", 2, 1), kw("ocaml", 2, 1), kw("scala", 2, 1)}, "get_all_keywords")
	c.answers(true, "remove_keyword", "haskell")
	c.answers(false, "remove_keyword", "haskell")
	c.answers(nothing, "get_result", "haskell")
	c.answers(true, "remove_all_keywords")
	c.answers(list{}, "get_all_keywords")
	c.answers(int64(2), "add_documents", list{doc(math.NaN(), "counts without keywords"), doc(1, "")})
}

func TestKeywordParameters(t *testing.T) {
	c, _ := alone(t, configText(5, 10, 5, 5, -1))
	const scaling, gamma = "invalid parameter (expected: scaling_param must be > 1.)", "invalid parameter (expected: gamma must be > 0.)"
	call := func(s string) string { return (&goldentest.CallError{Object: s}).Error() }
	for _, x := range []struct {
		keyword list
		want    value
	}{
		{kw("k", 1, 0), call(scaling)}, {kw("k", math.NaN(), 1), call(scaling)}, {list{"k"}, call(scaling)},
		{kw("k", 2, 0), call(gamma)}, {kw("k", 2, math.NaN()), call(gamma)}, {list{}, call(scaling)},
		{list{"k", int64(2), int64(1), "surplus"}, true}, {kw("k", 3, 2), false}, {kw("k", 1, 1), call(scaling)},
		{list{int64(3), 2.0, 1.0}, goldentest.BadArgument.Error()}, {kw("", 2, 1), true},
	} {
		c.answers(x.want, "add_keyword", x.keyword)
	}
	c.answers(list{kw("", 2, 1), kw("k", 2, 1)}, "get_all_keywords")
}

// What a call has decoded before it meets a mistake is not counted.
func TestBadDocuments(t *testing.T) {
	c, b := alone(t, configText(5, 10, 5, 5, -1))
	c.ask("add_keyword", kw("k", 2, 1))
	var docs list
	for range 3 * chunk {
		docs = append(docs, doc(1, "k"))
	}
	c.answers(goldentest.BadArgument.Error(), "add_documents", append(docs, list{"no position"}))
	if len(b.keywords[0].input) != 0 {
		t.Error("documents were counted")
	}
	c.answers(int64(3*chunk), "add_documents", docs)
	c.answers(int64(1), "add_documents", list{list{}}) // at 0, without text
}

// Positions that are too far away for batches are rejected and hurt nobody.
func TestFarPositions(t *testing.T) {
	c, _ := alone(t, configText(5, 10, 5, 5, -1))
	c.ask("add_keyword", kw("k", 2, 1))
	c.answers(int64(1), "add_documents", list{doc(1e300, "k"), doc(5, "k"), doc(-1e300, "k"), doc(1e300, "k")})
	// Milliseconds since 1970 are fine.
	c.answers(int64(2), "add_documents", list{doc(1.6e12, "k"), doc(1.6e12+10, "k")})
	if r := c.ask("get_result", "k").(list); r[0] != 1.6e12-20 {
		t.Errorf("the window starts at %v", r[0])
	}
}

// It makes no difference when results are looked at: they are what they would
// be if they were computed after each call.
func TestSettlingLateIsTheSame(t *testing.T) {
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		cfg := configText(rapid.IntRange(1, 6).Draw(t, "batches"), rapid.SampledFrom([]float64{1, 0.1, 3}).Draw(t, "interval"),
			rapid.IntRange(1, 4).Draw(t, "stored"), rapid.IntRange(0, 4).Draw(t, "reused"), rapid.SampledFrom([]float64{-1, 0.2}).Draw(t, "cut"))
		late, lateBurst := alone(outer, cfg)
		early, earlyBurst := alone(outer, cfg)
		both := func(method string, args ...value) {
			late.ask(method, args...)
			early.ask(method, args...)
			earlyBurst.settle()
		}
		pos := 0.0
		for range rapid.IntRange(1, 30).Draw(t, "calls") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0, 1:
				both("add_keyword", kw(rapid.StringMatching("[abc]").Draw(t, "keyword"), 1.3, 0.2))
			case 2:
				if name := rapid.StringMatching("[abc]").Draw(t, "asked"); fmt.Sprint(late.ask("get_result", name)) != fmt.Sprint(early.ask("get_result", name)) {
					t.Fatalf("%s: %v, want %v", name, late.ask("get_result", name), early.ask("get_result", name))
				}
			default:
				var docs list
				for range rapid.IntRange(0, 4).Draw(t, "documents") {
					pos += rapid.Float64Range(-2, 3).Draw(t, "step")
					if rapid.IntRange(0, 20).Draw(t, "jump") == 0 {
						pos += rapid.Float64Range(-10, 10).Draw(t, "far")
					}
					docs = append(docs, doc(pos, rapid.StringMatching("[abcd]{0,2}").Draw(t, "text")))
				}
				both("add_documents", docs)
			}
		}
		if diff := cmp.Diff(earlyBurst.Pack(nil), lateBurst.Pack(nil)); diff != "" {
			t.Fatalf("models differ: %s", diff)
		}
	})
}

package recommender

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func TestGolden(t *testing.T) {
	goldentest.Suite{
		Factory: New, Folder: "../testdata/golden", Engine: "recommender", Owners: true, Joined: true,
		Prepare: goldentest.ByName,
		Tolerance: func(name string) float64 {
			// Bigrams come in the order of a hash table, and are summed up so.
			if name == "recommender-default" {
				return 1e-14
			}
			return 0
		},
	}.Run(t)
}

const words = `{"string_rules":[{"key":"*","type":"str","sample_weight":"bin","global_weight":"bin"}],"num_rules":[{"key":"*","type":"num"}]}`

func build(t testing.TB, method, parameter string) engine.Engine {
	t.Helper()
	return goldentest.Build(t, New, fmt.Sprintf(`{"method":%q,"parameter":%s,"converter":%s}`, method, parameter, words), goldentest.Env(true))
}

// calls are calls and the answers to them, in hexadecimal.
type calls []struct{ method, params, result string }

func (list calls) run(t *testing.T, e engine.Engine) {
	t.Helper()
	call := goldentest.InProcess(e)
	for _, c := range list {
		params, err := hex.DecodeString(strings.ReplaceAll(c.params, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		got, err := call(c.method, params)
		if want := strings.ReplaceAll(c.result, " ", ""); err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s %s: %x, %v, want %s", c.method, c.params, got, err, want)
		}
	}
}

const (
	zero, one, half = "cb0000000000000000", "cb3ff0000000000000", "cb3fe0000000000000"
	empty           = "93 90 90 90"
	ab              = "93 90 92 92a161" + one + "92a162" + one + "90" // a 1, b 1
	cd              = "93 90 92 92a163" + one + "92a164" + one + "90"
	ac              = "93 90 92 92a161" + one + "92a163" + one + "90"
)

func TestWire(t *testing.T) {
	calls{
		{"get_all_rows", "90", "90"},
		{"update_row", "92 a178" + ab, "c3"},
		{"update_row", "92 a179" + cd, "c3"},
		{"similar_row_from_datum", "92" + ab + "0a", "91 92a178" + one},
		{"similar_row_from_id", "92 a179 01", "91 92a179" + one},
		{"similar_row_from_id", "92 a179 00", "90"},
		{"similar_row_from_id", "92 a17a 0a", "90"},
		{"similar_row_from_datum_and_score", "92" + ab + half, "91 92a178" + one},
		{"similar_row_from_datum_and_score", "92" + ab + "02", "90"},
		{"similar_row_from_id_and_score", "92 a178" + one, "91 92a178" + one},
		{"similar_row_from_id_and_rate", "92 a178 ca3f000000", "91 92a178" + one},
		{"similar_row_from_datum_and_rate", "92" + ab + "01", "91 92a178" + one},
		{"decode_row", "91 a178", ab},
		{"decode_row", "91 a17a", empty},
		{"complete_row_from_datum", "91 93 90 91 92a161" + one + "90", ab},
		{"complete_row_from_id", "91 a179", cd},
		{"complete_row_from_id", "91 a17a", empty},
		{"calc_l2norm", "91 93 90 91 92a161" + one + "90", one},
		{"calc_l2norm", "91" + empty, zero},
		{"calc_similarity", "92" + ab + empty, zero},
		{"calc_similarity", "92" + ab + cd, zero},
		{"clear_row", "91 a178", "c3"},
		{"clear_row", "91 a178", "c3"},
		{"get_all_rows", "90", "91 a179"},
		{"clear", "90", "c3"},
		{"get_all_rows", "90", "90"},
	}.run(t, build(t, "inverted_index", "{}"))
	// A distance of zero is similar by minus zero; who is nobody is far from all.
	calls{
		{"update_row", "92 a178" + ab, "c3"},
		{"similar_row_from_id", "92 a178 0a", "91 92a178cb8000000000000000"},
		{"similar_row_from_id", "92 a17a 0a", "91 92a178cbbff6a09e667f3bcd"},
	}.run(t, build(t, "inverted_index_euclid", "{}"))
}

func TestCalcSimilarity(t *testing.T) {
	e := build(t, "inverted_index", "{}")
	a, b := datum.Datum{}, datum.Datum{}
	a.AddNum("c1", 1)
	a.AddNum("c2", 2)
	a.AddNum("c3", 3)
	b.AddNum("c4", 2)
	b.AddNum("c3", 3)
	b.AddNum("c2", 3)
	got, err := goldentest.InProcess(e)("calc_similarity", b.Append(a.Append([]byte{0x92})))
	want := mpack.AppendFloat64(nil, 15/math.Sqrt(14)/math.Sqrt(22))
	if err != nil || string(got) != string(want) {
		t.Errorf("%x, %v, want %x", got, err, want)
	}
}

// The product of rows and rate is rounded to single precision, and then up.
func TestRate(t *testing.T) {
	e := build(t, "inverted_index_euclid", "{}")
	call := goldentest.InProcess(e)
	for i := range 10 {
		var d datum.Datum
		d.AddNum("x", float64(i+1))
		if _, err := call("update_row", d.Append(mpack.AppendRaw([]byte{0x92}, fmt.Sprint(i)))); err != nil {
			t.Fatal(err)
		}
	}
	for rate, want := range map[float32]int{0.1: 1, 0.11: 2, 0.3: 3, 0.55: 6, 0.7: 7, 1: 10, 1e-9: 1} {
		got, err := call("similar_row_from_id_and_rate", mpack.AppendFloat32([]byte{0x92, 0xa1, '3'}, rate))
		if err != nil || len(got) == 0 || int(got[0]&0x0f) != want {
			t.Errorf("rate %v: %x, %v, want %d", rate, got, err, want)
		}
	}
	for _, rate := range []float64{0, -1, 1.1, math.NaN()} {
		for method, first := range map[string][]byte{
			"similar_row_from_id_and_rate": {0x92, 0xa1, 'z'}, "similar_row_from_datum_and_rate": {0x92, 0x93, 0x90, 0x90, 0x90},
		} {
			_, err := call(method, mpack.AppendFloat64(first, rate))
			var answer *goldentest.CallError
			if !errors.As(err, &answer) || answer.Object != "invalid parameter (expected: 0 < rate <= 1)" {
				t.Errorf("%s of %v: %v", method, rate, err)
			}
		}
	}
}

func TestArgumentErrors(t *testing.T) {
	e := build(t, "lsh", `{"hash_num":64}`)
	call := goldentest.InProcess(e)
	for method, list := range map[string][]string{
		"update_row":                       {"90", "91 a178", "92 01 93909090", "92 a178 c0", "92 a178 91"},
		"clear_row":                        {"90", "91 01"},
		"decode_row":                       {"91 c0"},
		"complete_row_from_id":             {"91 90"},
		"complete_row_from_datum":          {"91 a178", "91 93 90 90 c0"},
		"similar_row_from_id":              {"92 a178 ff", "92 a178 " + one, "92 01 01", "92 a178 cf0000000100000000"},
		"similar_row_from_datum":           {"92 90 c0", "92 93909090 ff"},
		"similar_row_from_id_and_score":    {"92 a178 a178"},
		"similar_row_from_datum_and_score": {"92 93909090 c0"},
		"similar_row_from_id_and_rate":     {"92 a178 a178"},
		"calc_similarity":                  {"92 93909090 c0", "91 93909090"},
		"calc_l2norm":                      {"91 c0"},
	} {
		for _, text := range list {
			params, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := call(method, params); err != goldentest.BadArgument {
				t.Errorf("%s %s: %x, %v", method, text, got, err)
			}
		}
	}
	if got, err := call("get_all_rows", []byte{0x90}); err != nil || string(got) != "\x90" {
		t.Errorf("bad calls left rows %x, %v", got, err)
	}
}

func TestStatus(t *testing.T) {
	e := build(t, "inverted_index", `{"unlearner":"random","unlearner_parameter":{"max_size":1,"seed":1}}`)
	status := func() (found map[string]string) {
		found = map[string]string{}
		e.Status(func(k, v string) { found[k] = v })
		return found
	}
	calls{
		{"update_row", "92 a178" + ab, "c3"},
		{"update_row", "92 a179" + ac, "c3"},
		{"clear_row", "91 a17a", "c3"},
		{"get_all_rows", "90", "91 a179"},
	}.run(t, e)
	if s := status(); s["update_row_cnt"] != "2" || s["clear_row_cnt"] != "1" || s["num_unlearner_ids"] != "1" {
		t.Errorf("status %v", s)
	}
	calls{{"clear", "90", "c3"}}.run(t, e)
	if s := status(); s["update_row_cnt"] != "0" || s["clear_row_cnt"] != "0" || s["num_unlearner_ids"] != "0" {
		t.Errorf("status after clear %v", s)
	}
}

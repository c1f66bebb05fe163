package fv_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

// feature is an expected feature.
type feature struct {
	key   string
	value float64
}

// texts makes a datum of text values: key, value, key, value, ...
func texts(pairs ...string) *datum.Datum {
	var d datum.Datum
	for i := 0; i < len(pairs); i += 2 {
		d.AddString(pairs[i], pairs[i+1])
	}
	return &d
}

// with adds numbers to a datum: key, value, key, value, ...
func with(d *datum.Datum, pairs ...any) *datum.Datum {
	for i := 0; i < len(pairs); i += 2 {
		switch x := pairs[i+1].(type) {
		case int:
			d.AddNum(pairs[i].(string), float64(x))
		case float64:
			d.AddNum(pairs[i].(string), x)
		}
	}
	return d
}

func numbers(pairs ...any) *datum.Datum { return with(&datum.Datum{}, pairs...) }

func check(t *testing.T, where string, v *fv.Vector, want []feature) {
	t.Helper()
	ok := v.Len() == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = string(v.Key(i)) == want[i].key && near(v.Value(i), want[i].value)
	}
	if ok {
		return
	}
	var got strings.Builder
	for i := range v.Len() {
		fmt.Fprintf(&got, "  %s: %.17g\n", v.Key(i), v.Value(i))
	}
	t.Errorf("%s: got\n%swant %v", where, got.String(), want)
}

func convert(t *testing.T, c *fv.Converter, d *datum.Datum, want ...feature) {
	t.Helper()
	var v fv.Vector
	if err := c.Convert(d, &v); err != nil {
		t.Error(err)
	}
	check(t, "convert", &v, want)
}

func update(t *testing.T, c *fv.Converter, d *datum.Datum, want ...feature) {
	t.Helper()
	var v fv.Vector
	if err := c.ConvertUpdate(d, &v); err != nil {
		t.Error(err)
	}
	check(t, "update", &v, want)
}

func TestFiltersAndRules(t *testing.T) {
	c := mustNew(t, `{
		"string_filter_types": {"detag": {"method": "regexp", "pattern": "<[^>]*>", "replace": ""}},
		"string_filter_rules": [{"key": "user/text", "type": "detag", "suffix": "-detagged"}],
		"num_filter_types": {"add_1": {"method": "add", "value": "1"}},
		"num_filter_rules": [{"key": "user/age", "type": "add_1", "suffix": "+1"}],
		"string_rules": [
			{"key": "user/name", "type": "str", "sample_weight": "bin", "global_weight": "bin"},
			{"key": "user/text-detagged", "type": "str", "sample_weight": "bin", "global_weight": "bin"}],
		"num_rules": [
			{"key": "user/id", "type": "str"},
			{"key": "user/age", "type": "num"},
			{"key": "user/age", "type": "log"},
			{"key": "user/age+1", "type": "num"}]}`)
	convert(t, c, with(texts("user/name", "Taro Yamada", "user/text", "hoge fuga <foo>"), "user/id", 1000, "user/age", 20),
		feature{"user/name$Taro Yamada@str#bin/bin", 1},
		feature{"user/text-detagged$hoge fuga @str#bin/bin", 1},
		feature{"user/id@str$1000", 1},
		feature{"user/age@num", 20},
		feature{"user/age@log", 2.9957322735539909},
		feature{"user/age+1@num", 21})
}

func TestFilterOrder(t *testing.T) {
	c := mustNew(t, `{
		"num_filter_types": {"a": {"method": "add", "value": "5"}, "b": {"method": "add", "value": "2"}},
		"num_filter_rules": [{"key": "*", "type": "a", "suffix": "+5"}, {"key": "*", "type": "b", "suffix": "+2"}],
		"num_rules": [{"key": "*", "type": "num"}]}`)
	convert(t, c, numbers("a", 20, "b", 0),
		feature{"a@num", 20},
		feature{"a+5@num", 25}, feature{"b+5@num", 5},
		feature{"a+2@num", 22}, feature{"b+2@num", 2}, feature{"a+5+2@num", 27}, feature{"b+5+2@num", 7})

	same := mustNew(t, `{
		"num_filter_types": {"a": {"method": "add", "value": "5"}},
		"num_filter_rules": [{"key": "age", "type": "a", "suffix": ""}],
		"num_rules": [{"key": "*", "type": "num"}]}`)
	convert(t, same, numbers("age", 1), feature{"age@num", 1}, feature{"age@num", 6})
}

func TestTermWeights(t *testing.T) {
	c := mustNew(t, `{"string_rules": [
		{"key": "*", "type": "space", "sample_weight": "bin", "global_weight": "bin"},
		{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "idf"},
		{"key": "*", "type": "space", "sample_weight": "log_tf", "global_weight": "idf"},
		{"key": "*", "type": "str", "sample_weight": "bin", "global_weight": "bin"}]}`)
	update(t, c, texts("/name", "doc0", "/title", " this is "),
		feature{"/name$doc0@space#bin/bin", 1},
		feature{"/title$is@space#bin/bin", 1}, feature{"/title$this@space#bin/bin", 1},
		feature{"/name$doc0@str#bin/bin", 1}, feature{"/title$ this is @str#bin/bin", 1})
	update(t, c, texts("/name", "doc1", "/title", " this is it . it is it ."),
		feature{"/name$doc1@space#bin/bin", 1},
		feature{"/title$it@space#bin/bin", 1}, feature{"/title$.@space#bin/bin", 1},
		feature{"/title$is@space#bin/bin", 1}, feature{"/title$this@space#bin/bin", 1},
		feature{"/name$doc1@space#tf/idf", 0.40546510810816438},
		feature{"/title$it@space#tf/idf", 1.2163953243244932}, feature{"/title$.@space#tf/idf", 0.81093021621632877},
		feature{"/name$doc1@space#log_tf/idf", 0.28104699650060755},
		feature{"/title$it@space#log_tf/idf", 0.5620939930012151}, feature{"/title$.@space#log_tf/idf", 0.44544895039377302},
		feature{"/name$doc1@str#bin/bin", 1}, feature{"/title$ this is it . it is it .@str#bin/bin", 1})
}

func TestBM25(t *testing.T) {
	c := mustNew(t, `{"string_rules": [{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "bm25"}]}`)
	key := func(token string) string { return "j$" + token + "@space#tf/bm25" }
	convert(t, c, texts("j", "a b a"))
	update(t, c, texts("j", "a b a"), feature{key("b"), -1.0986122886681098}, feature{key("a"), -1.5105918969186509})
	update(t, c, texts("j", "a c"), feature{key("a"), -1.7528531719579312})
	update(t, c, texts("j", "c d e"),
		feature{key("e"), 0.48597464747467228}, feature{key("d"), 0.48597464747467228}, feature{key("c"), -0.48597464747467228})
	convert(t, c, texts("j", "a c b d z"),
		feature{key("b"), 0.37617284427955811}, feature{key("a"), -0.37617284427955811}, feature{key("d"), 0.37617284427955811},
		feature{key("z"), 1.4329714905177204}, feature{key("c"), -0.37617284427955811})
	convert(t, c, texts("q", "a"))
}

func TestDuplicatePairs(t *testing.T) {
	c := mustNew(t, `{"string_rules": [{"key": "*", "type": "str", "sample_weight": "bin", "global_weight": "idf1"}]}`)
	update(t, c, texts("k", "a", "k", "a"),
		feature{"k$a@str#bin/idf1", 0.59453489189183562}, feature{"k$a@str#bin/idf1", 0.59453489189183562})
	update(t, c, texts("k", "a", "k", "b"),
		feature{"k$a@str#bin/idf1", 0.7123179275482191}, feature{"k$b@str#bin/idf1", 1.4054651081081644})
	convert(t, c, texts("k", "c"), feature{"k$c@str#bin/idf1", 2.09861228866811})

	bm25 := mustNew(t, `{"string_rules": [{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "bm25"}]}`)
	nan := feature{"k$a@space#tf/bm25", math.NaN()}
	update(t, bm25, texts("k", "a", "k", "a", "k", "a"), nan, nan, nan)
}

func TestWeightService(t *testing.T) {
	c := mustNew(t, `{
		"string_rules": [{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "idf"}],
		"num_rules": [{"key": "*", "type": "num"}]}`)
	call := func(convert func(*datum.Datum, *fv.Vector) error, d *datum.Datum, want ...feature) {
		t.Helper()
		var v fv.Vector
		if err := convert(d, &v); err != nil {
			t.Error(err)
		}
		v.SortMerge()
		check(t, "sorted", &v, want)
	}
	call(c.ConvertUpdate, with(texts("k", "a b a"), "x", 1, "x", 2.5, "z", 0), feature{"x@num", 3.5})
	call(c.ConvertUpdate, with(texts("k", "a c"), "x", -3), feature{"k$c@space#tf/idf", 0.4054651081081644}, feature{"x@num", -3})
	call(c.Convert, with(texts("k", "a c d"), "x", 1), feature{"k$c@space#tf/idf", 0.4054651081081644},
		feature{"k$d@space#tf/idf", 1.0986122886681098}, feature{"x@num", 1})
}

func TestHashing(t *testing.T) {
	c := mustNew(t, `{
		"string_types": {"bigram": {"method": "ngram", "char_num": "2"}},
		"string_rules": [{"key": "*", "type": "bigram", "sample_weight": "tf", "global_weight": "bin"}],
		"num_rules": [{"key": "*", "type": "num"}],
		"combination_rules": [{"key_left": "a*", "key_right": "a*", "type": "add"}],
		"hash_max_size": 1024}`)
	convert(t, c, with(texts("text", "東京"), "東京", 1, "age", 5, "a1", 1, "a2", 2),
		feature{"55", 1}, feature{"619", 1}, feature{"350", 5}, feature{"363", 1}, feature{"840", 2},
		feature{"202", 6}, feature{"757", 7}, feature{"186", 3})
	one := mustNew(t, `{"num_rules": [{"key": "*", "type": "num"}], "hash_max_size": 1}`)
	convert(t, one, numbers("a", 1, "b", 2), feature{"0", 1}, feature{"0", 2})
}

func TestCombinations(t *testing.T) {
	num := func(rules string) *fv.Converter {
		return mustNew(t, `{"num_rules": [{"key": "*", "type": "num"}], "combination_rules": [`+rules+`]}`)
	}
	convert(t, num(`{"key_left": "*", "key_right": "*", "type": "add"}, {"key_left": "*", "key_right": "*", "type": "mul"}`),
		numbers("val1", 1.0, "val2", 1.1),
		feature{"val1@num", 1}, feature{"val2@num", 1.1},
		feature{"val1@num&val2@num/add", 2.1}, feature{"val1@num&val2@num/mul", 1.1})
	convert(t, num(`{"key_left": "*@num", "key_right": "*@num", "type": "add", "except_left": "b*", "except_right": "b*"}`),
		numbers("a1", 1, "a2", 2, "b", 300),
		feature{"a1@num", 1}, feature{"a2@num", 2}, feature{"b@num", 300}, feature{"a1@num&a2@num/add", 3})
	convert(t, num(`{"key_left": "a1*", "key_right": "b*", "type": "mul"}`),
		numbers("b", 300, "a1", 1, "a1", 0, "a1", 5),
		feature{"b@num", 300}, feature{"a1@num", 1}, feature{"a1@num", 5},
		feature{"b@num&a1@num/mul", 300}, feature{"b@num&a1@num/mul", 1500})
	// Results of 0 stay, and a single feature has nothing to combine with.
	convert(t, num(`{"key_left": "*", "key_right": "*", "type": "add"}`), numbers("a", 1, "b", -1),
		feature{"a@num", 1}, feature{"b@num", -1}, feature{"a@num&b@num/add", 0})
	convert(t, num(`{"key_left": "*", "key_right": "*", "type": "add"}`), numbers("a", 1, "b", 0), feature{"a@num", 1})

	text := mustNew(t, `{
		"string_rules": [{"key": "*", "type": "space", "sample_weight": "bin", "global_weight": "bin"}],
		"combination_rules": [
			{"key_left": "name*", "key_right": "title*", "type": "add"},
			{"key_left": "title*", "key_right": "title*", "type": "mul"}]}`)
	xyz, abc, bar, foo := "name$xyz@space#bin/bin", "name$abc@space#bin/bin", "title$bar@space#bin/bin", "title$foo@space#bin/bin"
	convert(t, text, texts("name", "abc xyz", "title", "foo bar"),
		feature{xyz, 1}, feature{abc, 1}, feature{bar, 1}, feature{foo, 1},
		feature{xyz + "&" + bar + "/add", 2}, feature{xyz + "&" + foo + "/add", 2},
		feature{abc + "&" + bar + "/add", 2}, feature{abc + "&" + foo + "/add", 2},
		feature{bar + "&" + foo + "/mul", 1})
}

// divide is a combination that is not commutative.
type divide struct{}

func (divide) Commutative() bool { return false }
func (divide) Combine(key []byte, left, right float64, out plugin.FeatureSink) error {
	out.Append(key, left/right)
	return nil
}

// idfNumber makes keys that look like those of a weighted rule.
type idfNumber struct{}

func (idfNumber) Extract(key []byte, x float64, out plugin.FeatureSink) error {
	out.Append(append([]byte(nil), key...), x)
	out.Append([]byte("made$up@by#tf/idf1"), x)
	return nil
}

func TestOwnPlugins(t *testing.T) {
	v, err := config.Parse([]byte(`{
		"num_types": {"twice": {"method": "dynamic", "path": "/usr/lib/libmine.so", "function": "create"}},
		"num_rules": [{"key": "*", "type": "num"}, {"key": "val2", "type": "twice"}],
		"combination_types": {"div": {"method": "dynamic", "path": "libmine.so", "function": "div"}},
		"combination_rules": [{"key_left": "*@num", "key_right": "*@num", "type": "div"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	c, err := fv.New(v, ".converter", fv.WithPlugins(plugin.Registry{"libmine.so": {
		NumFeatures: map[string]func(plugin.Params) (plugin.NumFeature, error){
			"create": func(plugin.Params) (plugin.NumFeature, error) { return idfNumber{}, nil },
		},
		Combinations: map[string]func(plugin.Params) (plugin.Combination, error){
			"div": func(plugin.Params) (plugin.Combination, error) { return divide{}, nil },
		},
	}}))
	if err != nil {
		t.Fatal(err)
	}
	convert(t, c, numbers("val1", 2, "val2", 0.5),
		feature{"val1@num", 2}, feature{"val2@num", 0.5}, feature{"val2@twice", 0.5}, feature{"made$up@by#tf/idf1", 0.5},
		feature{"val1@num&val2@num/div", 4}, feature{"val2@num&val1@num/div", 0.25})
}

func TestNumbers(t *testing.T) {
	c := mustNew(t, `{"num_rules": [{"key": "*", "type": "num"}, {"key": "*", "type": "log"}, {"key": "*", "type": "str"}]}`)
	convert(t, c, numbers("a", 0, "b", math.Copysign(0, -1), "c", 0.5, "d", math.Inf(1)),
		feature{"a@str$0", 1}, feature{"b@str$-0", 1},
		feature{"c@num", 0.5}, feature{"c@str$0.5", 1},
		feature{"d@num", math.Inf(1)}, feature{"d@log", math.Inf(1)}, feature{"d@str$inf", 1})
	convert(t, c, numbers("n", math.NaN()), feature{"n@num", math.NaN()}, feature{"n@str$nan", 1})
	for text, x := range map[string]float64{
		"25": 25, "0.1": 0.1, "100000": 100000, "123456": 123456, "1e+06": 1000000, "1.23457e+06": 1234567,
		"1.23457e+10": 12345678901, "1e+20": 1e20, "0.0001": 0.0001, "1e-05": 0.00001, "3.14159": 3.14159265,
		"-inf": math.Inf(-1), "-999999": -999999, "-1e+06": -1e6, "999999": 999999, "-0.5": -0.5,
	} {
		if got := string(fv.AppendNumber(nil, x)); got != text {
			t.Errorf("%v is %s, want %s", x, got, text)
		}
	}
	if got := string(fv.AppendNumber(nil, 999999.5)); got != "1e+06" {
		t.Errorf("999999.5 is %s", got)
	}
}

func TestDollar(t *testing.T) {
	c := mustNew(t, `{
		"string_rules": [{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "idf"}],
		"num_rules": [{"key": "n*", "type": "num"}]}`)
	var v fv.Vector
	for _, d := range []*datum.Datum{texts("a$b", "x"), with(texts("k", "x"), "n$", 0)} {
		err := c.ConvertUpdate(d, &v)
		if err == nil || !strings.HasPrefix(err.Error(), "feature key cannot contain '$': ") || v.Len() != 0 {
			t.Errorf("%v, %d features", err, v.Len())
		}
	}
	// Without a feature there is no error, and errors have counted nothing.
	convert(t, c, with(texts("a$b", " "), "x$", 1))
	c.Weights().Status(func(key, value string) {
		if value != "0" {
			t.Errorf("%s = %s", key, value)
		}
	})
}

func TestReplacedType(t *testing.T) {
	c := mustNew(t, `{
		"string_types": {"str": {"method": "ngram", "char_num": "2"}},
		"string_rules": [{"key": "*", "type": "str", "sample_weight": "bin", "global_weight": "bin"}]}`)
	convert(t, c, texts("k", "abc"), feature{"k$bc@str#bin/bin", 1}, feature{"k$ab@str#bin/bin", 1})
}

func TestExcept(t *testing.T) {
	c := mustNew(t, `{"num_rules": [{"key": "*", "type": "num", "except": "b*"}, {"key": "*", "type": "log", "except": ""}]}`)
	for range 3 { // the second time from memory
		convert(t, c, numbers("a", 5, "b", 6), feature{"a@num", 5})
	}
}

func TestBinary(t *testing.T) {
	c := mustNew(t, `{
		"binary_types": {"extract_length": {"method": "dynamic", "path": "libpython_bridge.so", "function": "binary_feature",
			"module": "binary_length", "class": "BinaryLengthExtractor"}},
		"binary_rules": [{"key": "*", "type": "extract_length", "except": "b"}]}`)
	var d datum.Datum
	d.AddBinary("data", make([]byte, 10))
	d.AddBinary("b", make([]byte, 2))
	d.AddBinary("empty", nil)
	convert(t, c, &d, feature{"length_data@extract_length", 10}, feature{"length_b@extract_length", 2})
}

func TestEmptyConverter(t *testing.T) {
	c := mustNew(t, `{}`)
	convert(t, c, with(texts("a", "b"), "c", 1))
	nulls := mustNew(t, `{"string_types": null, "string_rules": null, "hash_max_size": null}`)
	convert(t, nulls, texts("a", "b"))
}

func TestUserWeight(t *testing.T) {
	c := mustNew(t, `{"string_rules": [{"key": "*", "type": "str", "sample_weight": "bin", "global_weight": "weight"}]}`)
	convert(t, c, texts("/address", "tokyo"))
	c.Weights().SetUserWeight("/address$tokyo@str", 1.5)
	convert(t, c, texts("/address", "tokyo", "/address", "osaka"), feature{"/address$tokyo@str#bin/weight", 1.5})
}

func TestStandardPlugins(t *testing.T) {
	c := mustNew(t, `{
		"string_types": {
			"mecab": {"method": "dynamic", "path": "/opt/jubatus/lib/jubatus/plugin/libmecab_splitter.so", "function": "create",
				"arg": "", "ngram": "1", "base": "false", "include_features": "*", "exclude_features": "助詞,*"},
			"stem": {"method": "dynamic", "path": "libpython_bridge.so", "function": "string_feature",
				"module": "sentence_stemmer", "class": "SentenceStemmer"}},
		"string_rules": [
			{"key": "ja", "type": "mecab", "sample_weight": "tf", "global_weight": "bin"},
			{"key": "en", "type": "stem", "sample_weight": "tf", "global_weight": "bin"}],
		"num_filter_types": {"half": {"method": "dynamic", "path": "libnormalize_num_filter.so", "function": "create", "min": "0", "max": "2"}},
		"num_filter_rules": [{"key": "x", "type": "half", "suffix": "/2"}],
		"num_rules": [{"key": "*", "type": "num"}],
		"binary_types": {"image": {"method": "dynamic", "path": "libimage_feature.so", "function": "create"}},
		"binary_rules": [{"key": "*", "type": "image"}]}`)
	var picture bytes.Buffer
	pixel := image.NewNRGBA(image.Rect(0, 0, 1, 1))
	pixel.Set(0, 0, color.NRGBA{R: 255, A: 255})
	if err := png.Encode(&picture, pixel); err != nil {
		t.Fatal(err)
	}
	d := with(texts("ja", "噂の噂", "en", "foxes fox"), "x", 3)
	d.AddBinary("face", picture.Bytes())
	convert(t, c, d,
		feature{"ja$噂@mecab#tf/bin", 2}, feature{"en$fox@stem#tf/bin", 2},
		feature{"x@num", 3}, feature{"x/2@num", 1.5}, feature{"face@image#RGB/0-0-2", 1})
	d.AddBinary("broken", []byte("?"))
	var v fv.Vector
	if err := c.Convert(d, &v); err == nil || v.Len() != 0 {
		t.Errorf("a broken image: %v", err)
	}
}

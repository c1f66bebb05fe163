package fv

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

func mustCompile(t testing.TB, text string) *Converter {
	t.Helper()
	v, err := config.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(v, ".converter")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type tokenList []string

func (l *tokenList) Add(token []byte, _ float64) { *l = append(*l, string(token)) }

func TestSplitters(t *testing.T) {
	ngram := func(n string) plugin.Params { return plugin.Params{"method": "ngram", "char_num": n} }
	expr := func(pattern, group string) plugin.Params {
		return plugin.Params{"method": "regexp", "pattern": pattern, "group": group}
	}
	split := func(s string) plugin.Params { return plugin.Params{"method": "split", "separators": s} }
	tests := []struct {
		params plugin.Params
		text   string
		want   string // joined by "|"
		err    string
	}{
		{ngram("3"), "aあbい", "aあb|あbい", ""},
		{ngram("1"), "aa a", "a|a| |a", ""},
		{ngram("2"), "aaaa", "aa|aa|aa", ""},
		{ngram("2"), "a", "", ""},
		{ngram("1"), "", "", ""},
		{ngram("1"), "\x80\x80a\xff\xfe\x81", "\x80\x80|a|\xff|\xfe\x81", ""},
		{ngram(" 2abc"), "abc", "ab|bc", ""},

		{expr(`([0-9]+)`, "1"), "aaa012bbb12ccc", "012|12", ""},
		{expr(`/([^/]+)/`, "1"), "/hoge/fuga/foo/hogee", "hoge|fuga|foo", ""},
		{expr(`().`, "1"), "abc", "||", ""},
		{expr(`[a-z]+([0-9])`, "1"), "abc1 d2", "1|1|1|2", ""},
		{expr(`x*`, "0"), "axxb", "|xx|", ""},
		{expr(`[0-9]{4}/[0-9]{2}/[0-9]{2}`, "0"), "2018/01/02 2019/12/31", "2018/01/02|2019/12/31", ""},
		{expr(`(age|Age)([ :=])([0-9]+)`, "3"), "age=12 Age:30", "12|30", ""},
		{expr(`^a|b$`, "0"), "aa b\nb", "a|b", ""},
		{expr(`[^あ]`, "0"), "あxい", "x|い", ""},
		{expr(`(a)|b`, "1"), "ab", "a", ""},

		{split(","), ",,aaa", "aaa", ""},
		{split("abc"), "zzzabxxccyyy", "zzz|xx|yyy", ""},
		{split("、。"), "日本語文章です。こんにちは、世界。", "日本語文章です|こんにちは|世界", ""},
		{split(""), "a b", "a b", ""},
		{split(""), "", "", ""},
		{split(","), "a,b\x00,c", "a|b", ""},
		{split(","), "a\xed\xa0\x80,b", "a\xed\xa0\x80|b", ""},
		{split(","), "a\xc1", "", "Invalid UTF-8"},
		{split(","), "a\xc3a", "", "Invalid UTF-8"},
		{split(","), "\xe0\x80\x80", "", "Invalid UTF-8"},
		{split(","), "\xf8\x80\x80\x80", "", "Invalid UTF-8"},
		{split(","), "\xf4\x90\x80\x80", "", "Invalid UTF-8"},
		{split(","), "a\xe3\x81", "", "Too short string"},
	}
	factories := map[string]func(plugin.Params) (plugin.StringFeature, error){
		"ngram": newNgram, "regexp": newRegexpSplitter, "split": newSplit,
	}
	for _, test := range tests {
		f, err := factories[test.params["method"]](test.params)
		if err != nil {
			t.Errorf("%v: %v", test.params, err)
			continue
		}
		var got tokenList
		err = f.Extract([]byte(test.text), &got)
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%v on %q: %v, want %s", test.params, test.text, err, test.err)
			}
			continue
		}
		want := strings.Split(test.want, "|")
		if test.want == "" {
			want = nil
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v on %q: %q, %v, want %q", test.params, test.text, got, err, want)
		}
	}
}

func TestWords(t *testing.T) {
	c := mustCompile(t, `{"string_rules": [{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "bin"}]}`)
	for text, want := range map[string]string{
		"": "", " \t\f\n\r\v ": "", "a": "k$a@space#tf/bin", "\ta\vb\u3000c ": "k$a@space#tf/bin k$b\u3000c@space#tf/bin",
		"a\u00a0b": "k$a\u00a0b@space#tf/bin",
	} {
		var v Vector
		d := datumOf("k", text)
		if err := c.Convert(&d, &v); err != nil {
			t.Fatal(err)
		}
		var keys []string
		for i := range v.Len() {
			keys = append(keys, string(v.Key(i)))
		}
		if got := strings.Join(keys, " "); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestRegexpFilter(t *testing.T) {
	for _, test := range []struct{ pattern, replace, in, want string }{
		{`a+`, `AA`, "auauaab", "AAuAAuAAb"},
		{`<[^>]*>`, ``, "hoge fuga <foo>", "hoge fuga "},
		{`^`, `A`, "BCD", "ABCD"},
		{`^`, `A`, "", "A"},
		{`$`, `A`, "BCD", "BCDA"},
		{`$`, `A`, "", "A"},
		{`.??`, `A`, "BCD", "ABACADA"},
		{`.??`, `A`, "", "A"},
		{`AA`, `AAAA`, "AAAAAAA", "AAAAAAAAAAAAA"},
		{`(apple|banana|orange)`, `\1 juice \1`, "apple", "apple juice apple"},
		{`(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)`, `\10`, "abcdefghij", "a0"},
		{`a*`, `X`, "baaac", "XbXXcX"},
		{`([a-z]+) ([a-z]+)`, `\2-\1\\\0`, "foo bar", `bar-foo\foo bar`},
		{`a*`, `X`, "あ", "XあX"},
		{`(a)|b`, `[\1]`, "aab", "[a][a][]"},
		{`(?<=a)b`, `X`, "abb", "aXb"},
		{`b$`, `X`, "b\n", "X\n"},
	} {
		f, err := newRegexpFilter(plugin.Params{"pattern": test.pattern, "replace": test.replace})
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		got, err := f.Filter([]byte("before "), []byte(test.in))
		if err != nil || string(got) != "before "+test.want {
			t.Errorf("%s on %q: %q, %v, want %q", test.pattern, test.in, got, err, test.want)
		}
	}
}

func TestNumFilters(t *testing.T) {
	inf := math.Inf(1)
	tests := []struct {
		method string
		params plugin.Params
		points map[float64]float64
	}{
		{"add", plugin.Params{"value": "3.5"}, map[float64]float64{1: 4.5, -3.5: 0}},
		{"linear_normalization", plugin.Params{"min": "-100", "max": "100"},
			map[float64]float64{50: 0.75, 300: 1, -300: 0, 80: 0.9}},
		{"linear_normalization", plugin.Params{"min": "-100", "max": "100", "truncate": "true"},
			map[float64]float64{50: 0.75, 300: 2, -300: -1, 80: 0.9, -200: -0.5, 200: 1.5}},
		{"gaussian_normalization", plugin.Params{"average": "80", "standard_deviation": "2.3"},
			map[float64]float64{50: -13.043478260869566, 300: 95.652173913043484, -300: -165.21739130434784, 80: 0}},
		{"gaussian_normalization", plugin.Params{"average": "80", "standard_deviation": "0"},
			map[float64]float64{50: -inf, 300: inf, 80: math.NaN()}},
		{"sigmoid_normalization", plugin.Params{"gain": "0.05", "bias": "5"},
			map[float64]float64{50: 0.90465053510089055, 300: 0.99999960721379977, -300: 2.3823690999334299e-07, 80: 0.97702263008997436}},
		{"sigmoid_normalization", plugin.Params{"bias": "10"}, map[float64]float64{10: 0.5, math.NaN(): math.NaN()}},
	}
	for _, test := range tests {
		f, err := numFilters[test.method](test.params)
		if err != nil {
			t.Errorf("%s %v: %v", test.method, test.params, err)
			continue
		}
		for x, want := range test.points {
			got := f.Filter(x)
			if got != want && !(math.IsNaN(got) && math.IsNaN(want)) && !(math.Abs(got-want) <= 1e-14*math.Abs(want)) {
				t.Errorf("%s %v of %v: %v, want %v", test.method, test.params, x, got, want)
			}
		}
	}
}

func TestParameterNumbers(t *testing.T) {
	for _, test := range []struct {
		text    string
		float   float64
		floatOK bool
		int     int32
		intOK   bool
	}{
		{" 5abc", 5, true, 5, true},
		{"1,000", 1, true, 1, true},
		{"1e5x", 100000, true, 1, true},
		{".5", 0.5, true, 0, false},
		{"5.", 5, true, 5, true},
		{"+3", 3, true, 3, true},
		{"0x10", 0, true, 0, true},
		{"2.7", 2.7, true, 2, true},
		{"", 0, false, 0, false},
		{"-", 0, false, 0, false},
		{"abc", 0, false, 0, false},
		{"inf", 0, false, 0, false},
		{"nan", 0, false, 0, false},
		{"--1", 0, false, 0, false},
		{"1e", 0, false, 1, true},
		{"1e+", 0, false, 1, true},
		{"1e400", 0, false, 1, true},
		{"1e-400", 0, true, 1, true},
		{"2147483648", 2147483648, true, 0, false},
		{"-2147483648", -2147483648, true, -2147483648, true},
	} {
		if x, ok := plugin.ParseFloat(test.text); ok != test.floatOK || ok && x != test.float {
			t.Errorf("%q as float: %v, %v", test.text, x, ok)
		}
		if x, ok := plugin.ParseInt(test.text); ok != test.intOK || ok && x != test.int {
			t.Errorf("%q as int: %v, %v", test.text, x, ok)
		}
	}
	if n, ok := plugin.ParseUint("-1"); !ok || n != math.MaxUint64 {
		t.Error(n, ok)
	}
}

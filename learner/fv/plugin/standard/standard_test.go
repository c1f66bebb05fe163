package standard

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

type collector []string

func (c *collector) Add(token []byte, _ float64) { *c = append(*c, string(token)) }

type features map[string]float64

func (f features) Append(key []byte, value float64) { f[string(key)] = value }

func tokens(t *testing.T, f plugin.StringFeature, text string) []string {
	t.Helper()
	var c collector
	if err := f.Extract([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func keywordFile(t *testing.T, text string) plugin.Params {
	t.Helper()
	file := filepath.Join(t.TempDir(), "words")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return plugin.Params{"dict_path": file}
}

func TestKeywords(t *testing.T) {
	for _, test := range []struct {
		dict, text string
		want       []string
	}{
		{"o\n", "ueno tokyo shinjuku ikebukuro", []string{"o", "o", "o", "o"}},
		{"hoge\nfuga\n", "hoge fuga", []string{"hoge", "fuga"}},
		{"a\nab\nabc", "abcabab", []string{"abc", "ab", "ab"}},
		{"a\n\nb", "xaxb", []string{"a", "b"}},
		{"a\r\n", "a a\r", []string{"a\r"}},
	} {
		k, err := newKeywords(keywordFile(t, test.dict))
		if err != nil {
			t.Fatal(err)
		}
		if got := tokens(t, k, test.text); !slices.Equal(got, test.want) {
			t.Errorf("%q in %q: %q", test.dict, test.text, got)
		}
	}
	dir := t.TempDir()
	for want, p := range map[string]plugin.Params{
		`"dict_path" is not specified in parameters`:     {},
		"failed to stat file: /no/such":                  {"dict_path": "/no/such"},
		"directory is specified instead of file: " + dir: {"dict_path": dir},
	} {
		if _, err := newKeywords(p); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestWordNgram(t *testing.T) {
	f, err := newWordNgram(plugin.Params{"n": "2"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"hello this", "this is", "is a", "a pen", "pen. hello"}
	if got := tokens(t, f, "hello this is a pen. hello!"); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := tokens(t, f, "one"); got != nil {
		t.Errorf("%q", got)
	}
}

func TestNormalize(t *testing.T) {
	p := plugin.Params{"min": "10", "max": "20"}
	f, err := newNormalizeFilter(p)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Filter(15); got != 0.5 {
		t.Error(got)
	}
	g, err := newNormalizeFeature(p)
	if err != nil {
		t.Fatal(err)
	}
	out := features{}
	if err := g.Extract([]byte("k@n"), 30, out); err != nil || out["k@n"] != 2 {
		t.Error(out, err)
	}
}

func TestPythonSamples(t *testing.T) {
	lib := pythonBridge()
	split, err := lib.StringFeatures["word_splitter"](plugin.Params{"module": "space_splitter", "class": "SpaceSplitter"})
	if err != nil {
		t.Fatal(err)
	}
	if got := tokens(t, split, " hi  jubatus !\tx 日本"); !slices.Equal(got, []string{"hi", "jubatus", "!\tx", "日本"}) {
		t.Errorf("%q", got)
	}
	stem, err := lib.StringFeatures["string_feature"](plugin.Params{"module": "sentence_stemmer", "class": "SentenceStemmer"})
	if err != nil {
		t.Fatal(err)
	}
	if got := tokens(t, stem, "  The foxes JUMPED over dogs, right?! "); strings.Join(got, " ") != "the fox jump over dog , right ?!" {
		t.Errorf("%q", got)
	}
	mul, err := lib.NumFeatures["num_feature"](plugin.Params{"module": "number_multiplier", "class": "NumberMultiplier", "n": "3"})
	if err != nil {
		t.Fatal(err)
	}
	length, err := lib.BinaryFeatures["binary_feature"](plugin.Params{"module": "binary_length", "class": "BinaryLengthExtractor"})
	if err != nil {
		t.Fatal(err)
	}
	out := features{}
	if err := mul.Extract([]byte("x@multiply_by_3"), 10, out); err != nil {
		t.Fatal(err)
	}
	if err := length.Extract([]byte("data@extract_length"), make([]byte, 10), out); err != nil {
		t.Fatal(err)
	}
	if out["x@multiply_by_3"] != 30 || out["length_data@extract_length"] != 10 || len(out) != 2 {
		t.Error(out)
	}
	for want, p := range map[string]plugin.Params{
		"module parameter is missing":     {"class": "C"},
		"class parameter is missing":      {"module": "m"},
		"cannot get class from module: C": {"module": "space_splitter", "class": "C"},
		"cannot import module (this program runs no Python; for word_splitter it has space_splitter.SpaceSplitter): m": {"module": "m", "class": "C", "function": "word_splitter"},
	} {
		if _, err := lib.StringFeatures["word_splitter"](p); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestStem(t *testing.T) {
	words := strings.Fields(`
		caresses caress ponies poni ties tie flies fli dies die cats cat feed feed agreed agre
		plastered plaster motoring motor sing sing conflated conflat troubled troubl sized size
		hopping hop tanned tan falling fall hissing hiss fizzed fizz failing fail filing file
		happy happi enjoy enjoy spy spi relational relat conditional condit rational ration
		valenci valenc digitizer digit conformabli conform radicalli radic vileli vile
		vietnamization vietnam predication predic operator oper feudalism feudal decisiveness decis
		hopefulness hope formaliti formal sensibiliti sensibl triplicate triplic formative form
		electrical electr goodness good revival reviv allowance allow inference infer airliner airlin
		adjustable adjust replacement replac adoption adopt communism commun effective effect
		probate probat rate rate cease ceas controlling control roll roll skies sky dying die
		died die spied spi oed o is is`)
	for i := 0; i < len(words); i += 2 {
		if got := stem(words[i]); got != words[i+1] {
			t.Errorf("%s: %s, want %s", words[i], got, words[i+1])
		}
	}
	stem("日本語") // must not fail
	stem(strings.Repeat("y", 1e6))
}

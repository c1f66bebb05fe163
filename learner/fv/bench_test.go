package fv_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/fv"
)

func mustNew(t testing.TB, text string) *fv.Converter {
	t.Helper()
	v, err := config.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := fv.New(v, ".converter")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func thirtyStrings() (d datum.Datum) {
	for i := range 30 {
		d.AddString(fmt.Sprintf("profile/attribute/number%02d", i*7%30), fmt.Sprintf("value %d", i))
	}
	return d
}

func sixtyFourNumbers() (d datum.Datum) {
	for i := range 64 {
		d.AddNum(fmt.Sprintf("pixel%d", i), float64(i)+0.5)
	}
	return d
}

func eightyWords(r *rand.Rand) (d datum.Datum) {
	words := make([]string, 80)
	for i := range words {
		words[i] = fmt.Sprintf("word%d", r.IntN(300))
	}
	d.AddString("message", strings.Join(words, " "))
	return d
}

func BenchmarkConvert(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	texts := make([]datum.Datum, 64)
	for i := range texts {
		texts[i] = eightyWords(r)
	}
	str := `{"string_rules": [{"key": "*", "type": "str", "sample_weight": "bin", "global_weight": "bin"}]}`
	some := `{"string_rules": [{"key": "profile/*", "type": "str", "sample_weight": "bin", "global_weight": "bin", "except": "*13"}]}`
	num := `{"num_rules": [{"key": "*", "type": "num"}]}`
	space := `{"string_rules": [{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "%s"}]}`
	for _, bench := range []struct {
		name   string
		config string
		data   []datum.Datum
		update bool
	}{
		{"strings=30", str, []datum.Datum{thirtyStrings()}, true},
		{"strings=30/patterns", some, []datum.Datum{thirtyStrings()}, true},
		{"numbers=64", num, []datum.Datum{sixtyFourNumbers()}, true},
		{"words=80/bin", fmt.Sprintf(space, "bin"), texts, true},
		{"words=80/idf/train", fmt.Sprintf(space, "idf"), texts, true},
		{"words=80/idf/classify", fmt.Sprintf(space, "idf"), texts, false},
		{"words=80/regexp", `{
			"string_types": {"words": {"method": "regexp", "pattern": "[a-z]+[0-9]*"}},
			"string_rules": [{"key": "*", "type": "words", "sample_weight": "tf", "global_weight": "bin"}]}`, texts, true},
		{"words=80/bm25/train", fmt.Sprintf(space, "bm25"), texts, true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			c := mustNew(b, bench.config)
			var v fv.Vector
			for i := range bench.data {
				if err := c.ConvertUpdate(&bench.data[i], &v); err != nil {
					b.Fatal(err)
				}
			}
			convert := c.Convert
			if bench.update {
				convert = c.ConvertUpdate
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				v.Reset()
				if err := convert(&bench.data[i%len(bench.data)], &v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSortMerge(b *testing.B) {
	c := mustNew(b, `{"string_rules": [{"key": "*", "type": "str", "sample_weight": "bin", "global_weight": "bin"}]}`)
	for name, d := range map[string]datum.Datum{"shuffled": thirtyStrings()} {
		b.Run(name, func(b *testing.B) {
			var v fv.Vector
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Convert(&d, &v); err != nil {
					b.Fatal(err)
				}
				v.SortMerge()
			}
		})
	}
}

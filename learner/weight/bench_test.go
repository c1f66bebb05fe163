package weight

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/goldentest"
)

// Texts of 80 words out of 50,000, of which few are common, as in a language.
func benchmark(b *testing.B, method, weight string) {
	r := rand.New(rand.NewPCG(1, 2))
	words := rand.NewZipf(r, 1.1, 4, 50000)
	texts := make([][]byte, 5000)
	for i := range texts {
		var t strings.Builder
		for range 80 {
			fmt.Fprintf(&t, "word%d ", words.Uint64())
		}
		texts[i] = goldentest.Append(nil, text("text", t.String()))
	}
	e := build(b, strings.Replace(idfConfig, `"idf"`, `"`+weight+`"`, 1))
	update, handle := goldentest.Direct(e, "update"), goldentest.Direct(e, method)
	for _, t := range texts {
		if _, err := update(t); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := handle(texts[i%len(texts)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWords80(b *testing.B) {
	for _, weight := range []string{"idf", "bm25"} {
		for _, method := range []string{"update", "calc_weight"} {
			b.Run(method+"/"+weight, func(b *testing.B) { benchmark(b, method, weight) })
		}
	}
}

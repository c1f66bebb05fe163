package anomaly

import (
	"math/rand/v2"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

// rowOf64 is the arguments of add: a datum of 64 numbers.
func rowOf64(rng *rand.Rand) []byte {
	nums := goldentest.List{}
	for i := range 64 {
		nums = append(nums, goldentest.List{"k" + string(rune('0'+i/10)) + string(rune('0'+i%10)), rng.NormFloat64()})
	}
	return goldentest.Append(nil, goldentest.List{goldentest.List{goldentest.List{}, nums, goldentest.List{}}})
}

func filled(b *testing.B, cfg string, rows int, rng *rand.Rand) engine.Engine {
	b.Helper()
	e := build(b, cfg, false)
	add := goldentest.Direct(e, "add")
	for range rows {
		if _, err := add(rowOf64(rng)); err != nil {
			b.Fatal(err)
		}
	}
	return e
}

// benchmarkAdd fills tables of so many rows: a row is one of them on average.
func benchmarkAdd(b *testing.B, cfg string, rows int) {
	rng := rand.New(rand.NewPCG(1, 2))
	data := make([][]byte, rows)
	for i := range data {
		data[i] = rowOf64(rng)
	}
	e := build(b, cfg, false)
	add, clear := goldentest.Direct(e, "add"), goldentest.Direct(e, "clear")
	none := goldentest.Append(nil, goldentest.List{})
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if i == rows {
			i = 0
			if _, err := clear(none); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := add(data[i]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func benchmarkScore(b *testing.B, cfg string, rows int) {
	rng := rand.New(rand.NewPCG(1, 2))
	score := goldentest.Direct(filled(b, cfg, rows, rng), "calc_score")
	row := rowOf64(rng)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := score(row); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLightLOFAdd2000(b *testing.B)   { benchmarkAdd(b, lightConfig(10, 30, ""), 2000) }
func BenchmarkLightLOFScore2000(b *testing.B) { benchmarkScore(b, lightConfig(10, 30, ""), 2000) }
func BenchmarkLOFAdd1000(b *testing.B)        { benchmarkAdd(b, lofConfig(10, 30, ""), 1000) }
func BenchmarkLOFScore1000(b *testing.B)      { benchmarkScore(b, lofConfig(10, 30, ""), 1000) }

package stat

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/jubatus/jubatus-go/learner/goldentest"
)

func benchmark(b *testing.B, method string, window, keys int, value func(i int) float64) {
	e := goldentest.Build(b, New, fmt.Sprintf(`{"window_size": %d}`, window), goldentest.Env(false))
	push := goldentest.Direct(e, "push")
	pushes := make([][]byte, 4096)
	for i := range pushes {
		pushes[i] = goldentest.Append(nil, goldentest.List{fmt.Sprint("key", i%keys), value(i)})
	}
	for i := range 2 * window {
		if _, err := push(pushes[i%len(pushes)]); err != nil {
			b.Fatal(err)
		}
	}
	handle, params := push, pushes
	if method != "push" {
		handle = goldentest.Direct(e, method)
		params = [][]byte{goldentest.Append(nil, goldentest.List{"key0", int64(3), 1.0})}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := handle(params[i%len(params)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPush(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(int) float64 { return r.NormFloat64() }
	falling := func(i int) float64 { return float64(-i) }
	b.Run("128", func(b *testing.B) { benchmark(b, "push", 128, 10, random) })
	b.Run("100000", func(b *testing.B) { benchmark(b, "push", 100000, 10, random) })
	// Where every value that goes was the largest.
	b.Run("falling", func(b *testing.B) { benchmark(b, "push", 100000, 1, falling) })
	// Where a key's only value goes when the next one comes.
	b.Run("keys", func(b *testing.B) { benchmark(b, "push", 128, 4096, random) })
}

func BenchmarkQuery(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, method := range []string{"stddev", "max", "entropy", "moment"} {
		b.Run(method, func(b *testing.B) { benchmark(b, method, 128, 10, func(int) float64 { return r.NormFloat64() }) })
	}
}

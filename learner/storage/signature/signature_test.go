package signature

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// recorded are vectors of the original's building blocks.
type recorded struct {
	FNV1 []struct{ Key, Hash string }
	SFMT []struct {
		Seed uint32
		Out  []uint32
	} `json:"sfmt607"`
	Gaussian []struct {
		Seed uint32
		N    int
		Bits []string `json:"float32_bits"`
	}
	Signatures []struct {
		HashNum      int `json:"hash_num"`
		SFV          [][2]any
		LSH, MinHash []string
	}
}

func read(t *testing.T) (r recorded) {
	t.Helper()
	text, err := os.ReadFile("../../testdata/golden/vectors-similarity.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func words(t *testing.T, list []string) []uint64 {
	t.Helper()
	out := make([]uint64, len(list))
	for i, s := range list {
		var err error
		if out[i], err = strconv.ParseUint(s, 16, 64); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func vector(features [][2]any) *fv.Vector {
	v := &fv.Vector{}
	for _, f := range features {
		v.Append([]byte(f[0].(string)), f[1].(float64))
	}
	return v
}

func TestHash(t *testing.T) {
	for _, c := range read(t).FNV1 {
		if got := strconv.FormatUint(Hash([]byte(c.Key)), 16); got != c.Hash {
			t.Errorf("hash of %q is %s, want %s", c.Key, got, c.Hash)
		}
	}
}

func TestSFMT(t *testing.T) {
	for _, c := range read(t).SFMT {
		var s sfmt
		s.seed(c.Seed)
		for i, want := range c.Out {
			if got := s.uint32(); got != want {
				t.Fatalf("seed %d: output %d is %d, want %d", c.Seed, i, got, want)
			}
		}
	}
}

func TestDeviates(t *testing.T) {
	for _, c := range read(t).Gaussian {
		got := make([]float32, c.N)
		gauss(c.Seed, got)
		for i, text := range c.Bits {
			want, err := strconv.ParseUint(text, 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			if i >= c.N/8*8 {
				// The last few come from a library's functions.
				if d := int64(math.Float32bits(got[i])) - int64(want); d < -1 || d > 1 {
					t.Errorf("seed %d, %d of %d: %08x, want %08x", c.Seed, i, c.N, math.Float32bits(got[i]), want)
				}
			} else if math.Float32bits(got[i]) != uint32(want) {
				t.Errorf("seed %d, %d of %d: %08x, want %08x", c.Seed, i, c.N, math.Float32bits(got[i]), want)
			}
		}
	}
}

// With less than eight directions all deviates are of full precision.
func TestFewDeviates(t *testing.T) {
	g := make([]float32, 7)
	gauss(uint32(Hash([]byte("b"))), g)
	if a, b := math.Float32bits(g[0]), math.Float32bits(g[1]); a != 0x3f478243 || b != 0xbf634ade {
		t.Errorf("b starts %08x %08x", a, b)
	}
}

func TestSignatures(t *testing.T) {
	for _, c := range read(t).Signatures {
		v := vector(c.SFV)
		if diff := cmp.Diff(words(t, c.LSH), NewProjector(c.HashNum, 0).LSH(v, nil)); diff != "" {
			t.Errorf("lsh %d of %v: %s", c.HashNum, c.SFV, diff)
		}
		for _, f := range []Flavour{Single, Double} {
			if diff := cmp.Diff(words(t, c.MinHash), MinHash(v, c.HashNum, f, nil)); diff != "" {
				t.Errorf("minhash %d, %d of %v: %s", f, c.HashNum, c.SFV, diff)
			}
		}
	}
}

func TestProject(t *testing.T) {
	v := vector([][2]any{{"a", 1.0}, {"b", -0.5}})
	p := NewProjector(8, 0).Project(v, nil)
	for j, want := range []uint32{0xbf4317c7, 0x3e9b564b, 0x3fd28fe5, 0x3e442848} {
		if got := math.Float32bits(p[j]); got != want {
			t.Errorf("projection %d is %08x, want %08x", j, got, want)
		}
	}
	if len(NewProjector(3, 5).Project(&fv.Vector{}, p)) != 3 {
		t.Error("no 3 projections")
	}
}

func randomVector(r *rand.Rand, n int) *fv.Vector {
	v := &fv.Vector{}
	for range n {
		v.Append([]byte("key"+strconv.Itoa(r.IntN(200))), r.NormFloat64())
	}
	return v
}

// Blocks are summed each from zero, then added; the cache never shows.
func TestBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n, threads, v := 1+r.IntN(90), r.IntN(7), randomVector(r, r.IntN(40))
		want := make([]float32, n)
		size := max(1, v.Len())
		if threads > 1 {
			size = max(1, (v.Len()+threads-1)/threads)
		}
		for from := 0; from < v.Len(); from += size {
			block := make([]float32, n)
			for i := from; i < min(from+size, v.Len()); i++ {
				g := make([]float32, n)
				gauss(uint32(Hash(v.Key(i))), g)
				for j := range block {
					block[j] += float32(float32(v.Value(i)) * g[j])
				}
			}
			for j := range want {
				want[j] += block[j]
			}
		}
		p := NewProjector(n, threads)
		for range 2 {
			if diff := cmp.Diff(want, p.Project(v, nil)); diff != "" {
				t.Fatalf("%d directions, %d threads, %d features: %s", n, threads, v.Len(), diff)
			}
		}
	}
}

// What the draws lose without a logarithm, they would have lost with it.
func TestMinHashAgainstPlain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.Float64Range(-2, 100), rapid.Float64(),
			rapid.SampledFrom([]float64{math.Inf(1), math.Inf(-1), math.NaN(), 1e300, 1e-300, 5e-324, 1}))
		v := &fv.Vector{}
		for range rapid.IntRange(0, 30).Draw(t, "features") {
			v.Append([]byte(rapid.StringN(0, 4, -1).Draw(t, "key")), value.Draw(t, "value"))
		}
		n := rapid.IntRange(1, 130).Draw(t, "n")
		for _, f := range []Flavour{Single, Double} {
			want := make([]uint64, Words(n))
			for j := range n {
				least, best := float32(math.MaxFloat32), uint64(0)
				for i := range v.Len() {
					k := Hash(v.Key(i))
					draw, _ := mix(k, uint64(j))
					l := -float32(math.Log(float64(float32(draw) / (1 << 64))))
					w := l / float32(v.Value(i))
					if f == Double {
						w = float32(float64(l) / v.Value(i))
					}
					if w < least {
						least, best = w, k
					}
				}
				want[j/64] |= best & 1 << (j % 64)
			}
			if diff := cmp.Diff(want, MinHash(v, n, f, nil)); diff != "" {
				t.Fatalf("flavour %d: %s", f, diff)
			}
		}
	})
}

func TestMix(t *testing.T) {
	first, second := mix(Hash([]byte("a")), 0)
	if next, _ := mix(Hash([]byte("a")), 1); first != 0x88ebe9875c3e6b12 || second != next {
		t.Errorf("mixes of a are %x and %x, %x", first, second, next)
	}
	if first, _ := mix(Hash([]byte("b")), 0); first != 0x886861de78fc0df8 {
		t.Errorf("mix of b is %x", first)
	}
}

func TestBitVector(t *testing.T) {
	for _, c := range []struct {
		bits  int
		words []uint64
		wire  string
	}{
		{64, []uint64{0x49d27477e7120faa}, "9240a849d27477e7120faa"},
		{65, []uint64{2, 1}, "9241b000000000000000020000000000000001"},
		{0, nil, "9200a0"},
	} {
		b := AppendBitVector(nil, c.words, c.bits)
		if hex.EncodeToString(b) != c.wire {
			t.Errorf("%x, want %s", b, c.wire)
		}
		r := mpack.NewReader(b)
		got, n, err := ReadBitVector(&r, nil)
		if diff := cmp.Diff(c.words, got); diff != "" || n != c.bits || err != nil || r.Len() != 0 {
			t.Errorf("%s: %v, %d, %v", c.wire, got, n, err)
		}
	}
	for _, wire := range []string{
		"90", "9240", "9240a0", "9200a80000000000000000", "9240a700000000000000",
		"92cfffffffffffffffffa0", "92cf8000000000000000a80000000000000000", "92ffa0", "92a0a0", "934000a0",
	} {
		b, _ := hex.DecodeString(wire)
		r := mpack.NewReader(b)
		if got, n, err := ReadBitVector(&r, nil); err == nil {
			t.Errorf("%s is %v, %d", wire, got, n)
		}
	}
	b, _ := hex.DecodeString("9204a8ffffffffffffffff")
	r := mpack.NewReader(b)
	if got, _, err := ReadBitVector(&r, nil); err != nil || got[0] != 15 {
		t.Errorf("bits beyond the last: %x, %v", got, err)
	}
}

func TestHamming(t *testing.T) {
	if got := Hamming([]uint64{0b1010, 1 << 63}, []uint64{0b0110, 0}); got != 3 {
		t.Errorf("distance %d, want 3", got)
	}
}

func TestCosines(t *testing.T) {
	for _, n := range []int{1, 2, 7, 64, 100, maxTable, maxTable + 1} {
		c := NewCosines(n)
		for h := 0; h <= n; h += max(1, n/50) {
			if got, want := c.At(h), math.Cos(math.Pi*float64(h)/float64(n)); math.Abs(got-want) > 1e-15 {
				t.Errorf("cosine of %d/%d is %v, want %v", h, n, got, want)
			}
		}
	}
	// Where the library is off, or the angle is all but right.
	c := NewCosines(64)
	for h, want := range map[int]float64{0: 1, 32: 6.123233995736766e-17, 64: -1, 16: 0.7071067811865476, 48: -0.7071067811865475} {
		if c.At(h) != want {
			t.Errorf("cosine of %d/64 is %v, want %v", h, c.At(h), want)
		}
	}
}

// The cache is bounded and right whoever asks it.
func TestCache(t *testing.T) {
	c := newCache(8192, 0)
	want := make([]float32, 8192)
	for seed := range uint32(2000) {
		c.get(seed)
	}
	if n := len(*c.slots.Load()); n*4*8192 > 2*cacheBytes || c.held > n {
		t.Errorf("%d slots, %d held", n, c.held)
	}
	for seed := range uint32(50) {
		gauss(seed, want)
		if diff := cmp.Diff(want, c.get(seed)); diff != "" {
			t.Fatal(diff)
		}
	}
	if big := newCache(8, 1<<20+1); big.limit < 1<<20+1 {
		t.Errorf("limit %d is less than what was asked for", big.limit)
	}
	done := make(chan bool)
	c = newCache(8, 0)
	for range 4 {
		go func() {
			g := make([]float32, 8)
			ok := true
			for i := range uint32(3000) {
				gauss(i%1500, g)
				ok = ok && cmp.Equal(g, c.get(i%1500))
			}
			done <- ok
		}()
	}
	for range 4 {
		if !<-done {
			t.Error("wrong deviates")
		}
	}
}

// Few seeds hardly ever go on to push one another out.
func TestCacheOfFew(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const trials = 200
	fights := 0
	for range trials {
		c := newCache(8, 0)
		seeds := make([]uint32, 64)
		for i := range seeds {
			seeds[i] = r.Uint32()
		}
		last := make([]*float32, len(seeds))
		again := 0
		for range 6 { // a seed may be lost while others move
			again = 0
			for i, seed := range seeds {
				g := &c.get(seed)[0]
				if g != last[i] {
					again++
				}
				last[i] = g
			}
		}
		if again > 0 {
			fights++
		}
	}
	if fights > trials/50 {
		t.Errorf("in %d of %d caches deviates are made again and again", fights, trials)
	}
}

func benchVector(n int) *fv.Vector {
	v := &fv.Vector{}
	for i := range n {
		v.Append([]byte("num"+strconv.Itoa(i)+"@num"), float64(i%7)/3+0.1)
	}
	return v
}

func BenchmarkLSH64x64(b *testing.B) {
	p, v := NewProjector(64, 0), benchVector(64)
	var dst []uint64
	b.ReportAllocs()
	for b.Loop() {
		dst = p.LSH(v, dst)
	}
}

func BenchmarkMinHash64x64(b *testing.B) {
	v := benchVector(64)
	var dst []uint64
	b.ReportAllocs()
	for b.Loop() {
		dst = MinHash(v, 64, Single, dst)
	}
}

func BenchmarkDeviates64(b *testing.B) {
	g := make([]float32, 64)
	b.ReportAllocs()
	for i := uint32(0); b.Loop(); i++ {
		gauss(i, g)
	}
}

func BenchmarkCosines(b *testing.B) {
	for b.Loop() {
		NewCosines(64)
	}
}

package bitindex

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/storage/signature"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

var (
	_ engine.Mixable = (*Index)(nil)
	_ engine.Keeper  = (*Index)(nil)
)

func unpack(t interface{ Fatal(...any) }, x *Index, model []byte, from engine.Source) {
	r := mpack.NewReader(model)
	commit, err := x.Unpack(&r, from)
	if err != nil {
		t.Fatal(err)
	}
	commit()
}

func (x *Index) ranking(list []Neighbor) string {
	out := ""
	for _, n := range list {
		out += fmt.Sprintf("%s %v,", x.ID(n.Row), n.Score)
	}
	return out
}

// Rows are ranked as by sorting all of them.
func TestAgainstSorting(t *testing.T) {
	type row struct {
		id    string
		words []uint64
	}
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.SampledFrom([]int{1, 7, 64, 100, 128, 200}).Draw(t, "bits")
		word := rapid.SampledFrom([]uint64{0, 1, 2, 3, 1 << 63, ^uint64(0), 0xff})
		draw := func() []uint64 {
			w := make([]uint64, signature.Words(bits))
			for i := range w {
				w[i] = word.Draw(t, "word")
			}
			if bits%64 != 0 {
				w[len(w)-1] &= 1<<(bits%64) - 1
			}
			return w
		}
		x := New(bits)
		var list []row
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			id := rapid.SampledFrom([]string{"", "a", "b", "ba", "c", "\xff", "日"}).Draw(t, "id")
			i := slices.IndexFunc(list, func(r row) bool { return r.id == id })
			switch rapid.IntRange(0, 6).Draw(t, "op") {
			case 0:
				if x.Remove([]byte(id)) != (i >= 0) {
					t.Fatalf("removing %q", id)
				}
				if i >= 0 {
					list = slices.Delete(list, i, i+1)
				}
			case 1:
				other := New(bits)
				unpack(t, other, x.Pack(nil), engine.FromFile)
				x = other
			default:
				w := draw()
				if err := x.Set([]byte(id), w); err != nil {
					t.Fatal(err)
				}
				if i < 0 {
					list = append(list, row{id: id})
					i = len(list) - 1
				}
				list[i].words = w
			}
			q := draw()
			slices.SortFunc(list, func(a, b row) int {
				if c := signature.Hamming(a.words, q) - signature.Hamming(b.words, q); c != 0 {
					return c
				}
				return strings.Compare(b.id, a.id)
			})
			for _, limit := range []int{-1, 0, 1, 3, 1 << 40} {
				want := ""
				for _, r := range list[:max(0, min(limit, len(list)))] {
					want += fmt.Sprintf("%s %v,", r.id, float64(bits-signature.Hamming(r.words, q))/float64(bits))
				}
				if got := x.ranking(x.Similar(q, limit, nil)); got != want {
					t.Fatalf("limit %d: %s, want %s", limit, got, want)
				}
			}
		}
	})
}

// The bytes of the original.
func TestBytes(t *testing.T) {
	x := New(64)
	set := func(id string, w uint64) {
		if err := x.Set([]byte(id), []uint64{w}); err != nil {
			t.Fatal(err)
		}
	}
	set("r2", 0xb6ed8988386df055)
	set("r1", 0x49d27477e7120faa)
	const rows = "82a272329240a8b6ed8988386df055a272319240a849d27477e7120faa"
	if got := hex.EncodeToString(x.Diff(nil)); got != rows {
		t.Errorf("diff %s, want %s", got, rows)
	}
	if got := hex.EncodeToString(x.Pack(nil)); got != "9280"+rows {
		t.Errorf("model %s, want 9280%s", got, rows)
	}
	diff, _ := hex.DecodeString(rows)
	r := mpack.NewReader(diff)
	if ok, err := x.Put(&r); !ok || err != nil {
		t.Fatal(ok, err)
	}
	x.Remove([]byte("r1"))
	if got := hex.EncodeToString(x.Diff(nil)); got != "81a272319200a0" {
		t.Errorf("removal %s", got)
	}
	y := New(64)
	unpack(t, y, x.Pack(nil), engine.FromPeer)
	if got := hex.EncodeToString(y.Pack(nil)); got != "92"+rows+"80" {
		t.Errorf("a peer's model is %s", got)
	}
}

func TestUnpackIsAllOrNothing(t *testing.T) {
	x := New(70)
	for _, id := range []string{"a", "b"} {
		if err := x.Set([]byte(id), []uint64{1, 2}); err != nil {
			t.Fatal(err)
		}
	}
	model := x.Pack(nil)
	for n := range model {
		r := mpack.NewReader(model[:n])
		if _, err := New(70).Unpack(&r, engine.FromFile); err == nil {
			t.Errorf("the first %d bytes of %d are an index", n, len(model))
		}
	}
	r := mpack.NewReader(model)
	if _, err := New(64).Unpack(&r, engine.FromFile); err == nil {
		t.Error("signatures of other bits are taken")
	}
	if !bytes.Equal(x.Pack(nil), model) {
		t.Error("packs differ")
	}
}

func FuzzUnpack(f *testing.F) {
	x := New(70)
	for _, id := range []string{"a", "b"} {
		if err := x.Set([]byte(id), []uint64{1, 2}); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(x.Pack(nil))
	r := mpack.NewReader(x.Diff(nil))
	if ok, err := x.Put(&r); !ok || err != nil {
		f.Fatal(ok, err)
	}
	x.Remove([]byte("b"))
	f.Add(x.Pack(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		x := New(70)
		r := mpack.NewReader(b)
		commit, err := x.Unpack(&r, engine.FromFile)
		if err == nil {
			commit()
			again := New(70)
			unpack(t, again, x.Pack(nil), engine.FromFile)
			if again.Len() != x.Len() {
				t.Errorf("%d rows, packed %d", again.Len(), x.Len())
			}
		}
		r = mpack.NewReader(b)
		_, _ = x.Put(&r)
		x.Similar([]uint64{1, 2}, 10, nil)
		for x.Len() > 0 {
			if !x.Remove(x.ID(0)) {
				t.Fatal("a row is not found")
			}
		}
	})
}

func benchIndex(b *testing.B, bits, rows int) (*Index, []uint64) {
	b.Helper()
	x := New(bits)
	r := rand.New(rand.NewPCG(1, 2))
	w := make([]uint64, signature.Words(bits))
	for i := range rows {
		for j := range w {
			w[j] = r.Uint64()
		}
		if err := x.Set(fmt.Appendf(nil, "row%d", i), w); err != nil {
			b.Fatal(err)
		}
	}
	return x, w
}

func BenchmarkSimilar10of10000(b *testing.B) {
	for _, bits := range []int{64, 128, 512} {
		b.Run(fmt.Sprint(bits), func(b *testing.B) {
			x, w := benchIndex(b, bits, 10000)
			var list []Neighbor
			b.ReportAllocs()
			for b.Loop() {
				list = x.Similar(w, 10, list)
			}
		})
	}
}

func BenchmarkSet(b *testing.B) {
	x, w := benchIndex(b, 64, 10000)
	var id []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		id = fmt.Appendf(id[:0], "row%d", i%10000)
		if err := x.Set(id, w); err != nil {
			b.Fatal(err)
		}
	}
}

package keyindex

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/jubatus/jubatus-go/learner/storage/prefetch"
)

// The index finds what a map finds, over a long course of additions and
// removals.
func TestEqualsMap(t *testing.T) {
	x := New()
	want := map[string]uint32{}
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 60000 {
		// It grows, then shrinks.
		key := fmt.Sprint(r.IntN(5000))
		print := x.Print([]byte(key))
		if _, ok := want[key]; ok && r.IntN(3) < 1+i/30000 {
			x.Remove(print)
			delete(want, key)
		} else if !ok {
			x.Add(print, uint32(i), uint32(i)+1)
			want[key] = uint32(i)
		}
	}
	if x.Len() != len(want) || x.Len() == 0 {
		t.Fatalf("%d keys, want %d", x.Len(), len(want))
	}
	var lines prefetch.Lines
	for i := range 5000 {
		key := fmt.Sprint(i)
		n, ok := want[key]
		print := x.Print([]byte(key))
		x.Prefetch(&lines, []Print{print, print})
		if s := x.Lookup(print); (s != nil) != ok || ok && (s.Number != n || s.At != n+1) {
			t.Fatalf("%s is %v, want %d, %v", key, s, n, ok)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	x := New()
	keys := make([][]byte, 1000)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "message$word%d@space#bin/bin", i)
		x.Add(x.Print(keys[i]), uint32(i), 1)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if x.Lookup(x.Print(keys[i%len(keys)])) == nil {
			b.Fatal("a key is missing")
		}
	}
}

package prefetch

import (
	"math/rand/v2"
	"testing"
	"unsafe"
)

// Loading changes nothing, however many lines there are.
func TestLoad(t *testing.T) {
	var l Lines
	l.Load()
	s := make([]uint64, 1<<12)
	for i := range s {
		s[i] = uint64(i)
		l.Add(unsafe.Pointer(&s[i]))
		if i%100 == 0 {
			l.Load()
		}
	}
	l.Load()
	if l.n != 0 {
		t.Errorf("%d lines are left", l.n)
	}
	for i, x := range s {
		if x != uint64(i) {
			t.Fatalf("place %d holds %d", i, x)
		}
	}
}

// BenchmarkLoad reads from a table that no near cache holds, with and without
// telling before.
func BenchmarkLoad(b *testing.B) {
	table := make([]uint64, 1<<22)
	for i := range table {
		table[i] = uint64(i)
	}
	var places [32]int
	for _, told := range []bool{false, true} {
		name := "untold"
		if told {
			name = "told"
		}
		b.Run(name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			var l Lines
			at := uint64(0)
			for b.Loop() {
				for i := range places {
					places[i] = r.IntN(len(table))
					if told {
						l.Add(unsafe.Pointer(&table[places[i]]))
					}
				}
				l.Load()
				for _, p := range places {
					at = table[uint64(p)^at&1] // each waits for the one before
				}
			}
			if at > uint64(len(table)) {
				b.Fatal(at)
			}
		})
	}
}

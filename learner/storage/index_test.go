package storage

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// The index finds what a map finds, over a long course of insertions and
// removals.
func TestIndexEqualsMap(t *testing.T) {
	rows := newRows(Options{})
	want := map[string]Feature{}
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 60000 {
		// The table grows, then shrinks.
		key := fmt.Sprint(r.IntN(5000))
		if f, ok := want[key]; ok && r.IntN(3) < 1+i/30000 {
			rows.dropCell(f, 0)
			delete(want, key)
		} else if !ok {
			f, _ := rows.intern(rows.index.fingerprint([]byte(key)), []byte(key), 1)
			row := rows.row(f)
			rows.addCell(&row, 0)
			want[key] = f
		}
	}
	if rows.len() != len(want) || rows.len() == 0 {
		t.Fatalf("%d features, want %d", rows.len(), len(want))
	}
	for i := range 5000 {
		key := fmt.Sprint(i)
		f, ok := want[key]
		if !ok {
			f = NoFeature
		}
		if got := rows.find([]byte(key)); got != f {
			t.Fatalf("%s is feature %d, want %d", key, got, f)
		}
	}
}

package rowids

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What happens to a list happens to a slice.
func TestAgainstSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := New()
		var want []string
		for range rapid.IntRange(0, 80).Draw(t, "steps") {
			s := rapid.SampledFrom([]string{"", "a", "b", "c", "d", "row", "日本"}).Draw(t, "id")
			id := s + strings.Repeat("x", rapid.SampledFrom([]int{0, 1, 126, 127, 128, 20000}).Draw(t, "length"))
			k := slices.Index(want, id)
			if got := list.Find([]byte(id)); got != k {
				t.Fatalf("%q is at %d, want %d", id, got, k)
			}
			if k >= 0 {
				list.Remove(k)
				want[k] = want[len(want)-1]
				want = want[:len(want)-1]
			} else if !list.Add([]byte(id)) {
				t.Fatal("no room")
			} else {
				want = append(want, id)
			}
			if list.Len() != len(want) {
				t.Fatalf("%d ids, want %d", list.Len(), len(want))
			}
			for i, id := range want {
				if list.Find([]byte(id)) != i || string(list.At(i)) != id {
					t.Fatalf("%q is not at %d", id, i)
				}
			}
		}
	})
}

// Ids that come and go leave no garbage behind, nor does the index lose any.
func TestManyIDs(t *testing.T) {
	list := New()
	for i := range 30000 {
		list.Add(fmt.Appendf(nil, "row number %d", i))
		if i >= 1000 {
			row := list.Find(fmt.Appendf(nil, "row number %d", i-1000))
			if row < 0 {
				t.Fatalf("row %d is gone", i-1000)
			}
			list.Remove(row)
		}
	}
	if list.Len() != 1000 || list.garbage > chunkSize {
		t.Errorf("%d rows, %d bytes of garbage", list.Len(), list.garbage)
	}
	for i := 29000; i < 30000; i++ {
		id := fmt.Appendf(nil, "row number %d", i)
		if row := list.Find(id); row < 0 || !bytes.Equal(list.At(row), id) {
			t.Errorf("row %d is not found", i)
		}
	}
}

package lshindex

import (
	"fmt"
	"sync"
	"testing"
)

// Any number may search, pack and offer a diff at the same time.
func TestReadersShare(t *testing.T) {
	x := small()
	var s Signature
	for i := range 50 {
		x.set(t, fmt.Sprint(i), float64(i), &s)
	}
	x.Remove([]byte("7"))
	x.set(t, "7", 30, &s)
	want := x.ranking(x.Similar(&s, 5, nil))
	x.Remove([]byte("none"))
	var readers sync.WaitGroup
	readers.Go(func() {
		for range 20 {
			x.Diff(nil)
		}
	})
	for range 3 {
		readers.Go(func() {
			var s Signature
			for range 50 {
				x.Hash(vector(30), &s)
				if got := x.ranking(x.Similar(&s, 5, nil)); got != want {
					t.Errorf("found %s, want %s", got, want)
				}
				x.SimilarTo(3, 4, nil)
				x.Pack(nil)
			}
		})
	}
	readers.Wait()
}

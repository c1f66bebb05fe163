package hugepage

import "testing"

// Asking does no harm to what is in the slices, nor to those that are empty.
func TestFor(t *testing.T) {
	var a Advice
	For(&a, []byte(nil))
	for range 3 {
		s := make([]uint64, 1<<16)
		for i := range s {
			s[i] = uint64(i)
		}
		For(&a, s)
		For(&a, s[100:])
		for i, x := range s {
			if x != uint64(i) {
				t.Fatalf("place %d holds %d", i, x)
			}
		}
	}
}

package signature

import (
	"math"
	"math/bits"

	"github.com/jubatus/jubatus-go/learner/storage/topk"
)

// Scan adds the rows whose signatures lie in a slice one after another to a
// selection, by their distance from q. The number of the first is given. It
// reads the slice once, from the front.
func Scan(rows, q []uint64, first uint32, top *topk.Smallest[uint32]) {
	w := len(q)
	switch w {
	case 0:
	case 1:
		scan1(rows, q[0], first, top)
	case 2:
		scan2(rows, q[0], q[1], first, top)
	default:
		bound := Bound(top)
		for i := first; len(rows) >= w; i++ {
			if d := uint32(Hamming(q, rows[:w])); d < bound && top.Add(d, i) {
				bound = Bound(top)
			}
			rows = rows[w:]
		}
	}
}

// Bound is the distance from which on no further row can be selected, if rows
// come in the order of their numbers.
func Bound(top *topk.Smallest[uint32]) uint32 {
	if top.Full() && top.Len() == 0 {
		return 0
	}
	last, full := top.Last()
	switch {
	case !full:
		return math.MaxUint32
	case top.Tie != nil:
		return last.X + 1
	default:
		return last.X
	}
}

func scan1(rows []uint64, q uint64, first uint32, top *topk.Smallest[uint32]) {
	bound := Bound(top)
	for i, w := range rows {
		if d := uint32(bits.OnesCount64(w ^ q)); d < bound && top.Add(d, first+uint32(i)) {
			bound = Bound(top)
		}
	}
}

func scan2(rows []uint64, q0, q1 uint64, first uint32, top *topk.Smallest[uint32]) {
	bound := Bound(top)
	for i := first; len(rows) >= 2; i++ {
		d := uint32(bits.OnesCount64(rows[0]^q0) + bits.OnesCount64(rows[1]^q1))
		if d < bound && top.Add(d, i) {
			bound = Bound(top)
		}
		rows = rows[2:]
	}
}

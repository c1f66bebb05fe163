package stat

import "slices"

// peaks are the entries of a key that are its maximum or will be when those
// before them are gone: each is at least as large as all that follow it. They
// make extremes of a sliding window cost nothing (Lemire, "Streaming
// maximum-minimum filter using no more than three comparisons per element",
// Nordic Journal of Computing 13, 2006). For the minimum signs are turned.
type peaks struct {
	at    []uint64 // numbers of entries, ascending
	first int      // where those begin that are left
}

// raise enters an entry behind the others, with sign -1 where the minimum is
// asked for. What is not a number is no peak.
func (w *window) raise(p *peaks, at uint64, sign float64) {
	value := sign * w.at(at).value
	if value != value {
		return
	}
	n := len(p.at)
	for n > p.first && sign*w.at(p.at[n-1]).value < value {
		n--
	}
	p.at = p.at[:n]
	if p.first > 0 && 2*p.first >= n {
		p.at = slices.Delete(p.at, 0, p.first)
		p.first = 0
	}
	p.at = append(p.at, at)
}

// expire takes out an entry that has left the window, the oldest of all.
func (p *peaks) expire(at uint64) {
	if p.first < len(p.at) && p.at[p.first] == at {
		p.first++
	}
}

// emptied is the memory of p without its entries, unless it is large.
func (p *peaks) emptied() peaks {
	if cap(p.at) > 64 {
		return peaks{}
	}
	return peaks{at: p.at[:0]}
}

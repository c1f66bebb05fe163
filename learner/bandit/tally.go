package bandit

import (
	"cmp"
	"slices"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// numbers are how often an arm was tried and what that brought.
type numbers struct {
	trials int64
	weight float64
}

func (n numbers) plus(o numbers) numbers {
	return numbers{n.trials + o.trials, n.weight + o.weight}
}

// append appends [trials, weight].
func (n numbers) append(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendInt(b, n.trials)
	return mpack.AppendFloat64(b, n.weight)
}

// tally is what one player had of each arm. The total counts trials; it can
// count those of arms that are gone.
type tally struct {
	total int64
	cells []cell // by arm, ascending
}

type cell struct {
	arm uint32
	numbers
}

func byArm(c cell, arm uint32) int { return cmp.Compare(c.arm, arm) }

// of returns the numbers of an arm. They are found at once if they lie at the
// hint.
func (t *tally) of(arm uint32, hint int) numbers {
	if hint < len(t.cells) && t.cells[hint].arm == arm {
		return t.cells[hint].numbers
	}
	if i, ok := slices.BinarySearchFunc(t.cells, arm, byArm); ok {
		return t.cells[i].numbers
	}
	return numbers{}
}

// add adds to the numbers of an arm, and its trials to the total.
func (t *tally) add(arm uint32, n numbers) {
	t.total += n.trials
	i, ok := slices.BinarySearchFunc(t.cells, arm, byArm)
	if !ok {
		t.cells = slices.Insert(t.cells, i, cell{arm: arm})
	}
	t.cells[i].numbers = t.cells[i].plus(n)
}

// merge adds another tally.
func (t *tally) merge(o tally) {
	t.total += o.total
	i, missing := 0, 0
	for _, c := range o.cells {
		for i < len(t.cells) && t.cells[i].arm < c.arm {
			i++
		}
		if i < len(t.cells) && t.cells[i].arm == c.arm {
			t.cells[i].numbers = t.cells[i].plus(c.numbers)
		} else {
			missing++
		}
	}
	if missing == 0 {
		return
	}
	// What is missing is put in from the back, so that every cell moves once.
	i = len(t.cells) - 1
	t.cells = slices.Grow(t.cells, missing)[:len(t.cells)+missing]
	to := len(t.cells) - 1
	for j := len(o.cells) - 1; j >= 0; j-- {
		c := o.cells[j]
		for ; i >= 0 && t.cells[i].arm > c.arm; i, to = i-1, to-1 {
			t.cells[to] = t.cells[i]
		}
		if i >= 0 && t.cells[i].arm == c.arm {
			continue
		}
		t.cells[to] = c
		to--
	}
}

// remove forgets an arm and its trials.
func (t *tally) remove(arm uint32) {
	if i, ok := slices.BinarySearchFunc(t.cells, arm, byArm); ok {
		t.total -= t.cells[i].trials
		t.cells = slices.Delete(t.cells, i, i+1)
	}
}

// empty forgets everything and keeps the memory.
func (t *tally) empty() { t.total, t.cells = 0, t.cells[:0] }

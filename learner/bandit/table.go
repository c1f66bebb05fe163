package bandit

import (
	"slices"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// On the wire a table is {player: [total, {arm: [trials, weight]}]}.

// appendTally appends a player's part of a table: its name and its tally.
func appendTally(b []byte, player string, t *tally, arms *names) []byte {
	b = mpack.AppendRaw(b, player)
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendInt(b, t.total)
	b = mpack.AppendMapHeader(b, len(t.cells))
	for _, c := range t.cells {
		b = mpack.AppendRaw(b, arms.list[c.arm])
		b = c.append(b)
	}
	return b
}

// wireTable is a table as it was read. Its names alias what it was read from.
type wireTable []wireTally

type wireTally struct {
	player []byte
	total  int64
	arms   []wireArm
}

type wireArm struct {
	name []byte
	numbers
}

// readTable reads a table.
func readTable(r *mpack.Reader) (wireTable, error) {
	n, err := r.MapHeader()
	if err != nil {
		return nil, err
	}
	var t wireTable
	for range n {
		var w wireTally
		if w.player, err = r.Raw(); err != nil {
			return nil, err
		}
		if err = r.Tuple(2); err != nil {
			return nil, err
		}
		if w.total, err = r.Int64(); err != nil {
			return nil, err
		}
		if w.arms, err = readArms(r); err != nil {
			return nil, err
		}
		t = append(t, w)
	}
	return t, nil
}

func readArms(r *mpack.Reader) (arms []wireArm, err error) {
	n, err := r.MapHeader()
	if err != nil {
		return nil, err
	}
	for range n {
		var a wireArm
		if a.name, err = r.Raw(); err != nil {
			return nil, err
		}
		if a.numbers, err = readNumbers(r); err != nil {
			return nil, err
		}
		arms = append(arms, a)
	}
	return arms, nil
}

// readNumbers reads [trials, weight], which may have fewer or more elements.
func readNumbers(r *mpack.Reader) (n numbers, err error) {
	fields, err := r.ArrayHeader()
	for i := 0; i < fields && err == nil; i++ {
		switch i {
		case 0:
			n.trials, err = r.Int64()
		case 1:
			n.weight, err = r.Float64()
		default:
			err = r.Skip()
		}
	}
	return n, err
}

// tally makes a tally of what was read, with the numbers that names give to
// the arms. Of an arm that repeats the last counts.
func (w *wireTally) tally(arms *names) tally {
	t := tally{total: w.total, cells: make([]cell, 0, len(w.arms))}
	for _, a := range w.arms {
		t.cells = append(t.cells, cell{arms.intern(a.name), a.numbers})
	}
	slices.SortStableFunc(t.cells, func(a, b cell) int { return byArm(a, b.arm) })
	n := 0
	for i, c := range t.cells {
		if i+1 < len(t.cells) && t.cells[i+1].arm == c.arm {
			continue
		}
		t.cells[n] = c
		n++
	}
	t.cells = t.cells[:n]
	return t
}

package storage

import (
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// triple is an entry of a diff: weight, variance, and a third value that is 0
// everywhere but takes part.
type triple [3]float64

// linearDiff is a diff that has been checked and can be walked.
type linearDiff struct {
	count   uint64
	version uint64
	entries []byte // the array of features, well-formed
}

// errCount refuses a diff of no nodes, which would make weights NaN.
var errCount = errors.New("bad diff_object: a linear diff must count at least one node")

// parseDiff reads and checks a whole diff. Missing elements at the end are
// empty, except for the count.
func parseDiff(r *mpack.Reader) (d linearDiff, err error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return d, err
	}
	for i := range n {
		switch i {
		case 0:
			d.count, err = r.Uint64()
		case 1:
			err = d.parseBody(r)
		default:
			err = r.Skip()
		}
		if err != nil {
			return d, err
		}
	}
	if d.count == 0 || d.count > math.MaxInt32 {
		return d, errCount
	}
	return d, nil
}

func (d *linearDiff) parseBody(r *mpack.Reader) error {
	n, err := r.ArrayHeader()
	if err != nil {
		return err
	}
	for i := range n {
		switch i {
		case 0:
			start := r.Rest()
			if err = walkDiff(r, func([]byte, []byte, triple) {}); err == nil {
				d.entries = start[:len(start)-r.Len()]
			}
		case 1:
			d.version, err = readVersion(r)
		default:
			err = r.Skip()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// each walks the entries in order.
func (d *linearDiff) each(do func(feature, label []byte, v triple)) {
	if d.entries == nil {
		return
	}
	r := mpack.NewReader(d.entries)
	if err := walkDiff(&r, do); err != nil {
		panic("storage: a checked diff does not parse: " + err.Error())
	}
}

func walkDiff(r *mpack.Reader, do func(feature, label []byte, v triple)) error {
	n, err := r.ArrayHeader()
	if err != nil {
		return err
	}
	for range n {
		if err := r.Tuple(2); err != nil {
			return err
		}
		feature, err := r.Raw()
		if err != nil {
			return err
		}
		m, err := r.ArrayHeader()
		if err != nil {
			return err
		}
		for range m {
			if err := r.Tuple(2); err != nil {
				return err
			}
			label, err := r.Raw()
			if err != nil {
				return err
			}
			v, err := readTriple(r)
			if err != nil {
				return err
			}
			do(feature, label, v)
		}
	}
	return nil
}

// LinearFold accumulates diffs of a Linear: weights become the average over
// all nodes, where one that says nothing counts as 0, and variances the
// smallest. Only diffs of the newest version count.
type LinearFold struct {
	diffs    int // that make up the sum
	count    uint64
	version  uint64
	index    map[string]int
	features []foldFeature
}

type foldFeature struct {
	key   string
	round int // the last diff that had it
	cells []foldCell
}

type foldCell struct {
	label string
	round int
	value triple
}

// NewFold returns an empty accumulator.
func (t *Linear) NewFold() engine.Fold { return &LinearFold{index: map[string]int{}} }

// Add folds in a diff. If it is malformed the accumulator does not change.
func (a *LinearFold) Add(diff *mpack.Reader) error {
	d, err := parseDiff(diff)
	if err != nil {
		return err
	}
	switch {
	case a.diffs > 0 && d.version < a.version:
		return nil
	case a.diffs > 0 && d.version == a.version && a.count+d.count > math.MaxInt32:
		return errCount
	case a.diffs == 0 || d.version > a.version:
		*a = LinearFold{index: map[string]int{}, version: d.version}
	}
	a.diffs++
	d.each(func(feature, label []byte, v triple) {
		c := a.cell(feature, label)
		if c.round == a.diffs || a.diffs == 1 {
			c.value = v // of entries that repeat the last one counts
		} else {
			c.value = mixed(d.count, v, a.count, c.value)
		}
		c.round = a.diffs
	})
	if a.diffs > 1 {
		for i := range a.features {
			for j := range a.features[i].cells {
				if c := &a.features[i].cells[j]; c.round != a.diffs {
					c.value = mixed(d.count, absent, a.count, c.value)
				}
			}
		}
	}
	a.count += d.count
	return nil
}

// absent is what a node that does not have an entry contributes.
var absent = triple{0, 1, 0}

// cell returns an entry of the accumulator, which is absent if it is new.
func (a *LinearFold) cell(feature, label []byte) *foldCell {
	i, ok := a.index[string(feature)]
	if !ok {
		i = len(a.features)
		key := string(feature)
		a.index[key] = i
		a.features = append(a.features, foldFeature{key: key})
	}
	f := &a.features[i]
	f.round = a.diffs
	for j := range f.cells {
		if f.cells[j].label == string(label) {
			return &f.cells[j]
		}
	}
	f.cells = append(f.cells, foldCell{label: string(label), value: absent})
	return &f.cells[len(f.cells)-1]
}

// mixed is the mix of two entries with the numbers of nodes behind them.
func mixed(nl uint64, l triple, nr uint64, r triple) triple {
	cl, cr := float64(nl), float64(nr)
	average := func(l, r float64) float64 {
		return (float64(cl*l) + float64(cr*r)) / (cl + cr)
	}
	v := triple{average(l[0], r[0]), l[1], average(l[2], r[2])}
	if r[1] < l[1] {
		v[1] = r[1]
	}
	return v
}

// Append appends the accumulated diff. One diff alone is in the order it came
// in. Of several, what the last one had comes first, sorted, then the rest,
// sorted: labels get their ids in that order on every node.
func (a *LinearFold) Append(b []byte) []byte {
	if a.diffs > 1 {
		slices.SortFunc(a.features, func(x, y foldFeature) int {
			return a.order(x.round, y.round, x.key, y.key)
		})
		for i := range a.features {
			a.index[a.features[i].key] = i
			slices.SortFunc(a.features[i].cells, func(x, y foldCell) int {
				return a.order(x.round, y.round, x.label, y.label)
			})
		}
	}
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendUint(b, a.count)
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendArrayHeader(b, len(a.features))
	for _, f := range a.features {
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendRaw(b, f.key)
		b = mpack.AppendArrayHeader(b, len(f.cells))
		for _, c := range f.cells {
			b = mpack.AppendArrayHeader(b, 2)
			b = mpack.AppendRaw(b, c.label)
			b = mpack.AppendArrayHeader(b, 3)
			for _, v := range c.value {
				b = mpack.AppendFloat64(b, v)
			}
		}
	}
	b = mpack.AppendArrayHeader(b, 1)
	return mpack.AppendUint(b, a.version)
}

func (a *LinearFold) order(xRound, yRound int, x, y string) int {
	if xLast, yLast := xRound == a.diffs, yRound == a.diffs; xLast != yLast {
		if xLast {
			return -1
		}
		return 1
	}
	return strings.Compare(x, y)
}

package mix

import (
	"errors"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// errShape refuses a payload that is no array of one diff per mixable.
var errShape = errors.New("conversion failed")

// split checks that a payload is an array of n objects and returns these,
// which alias it. What follows the array is ignored.
func split(payload []byte, n int) ([][]byte, error) {
	r := mpack.NewReader(payload)
	whole, err := r.Object()
	if err != nil {
		return nil, err
	}
	r = mpack.NewReader(whole)
	if got, err := r.ArrayHeader(); err != nil || got != n {
		return nil, errShape
	}
	parts := make([][]byte, n)
	for i := range parts {
		if parts[i], err = r.Object(); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// fold makes one diff of those of several nodes, which come in the order of
// the members. What cannot be used does not matter to the rest: refused has
// its error, by index, and nil for what is in the result. mixed is nil if
// nothing could be used.
func fold(mixables []engine.Mixable, diffs [][]byte) (mixed []byte, refused []error) {
	refused = make([]error, len(diffs))
	a := newAccumulator(mixables)
	for i, diff := range diffs {
		var spoiled bool
		if spoiled, refused[i] = a.add(diff); !spoiled {
			continue
		}
		// Some of it is in already; begin again without it.
		a = newAccumulator(mixables)
		for j := range i {
			if refused[j] == nil {
				_, refused[j] = a.add(diffs[j])
			}
		}
	}
	if a.diffs == 0 {
		return nil, refused
	}
	return a.append(nil), refused
}

// accumulator folds whole payloads.
type accumulator struct {
	folds []engine.Fold // one per mixable
	diffs int
}

func newAccumulator(mixables []engine.Mixable) *accumulator {
	a := &accumulator{folds: make([]engine.Fold, len(mixables))}
	for i, m := range mixables {
		a.folds[i] = m.NewFold()
	}
	return a
}

// add folds in a payload. After a failure that spoiled it the accumulator must
// not be used any more.
func (a *accumulator) add(diff []byte) (spoiled bool, err error) {
	parts, err := split(diff, len(a.folds))
	if err != nil {
		return false, err
	}
	for i, f := range a.folds {
		r := mpack.NewReader(parts[i])
		if err := f.Add(&r); err != nil {
			return true, err
		}
	}
	a.diffs++
	return false, nil
}

func (a *accumulator) append(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, len(a.folds))
	for _, f := range a.folds {
		b = f.Append(b)
	}
	return b
}

// diff appends the payload of get_diff. The model is held for reading.
func diff(mixables []engine.Mixable, b []byte) []byte {
	b = mpack.AppendArrayHeader(b, len(mixables))
	for _, m := range mixables {
		b = m.Diff(b)
	}
	return b
}

// put applies a mixed diff's parts. The model is held alone. All parts are
// put, whatever becomes of the others. accepted is false if one was of another
// version than its mixable, or if only a part could be put at all: the model
// is not the cluster's then. An error without touched has changed nothing.
func put(mixables []engine.Mixable, parts [][]byte) (accepted, touched bool, err error) {
	accepted = true
	for i, m := range mixables {
		r := mpack.NewReader(parts[i])
		ok, failed := m.Put(&r)
		switch {
		case failed != nil && err == nil:
			err = failed
		case failed == nil && ok:
			touched = true
		}
		accepted = accepted && ok && failed == nil
	}
	return accepted, touched, err
}

// modelVersions are the versions of the mixables. The model is held for
// reading.
func modelVersions(mixables []engine.Mixable) []uint64 {
	vs := make([]uint64, len(mixables))
	for i, m := range mixables {
		vs[i] = m.Version()
	}
	return vs
}

// keep tells the mixables that what they have sent is lost, so that it stays
// for the next MIX. The model is held alone.
func keep(mixables []engine.Mixable) {
	for _, m := range mixables {
		if k, ok := m.(engine.Keeper); ok {
			k.Keep()
		}
	}
}

package fv

import (
	"fmt"
	"maps"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Pack appends the model: [[version], diff, master], where each table is
//
//	[documents, [{key: frequency}], [{group: frequency}], [{group: length}], {prefix: weight}]
func (w *WeightManager) Pack(b []byte) []byte {
	w.mu.RLock()
	defer w.mu.RUnlock()
	b = mpack.AppendArrayHeader(b, 3)
	b = appendVersion(b, w.version)
	b = w.appendDiff(b)
	return w.appendMaster(b)
}

func appendVersion(b []byte, v uint64) []byte {
	return mpack.AppendUint(mpack.AppendArrayHeader(b, 1), v)
}

func (w *WeightManager) appendDiff(b []byte) []byte {
	b = mpack.AppendUint(mpack.AppendArrayHeader(b, 5), w.documents.diff())
	b = w.features.appendDiff(b)
	b = w.groups.appendDiff(b)
	b = w.lengths.appendDiff(b)
	return appendMap(b, w.userDiff())
}

func (w *WeightManager) appendMaster(b []byte) []byte {
	b = mpack.AppendUint(mpack.AppendArrayHeader(b, 5), w.documents.master)
	b = w.features.appendMaster(b)
	b = w.groups.appendMaster(b)
	b = w.lengths.appendMaster(b)
	return appendMap(b, w.user.master)
}

func appendMap(b []byte, m map[string]float64) []byte {
	b = mpack.AppendMapHeader(b, len(m))
	for k, v := range m {
		b = mpack.AppendRaw(b, k)
		b = mpack.AppendFloat64(b, v)
	}
	return b
}

// Unpack decodes a model without touching the present one, which commit
// replaces. With dropUnmixed the model's diff is left out: the node that it
// comes from will report it itself at the next MIX.
func (w *WeightManager) Unpack(r *mpack.Reader, dropUnmixed bool) (commit func(), err error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, fmt.Errorf("weight manager: %w", err)
	}
	var m WeightManager
	for i := range n {
		switch {
		case i == 0:
			m.version, err = readVersion(r)
		case i == 1 && !dropUnmixed:
			err = m.readTable(r, &m.documents.recent, &m.user.recent, (*counters).setDiff)
		case i == 2:
			err = m.readTable(r, &m.documents.master, &m.user.master, (*counters).setMaster)
		default:
			err = r.Skip()
		}
		if err != nil {
			return nil, fmt.Errorf("weight manager: %w", err)
		}
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.replace(&m)
	}, nil
}

func readVersion(r *mpack.Reader) (v uint64, err error) {
	err = readFields(r, func(i int) (err error) {
		if i > 0 {
			return r.Skip()
		}
		v, err = r.Uint64()
		return err
	})
	return v, err
}

// readTable reads the diff or the master into a manager that has none yet.
func (w *WeightManager) readTable(r *mpack.Reader, documents *uint64, user *map[string]float64,
	set func(t *counters, id uint32, x float64)) error {
	return readFields(r, func(i int) (err error) {
		switch i {
		case 0:
			*documents, err = r.Uint64()
			return err
		case 1:
			return w.features.read(r, set)
		case 2:
			return w.groups.read(r, set)
		case 3:
			return w.lengths.read(r, set)
		case 4:
			*user = map[string]float64{}
			return readMap(r, func(key []byte, x float64) { (*user)[string(key)] = x })
		default:
			return r.Skip()
		}
	})
}

var _ engine.Mixable = (*WeightManager)(nil)

// Diff appends what was counted since the last MIX, [table, [version]], and
// remembers it as sent.
func (w *WeightManager) Diff(b []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	b = mpack.AppendArrayHeader(b, 2)
	b = w.appendDiff(b)
	b = appendVersion(b, w.version)

	w.documents.sent, w.documents.recent = w.documents.diff(), 0
	w.user.sent, w.user.recent = w.userDiff(), nil
	w.features.send()
	w.groups.send()
	w.lengths.send()
	return b
}

// Put adds a folded diff to the master counts if it is of this version, and
// drops what was sent for it; what was counted since stays in the diff.
func (w *WeightManager) Put(r *mpack.Reader) (ok bool, err error) {
	mixed, err := readDiff(r)
	if err != nil {
		return false, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if mixed.version != w.version {
		return false, nil
	}
	w.version++
	w.documents.sent = 0
	w.user.sent = nil
	w.features.dropSent()
	w.groups.dropSent()
	w.lengths.dropSent()
	mixed.addTo(w, (*counters).addMaster)
	w.documents.master += mixed.documents.recent
	if w.user.master == nil {
		w.user.master = map[string]float64{}
	}
	maps.Copy(w.user.master, mixed.user.recent)
	return true, nil
}

// readDiff reads a diff as the recent counts of an otherwise empty manager.
func readDiff(r *mpack.Reader) (*WeightManager, error) {
	var m WeightManager
	err := readFields(r, func(i int) (err error) {
		switch i {
		case 0:
			return m.readTable(r, &m.documents.recent, &m.user.recent, (*counters).setDiff)
		case 1:
			m.version, err = readVersion(r)
			return err
		default:
			return r.Skip()
		}
	})
	if err != nil {
		return nil, fmt.Errorf("weight manager diff: %w", err)
	}
	return &m, nil
}

// addTo adds the diff to counts of another manager.
func (w *WeightManager) addTo(to *WeightManager, add func(t *counters, id uint32, x float64)) {
	w.features.addTo(&to.features, add)
	w.groups.addTo(&to.groups, add)
	w.lengths.addTo(&to.lengths, add)
}

// NewFold returns an empty accumulator of diffs.
func (w *WeightManager) NewFold() engine.Fold { return &weightFold{} }

// weightFold adds up the diffs of the newest version that it has seen.
type weightFold struct{ sum *WeightManager }

func (f *weightFold) Add(diff *mpack.Reader) error {
	d, err := readDiff(diff)
	if err != nil {
		return err
	}
	switch {
	case f.sum == nil || d.version > f.sum.version:
		f.sum = d
	case d.version == f.sum.version:
		d.addTo(f.sum, (*counters).add)
		f.sum.documents.recent += d.documents.recent
		if f.sum.user.recent == nil {
			f.sum.user.recent = d.user.recent
		} else {
			maps.Copy(f.sum.user.recent, d.user.recent)
		}
	}
	return nil
}

func (f *weightFold) Append(b []byte) []byte {
	sum := f.sum
	if sum == nil {
		sum = &WeightManager{}
	}
	b = mpack.AppendArrayHeader(b, 2)
	b = sum.appendDiff(b)
	return appendVersion(b, sum.version)
}

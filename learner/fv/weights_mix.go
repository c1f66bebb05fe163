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
	b = w.appendTable(b, inDiff)
	return w.appendTable(b, inMaster)
}

func appendVersion(b []byte, v uint64) []byte {
	return mpack.AppendUint(mpack.AppendArrayHeader(b, 1), v)
}

func (w *WeightManager) appendTable(b []byte, in tables) []byte {
	documents, user := w.documents.master, w.user.master
	value := func(c *counter) float64 { return c.master }
	if in == inDiff {
		documents, user = w.documents.diff(), w.userDiff()
		value = (*counter).diff
	}
	b = mpack.AppendArrayHeader(b, 5)
	b = mpack.AppendUint(b, documents)

	b = mpack.AppendArrayHeader(b, 1)
	b = mpack.AppendMapHeader(b, w.countFeatures(in))
	for i := range w.features {
		if c := &w.features[i]; c.in&in != 0 {
			b = mpack.AppendRaw(b, w.keys.key(uint32(i)))
			b = mpack.AppendFloat64(b, value(c))
		}
	}
	frequencies, lengths := w.countGroups(in)
	b = mpack.AppendArrayHeader(b, 1)
	b = mpack.AppendMapHeader(b, frequencies)
	for i := range w.bm25 {
		if c := &w.bm25[i].frequency; c.in&in != 0 {
			b = mpack.AppendRaw(b, w.groups.key(uint32(i)))
			b = mpack.AppendFloat64(b, value(c))
		}
	}
	b = mpack.AppendArrayHeader(b, 1)
	b = mpack.AppendMapHeader(b, lengths)
	for i := range w.bm25 {
		if c := &w.bm25[i].length; c.in&in != 0 {
			b = mpack.AppendRaw(b, w.groups.key(uint32(i)))
			b = mpack.AppendFloat64(b, value(c))
		}
	}
	b = mpack.AppendMapHeader(b, len(user))
	for k, v := range user {
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
			err = m.readTable(r, inRecent)
		case i == 2:
			err = m.readTable(r, inMaster)
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

// readFields reads a structure, which may have fewer or more fields than
// expected.
func readFields(r *mpack.Reader, field func(i int) error) error {
	n, err := r.ArrayHeader()
	for i := 0; i < n && err == nil; i++ {
		err = field(i)
	}
	return err
}

// readTable adds a table to the recent or the master counts.
func (w *WeightManager) readTable(r *mpack.Reader, in tables) error {
	put := func(c *counter, x float64) {
		if in == inMaster {
			c.addMaster(x)
		} else {
			c.add(x)
		}
	}
	return readFields(r, func(i int) error {
		switch i {
		case 0:
			n, err := r.Uint64()
			if in == inMaster {
				w.documents.master += n
			} else {
				w.documents.recent += n
			}
			return err
		case 1:
			return readCounters(r, func(key []byte, x float64) { put(w.feature(key, hashKey(key)), x) })
		case 2:
			return readCounters(r, func(key []byte, x float64) { put(&w.group(key, hashKey(key)).frequency, x) })
		case 3:
			return readCounters(r, func(key []byte, x float64) { put(&w.group(key, hashKey(key)).length, x) })
		case 4:
			user := &w.user.recent
			if in == inMaster {
				user = &w.user.master
			}
			return readMap(r, func(key []byte, x float64) {
				if *user == nil {
					*user = map[string]float64{}
				}
				(*user)[string(key)] = x
			})
		default:
			return r.Skip()
		}
	})
}

// readCounters reads a map that lies alone in an array.
func readCounters(r *mpack.Reader, put func(key []byte, x float64)) error {
	return readFields(r, func(i int) error {
		if i > 0 {
			return r.Skip()
		}
		return readMap(r, put)
	})
}

func readMap(r *mpack.Reader, put func(key []byte, x float64)) error {
	n, err := r.MapHeader()
	if err != nil {
		return err
	}
	for range n {
		key, err := r.Raw()
		if err != nil {
			return err
		}
		x, err := r.Float64()
		if err != nil {
			return err
		}
		put(key, x)
	}
	return nil
}

var _ engine.Mixable = (*WeightManager)(nil)

// Diff appends what was counted since the last MIX, [table, [version]], and
// remembers it as sent.
func (w *WeightManager) Diff(b []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	b = mpack.AppendArrayHeader(b, 2)
	b = w.appendTable(b, inDiff)
	b = appendVersion(b, w.version)

	w.documents.sent, w.documents.recent = w.documents.diff(), 0
	w.user.sent, w.user.recent = w.userDiff(), nil
	for i := range w.features {
		w.features[i].send()
	}
	for i := range w.bm25 {
		w.bm25[i].frequency.send()
		w.bm25[i].length.send()
	}
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
	for i := range w.features {
		w.features[i].dropSent()
	}
	for i := range w.bm25 {
		w.bm25[i].frequency.dropSent()
		w.bm25[i].length.dropSent()
	}
	mixed.addTo(w, (*counter).addMaster)
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
			return m.readTable(r, inRecent)
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

// addTo adds the recent counts to those of another manager.
func (w *WeightManager) addTo(to *WeightManager, add func(c *counter, x float64)) {
	for i := range w.features {
		if c := &w.features[i]; c.in != 0 {
			add(to.feature(w.keys.key(uint32(i)), w.keys.keys[i].hash), c.recent)
		}
	}
	for i := range w.bm25 {
		g := to.group(w.groups.key(uint32(i)), w.groups.keys[i].hash)
		if c := &w.bm25[i].frequency; c.in != 0 {
			add(&g.frequency, c.recent)
		}
		if c := &w.bm25[i].length; c.in != 0 {
			add(&g.length, c.recent)
		}
	}
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
		d.addTo(f.sum, (*counter).add)
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
	b = sum.appendTable(b, inDiff)
	return appendVersion(b, sum.version)
}

package fv

import (
	"math"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// counters counts something for each key. The diff of a model, what was
// counted since the last MIX, is recent plus sent; the master is what all
// nodes have agreed on.
type counters struct {
	keys    keyTable
	list    []counter // by id in keys
	diff    []uint32  // ids of the keys in the diff
	masters int       // how many keys the master has
}

type counter struct {
	recent, sent, master float64
	in                   tables // the tables that have the key at all
}

type tables uint8

const (
	inRecent tables = 1 << iota
	inSent
	inMaster
	inDiff = inRecent | inSent
)

// intern returns the id of a key, a new one if there is none.
func (t *counters) intern(key []byte, hash uint32) uint32 {
	id, added := t.keys.intern(key, hash)
	if added {
		t.list = append(t.list, counter{})
	}
	return id
}

// add adds to what was counted recently.
func (t *counters) add(id uint32, x float64) {
	c := &t.list[id]
	if c.in&inDiff == 0 {
		t.diff = append(t.diff, id)
	}
	c.recent += x
	c.in |= inRecent
}

// addMaster adds to the master.
func (t *counters) addMaster(id uint32, x float64) {
	c := &t.list[id]
	if c.in&inMaster == 0 {
		t.masters++
	}
	c.master += x
	c.in |= inMaster
}

// total returns diff plus master of a key.
func (t *counters) total(key []byte, hash uint32) float64 {
	id, ok := t.keys.find(key, hash)
	if !ok {
		return 0
	}
	c := &t.list[id]
	return c.recent + c.sent + c.master
}

// frequency returns the count of an id as weights use it: the whole part of
// the diff plus that of the master.
func (t *counters) frequency(id uint32) float64 {
	c := &t.list[id]
	return math.Trunc(c.recent+c.sent) + math.Trunc(c.master)
}

// send marks the diff as sent: its next Put drops it.
func (t *counters) send() {
	for _, id := range t.diff {
		if c := &t.list[id]; c.in&inRecent != 0 {
			c.sent += c.recent
			c.recent = 0
			c.in = c.in&^inRecent | inSent
		}
	}
}

// dropSent forgets what was sent: it has come back in the mixed diff.
func (t *counters) dropSent() {
	kept := t.diff[:0]
	for _, id := range t.diff {
		c := &t.list[id]
		c.sent = 0
		c.in &^= inSent
		if c.in&inRecent != 0 {
			kept = append(kept, id)
		}
	}
	t.diff = kept
}

// addTo calls add for every key of the diff.
func (t *counters) addTo(to *counters, add func(t *counters, id uint32, x float64)) {
	for _, id := range t.diff {
		add(to, to.intern(t.keys.key(id), t.keys.keys[id].hash), t.list[id].recent)
	}
}

// appendDiff appends the diff as a map that lies alone in an array.
func (t *counters) appendDiff(b []byte) []byte {
	b = mpack.AppendMapHeader(mpack.AppendArrayHeader(b, 1), len(t.diff))
	for _, id := range t.diff {
		b = mpack.AppendRaw(b, t.keys.key(id))
		b = mpack.AppendFloat64(b, t.list[id].recent+t.list[id].sent)
	}
	return b
}

// appendMaster appends the master as a map that lies alone in an array.
func (t *counters) appendMaster(b []byte) []byte {
	b = mpack.AppendMapHeader(mpack.AppendArrayHeader(b, 1), t.masters)
	for id := range t.list {
		if t.list[id].in&inMaster != 0 {
			b = mpack.AppendRaw(b, t.keys.key(uint32(id)))
			b = mpack.AppendFloat64(b, t.list[id].master)
		}
	}
	return b
}

// read reads the diff, or the master, of a table that has none yet. Of keys
// that repeat the last counts.
func (t *counters) read(r *mpack.Reader, add func(t *counters, id uint32, x float64)) error {
	return readFields(r, func(i int) error {
		if i > 0 {
			return r.Skip()
		}
		return readMap(r, func(key []byte, x float64) { add(t, t.intern(key, hashKey(key)), x) })
	})
}

// setDiff and setMaster are what read does with a count.
func (t *counters) setDiff(id uint32, x float64) {
	t.add(id, 0)
	t.list[id].recent = x
}

func (t *counters) setMaster(id uint32, x float64) {
	t.addMaster(id, 0)
	t.list[id].master = x
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

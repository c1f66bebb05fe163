package storage

import (
	"maps"
	"slices"
	"sync/atomic"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Counts counts labels. Like a Linear it keeps apart what nodes have in common
// and what this one counted since the last mix; the count is the sum of both.
// Arithmetic wraps around.
//
// Methods that change the counts need them alone; the others may share them.
type Counts struct {
	byLabel map[string]*count
	version uint64
	sent    map[string]uint64

	// sorted is computed when first asked for and dropped when the labels
	// change, as is the listing of a registry.
	sorted atomic.Pointer[[]string]
}

type count struct {
	base, diff     uint64
	inBase, inDiff bool
}

// NewCounts returns counts of nothing.
func NewCounts() *Counts { return &Counts{byLabel: map[string]*count{}} }

func (c *Counts) entry(label []byte) *count {
	n, ok := c.byLabel[string(label)]
	if !ok {
		n = &count{}
		c.byLabel[string(label)] = n
		c.sorted.Store(nil)
	}
	return n
}

// Add counts a label once more.
func (c *Counts) Add(label []byte) {
	n := c.entry(label)
	n.diff++
	n.inDiff = true
}

// Enter enters a label with count 0 and reports whether it is new.
func (c *Counts) Enter(label []byte) bool {
	if c.Has(label) {
		return false
	}
	c.entry(label).inDiff = true
	return true
}

// Has reports whether a label has a count, be it 0.
func (c *Counts) Has(label []byte) bool {
	_, ok := c.byLabel[string(label)]
	return ok
}

// Of returns a label's count.
func (c *Counts) Of(label []byte) uint64 {
	if n, ok := c.byLabel[string(label)]; ok {
		return n.base + n.diff
	}
	return 0
}

// Delete forgets a label and reports whether it had a count.
func (c *Counts) Delete(label []byte) bool {
	_, ok := c.byLabel[string(label)]
	delete(c.byLabel, string(label))
	delete(c.sent, string(label))
	c.sorted.Store(nil)
	return ok
}

// Drop counts a label once less. With its last count it is forgotten.
func (c *Counts) Drop(label []byte) {
	n, ok := c.byLabel[string(label)]
	if !ok {
		return
	}
	n.diff--
	n.inDiff = true
	if n.base+n.diff == 0 {
		c.Delete(label)
	}
}

// Reset keeps the labels, each with count 0.
func (c *Counts) Reset() {
	for _, n := range c.byLabel {
		*n = count{inDiff: true}
	}
	c.sent = nil
}

// Clear forgets everything but the version.
func (c *Counts) Clear() {
	c.byLabel, c.sent = map[string]*count{}, nil
	c.sorted.Store(nil)
}

// Labels returns the labels in the order of their bytes. The caller must not
// change the list.
func (c *Counts) Labels() []string {
	if p := c.sorted.Load(); p != nil {
		return *p
	}
	list := slices.Sorted(maps.Keys(c.byLabel))
	c.sorted.Store(&list)
	return list
}

// AppendAll appends {label: count} in the order of the labels.
func (c *Counts) AppendAll(b []byte) []byte {
	b = mpack.AppendMapHeader(b, len(c.byLabel))
	for _, label := range c.Labels() {
		b = mpack.AppendRaw(b, label)
		n := c.byLabel[label]
		b = mpack.AppendUint(b, n.base+n.diff)
	}
	return b
}

// Pack appends [{label: base}, {label: diff}, [version]].
func (c *Counts) Pack(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 3)
	b = c.appendPart(b, func(n *count) (uint64, bool) { return n.base, n.inBase })
	b = c.appendPart(b, func(n *count) (uint64, bool) { return n.diff, n.inDiff })
	b = mpack.AppendArrayHeader(b, 1)
	return mpack.AppendUint(b, c.version)
}

func (c *Counts) appendPart(b []byte, part func(*count) (uint64, bool)) []byte {
	n := 0
	for _, e := range c.byLabel {
		if _, ok := part(e); ok {
			n++
		}
	}
	b = mpack.AppendMapHeader(b, n)
	for _, label := range c.Labels() {
		if v, ok := part(c.byLabel[label]); ok {
			b = mpack.AppendRaw(b, label)
			b = mpack.AppendUint(b, v)
		}
	}
	return b
}

// Unpack reads what Pack wrote and returns what makes it the contents.
// Missing elements at the end are empty. With dropDiff what the writer had not
// mixed yet is left out.
func (c *Counts) Unpack(r *mpack.Reader, dropDiff bool) (commit func(), err error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, err
	}
	fresh := NewCounts()
	for i := range n {
		switch i {
		case 0:
			err = eachEntry(r, func(label []byte, v uint64) {
				e := fresh.entry(label)
				e.base, e.inBase = v, true
			})
		case 1:
			err = eachEntry(r, func(label []byte, v uint64) {
				if !dropDiff {
					e := fresh.entry(label)
					e.diff, e.inDiff = v, true
				}
			})
		case 2:
			fresh.version, err = readVersion(r)
		default:
			err = r.Skip()
		}
		if err != nil {
			return nil, err
		}
	}
	return func() {
		c.byLabel, c.version, c.sent = fresh.byLabel, fresh.version, nil
		c.sorted.Store(nil)
	}, nil
}

// Version is how many diffs have been put.
func (c *Counts) Version() uint64 { return c.version }

// Diff appends {label: count since the last mix} and remembers it as sent.
func (c *Counts) Diff(b []byte) []byte {
	c.sent = map[string]uint64{}
	for label, n := range c.byLabel {
		if n.inDiff {
			c.sent[label] = n.diff
		}
	}
	return c.appendPart(b, func(n *count) (uint64, bool) { return n.diff, n.inDiff })
}

// Put adds mixed counts to the base, whatever their version, and takes what
// Diff had sent out of the diff, unless the mixed counts show that it has not
// arrived.
func (c *Counts) Put(r *mpack.Reader) (ok bool, err error) {
	mixed := map[string]uint64{}
	if err := eachEntry(r, func(label []byte, v uint64) { mixed[string(label)] = v }); err != nil {
		return false, err
	}
	arrived := true
	for label := range c.sent {
		if _, ok := mixed[label]; !ok {
			arrived = false
		}
	}
	if arrived {
		for label, v := range c.sent {
			n := c.byLabel[label]
			n.diff -= v
			n.inDiff = n.diff != 0
		}
	}
	c.sent = nil
	for label, v := range mixed {
		n := c.entry([]byte(label))
		n.base += v
		n.inBase = true
	}
	c.version++
	return true, nil
}

// NewFold returns an empty accumulator of count diffs.
func (c *Counts) NewFold() engine.Fold { return countsFold{} }

// countsFold sums counts by label.
type countsFold map[string]uint64

func (a countsFold) Add(diff *mpack.Reader) error {
	check := *diff
	if err := eachEntry(&check, nil); err != nil {
		return err
	}
	return eachEntry(diff, func(label []byte, v uint64) { a[string(label)] += v })
}

func (a countsFold) Append(b []byte) []byte {
	b = mpack.AppendMapHeader(b, len(a))
	for _, label := range slices.Sorted(maps.Keys(a)) {
		b = mpack.AppendRaw(b, label)
		b = mpack.AppendUint(b, a[label])
	}
	return b
}

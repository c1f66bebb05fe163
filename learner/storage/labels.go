package storage

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Label is the dense number of a label in a Linear. Numbers of deleted labels
// are given out again; the ids that models carry are not.
type Label uint32

// NoLabel is none.
const NoLabel = ^Label(0)

// registry knows the labels: their dense numbers, their ids in models, which
// count up from 0 and never come back, and the order they are listed in.
type registry struct {
	byName map[string]Label
	slots  []labelSlot
	free   []Label
	next   uint64      // the id of the next label
	byID   bucketOrder // the order of the table id -> label

	// listing is computed when first asked for and dropped when the labels
	// change. Readers that share the model may compute it at the same time:
	// they come to the same.
	listing atomic.Pointer[[]Label]
}

type labelSlot struct {
	name string
	id   uint64
}

func newRegistry() *registry { return &registry{byName: map[string]Label{}} }

// add registers a label that is not registered, under the next id.
func (r *registry) add(name string) Label {
	l := r.addWithID(name, r.next)
	r.next++
	return l
}

func (r *registry) addWithID(name string, id uint64) Label {
	name = strings.Clone(name)
	l := Label(len(r.slots))
	if n := len(r.free); n > 0 {
		l = r.free[n-1]
		r.free = r.free[:n-1]
		r.slots[l] = labelSlot{name, id}
	} else {
		r.slots = append(r.slots, labelSlot{name, id})
	}
	r.byName[name] = l
	r.byID.insert(id, l)
	r.listing.Store(nil)
	return l
}

func (r *registry) remove(l Label) {
	s := &r.slots[l]
	delete(r.byName, s.name)
	r.byID.remove(s.id, l)
	*s = labelSlot{}
	r.free = append(r.free, l)
	r.listing.Store(nil)
}

func (r *registry) list() []Label {
	if p := r.listing.Load(); p != nil {
		return *p
	}
	var byName bucketOrder
	for l := range r.byID.all {
		byName.insert(labelHash(r.slots[l].name), l)
	}
	list := slices.AppendSeq(make([]Label, 0, len(r.byName)), byName.all)
	r.listing.Store(&list)
	return list
}

// pack appends [{label: id}, {id: label}, next id].
func (r *registry) pack(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 3)
	b = mpack.AppendMapHeader(b, len(r.byName))
	for l := range r.byID.all {
		b = mpack.AppendRaw(b, r.slots[l].name)
		b = mpack.AppendUint(b, r.slots[l].id)
	}
	b = mpack.AppendMapHeader(b, len(r.byName))
	for l := range r.byID.all {
		b = mpack.AppendUint(b, r.slots[l].id)
		b = mpack.AppendRaw(b, r.slots[l].name)
	}
	return mpack.AppendUint(b, r.next)
}

// unpackRegistry reads what pack wrote; missing elements at the end are
// empty. It returns the labels by their ids too. The table id -> label rules,
// as it decides the order; of labels or ids that repeat the first one counts.
func unpackRegistry(r *mpack.Reader) (*registry, map[uint64]Label, error) {
	g, ids := newRegistry(), map[uint64]Label{}
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, nil, err
	}
	enter := func(name []byte, id uint64) {
		_, haveName := g.byName[string(name)]
		if _, haveID := ids[id]; !haveName && !haveID {
			ids[id] = g.addWithID(string(name), id)
			if id >= g.next && id+1 != 0 {
				g.next = id + 1
			}
		}
	}
	var forward mpack.Reader
	for i := range n {
		switch i {
		case 0:
			var o []byte
			if o, err = r.Object(); err == nil {
				forward = mpack.NewReader(o)
				err = eachEntry(&forward, nil)
				forward = mpack.NewReader(o)
			}
		case 1:
			var m int
			if m, err = r.MapHeader(); err != nil {
				break
			}
			for range m {
				var id uint64
				var name []byte
				if id, err = r.Uint64(); err != nil {
					return nil, nil, err
				}
				if name, err = r.Raw(); err != nil {
					return nil, nil, err
				}
				enter(name, id)
			}
		case 2:
			var next uint64
			if next, err = r.Uint64(); err == nil {
				g.next = max(g.next, next)
			}
		default:
			err = r.Skip()
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if n > 0 {
		if err := eachEntry(&forward, enter); err != nil {
			return nil, nil, err
		}
	}
	return g, ids, nil
}

// eachEntry reads a map of names to numbers.
func eachEntry(r *mpack.Reader, do func(name []byte, n uint64)) error {
	m, err := r.MapHeader()
	if err != nil {
		return err
	}
	for range m {
		name, err := r.Raw()
		if err != nil {
			return err
		}
		n, err := r.Uint64()
		if err != nil {
			return err
		}
		if do != nil {
			do(name, n)
		}
	}
	return nil
}

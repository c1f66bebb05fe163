package bandit

import (
	"cmp"
	"slices"
)

// names gives names small numbers. Numbers that are released are given out
// again.
type names struct {
	ids  map[string]uint32
	list []string
	free []uint32
}

func newNames() names { return names{ids: map[string]uint32{}} }

// intern returns the number of a name, a new one if it has none.
func (n *names) intern(name []byte) uint32 {
	if id, ok := n.ids[string(name)]; ok {
		return id
	}
	s := string(name)
	var id uint32
	if last := len(n.free) - 1; last >= 0 {
		id = n.free[last]
		n.free = n.free[:last]
		n.list[id] = s
	} else {
		id = uint32(len(n.list))
		n.list = append(n.list, s)
	}
	n.ids[s] = id
	return id
}

func (n *names) release(id uint32) {
	delete(n.ids, n.list[id])
	n.list[id] = ""
	n.free = append(n.free, id)
}

// arms are those that are registered. Names can be known that are not: a MIX
// brings numbers of arms that are gone here and not yet elsewhere.
type arms struct {
	names  names
	order  []uint32       // in the order of registration
	sorted []uint32       // in the order of their names
	places map[uint32]int // in the order of registration
	none   tally          // nothing of any of them
}

func newArms() arms { return arms{names: newNames(), places: map[uint32]int{}} }

// find returns the number of an arm and its place in the order, -1 if it is
// not registered.
func (a *arms) find(name []byte) (arm uint32, place int) {
	if id, ok := a.names.ids[string(name)]; ok {
		if place, ok := a.places[id]; ok {
			return id, place
		}
	}
	return 0, -1
}

// add registers an arm, last of all, and reports whether it was not there.
func (a *arms) add(name []byte) bool {
	id, ok := a.enter(name)
	if ok {
		i, _ := slices.BinarySearchFunc(a.sorted, a.names.list[id], a.compare)
		a.sorted = slices.Insert(a.sorted, i, id)
		a.none.add(id, numbers{})
	}
	return ok
}

// addAll registers arms of which none has numbers yet, in time that hardly
// grows faster than their number.
func (a *arms) addAll(names [][]byte) {
	for _, name := range names {
		if id, ok := a.enter(name); ok {
			a.sorted = append(a.sorted, id)
			a.none.cells = append(a.none.cells, cell{arm: id})
		}
	}
	slices.SortFunc(a.sorted, func(x, y uint32) int { return a.compare(x, a.names.list[y]) })
	slices.SortFunc(a.none.cells, func(x, y cell) int { return byArm(x, y.arm) })
}

// enter registers an arm as far as it concerns the order.
func (a *arms) enter(name []byte) (id uint32, ok bool) {
	if _, place := a.find(name); place >= 0 {
		return 0, false
	}
	id = a.names.intern(name)
	a.places[id] = len(a.order)
	a.order = append(a.order, id)
	return id, true
}

// remove takes an arm out that is registered, of which no numbers are left.
func (a *arms) remove(id uint32) {
	place := a.places[id]
	a.order = slices.Delete(a.order, place, place+1)
	delete(a.places, id)
	for i, id := range a.order[place:] {
		a.places[id] = place + i
	}
	i, _ := slices.BinarySearchFunc(a.sorted, a.names.list[id], a.compare)
	a.sorted = slices.Delete(a.sorted, i, i+1)
	a.none.remove(id)
	a.names.release(id)
}

func (a *arms) compare(id uint32, name string) int { return cmp.Compare(a.names.list[id], name) }

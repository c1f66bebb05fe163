package graph

// table keeps rows under 64-bit ids. A row stays in its place, a small dense
// number, for as long as it is there; places are used again.
type table[T any] struct {
	places map[uint64]uint32
	rows   []T
	free   []uint32
}

// find returns the place of an id.
func (t *table[T]) find(id uint64) (place uint32, ok bool) {
	place, ok = t.places[id]
	return place, ok
}

// get returns the row of an id, nil if there is none. It is valid until the
// next add.
func (t *table[T]) get(id uint64) *T {
	place, ok := t.places[id]
	if !ok {
		return nil
	}
	return &t.rows[place]
}

// add adds a row for an id that has none.
func (t *table[T]) add(id uint64, row T) uint32 {
	if t.places == nil {
		t.places = map[uint64]uint32{}
	}
	var place uint32
	if n := len(t.free); n > 0 {
		place = t.free[n-1]
		t.free = t.free[:n-1]
		t.rows[place] = row
	} else {
		place = uint32(len(t.rows))
		t.rows = append(t.rows, row)
	}
	t.places[id] = place
	return place
}

// remove removes the row of an id.
func (t *table[T]) remove(id uint64) {
	place, ok := t.places[id]
	if !ok {
		return
	}
	var zero T
	t.rows[place] = zero
	t.free = append(t.free, place)
	delete(t.places, id)
}

// len is the number of rows.
func (t *table[T]) len() int { return len(t.places) }

package unlearner

import (
	"strconv"

	"github.com/jubatus/jubatus-go/learner/mt19937"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Random forgets any of the ids.
type Random struct {
	size   int
	source *mt19937.Source
	forget func(id string)

	ids    []string
	places map[string]int // of the ids in ids
}

// NewRandom returns a Random of so many ids, at least one.
func NewRandom(size int, seed uint32) *Random {
	u := &Random{size: size, source: mt19937.New(seed), forget: func(string) {}}
	u.Clear()
	return u
}

// OnForget implements Unlearner.
func (u *Random) OnForget(forget func(id string)) { u.forget = forget }

// CanTouch implements Unlearner: always.
func (u *Random) CanTouch([]byte) bool { return true }

// Knows implements Unlearner.
func (u *Random) Knows(id []byte) bool {
	_, ok := u.places[string(id)]
	return ok
}

// Touch implements Unlearner.
func (u *Random) Touch(id []byte) bool {
	switch {
	case u.Knows(id):
	case len(u.ids) < u.size:
		u.places[string(id)] = len(u.ids)
		u.ids = append(u.ids, string(id))
	default:
		at := u.source.Intn(len(u.ids))
		u.forget(u.ids[at])
		delete(u.places, u.ids[at])
		u.ids[at] = string(id)
		u.places[u.ids[at]] = at
	}
	return true
}

// Remove implements Unlearner.
func (u *Random) Remove(id []byte) bool {
	at, ok := u.places[string(id)]
	if !ok {
		return false
	}
	last := len(u.ids) - 1
	u.ids[at] = u.ids[last]
	u.places[u.ids[at]] = at
	u.ids[last] = ""
	u.ids = u.ids[:last]
	delete(u.places, string(id))
	return true
}

// Clear implements Unlearner. The generator goes on.
func (u *Random) Clear() { u.ids, u.places = nil, map[string]int{} }

// Pack implements Unlearner: [{id: place}, [id…]].
func (u *Random) Pack(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendMapHeader(b, len(u.ids))
	for i, id := range u.ids {
		b = mpack.AppendRaw(b, id)
		b = mpack.AppendUint(b, uint64(i))
	}
	b = mpack.AppendArrayHeader(b, len(u.ids))
	for _, id := range u.ids {
		b = mpack.AppendRaw(b, id)
	}
	return b
}

// Unpack implements Unlearner. The places follow from the list of ids.
func (u *Random) Unpack(r *mpack.Reader) (commit func(), err error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, err
	}
	var ids []string
	places := map[string]int{}
	for i := range n {
		switch i {
		case 0:
			if r.Kind() != mpack.Map {
				return nil, mpack.ErrType
			}
			err = r.Skip()
		case 1:
			err = eachID(r, func(id []byte) {
				if _, ok := places[string(id)]; !ok {
					places[string(id)] = len(ids)
					ids = append(ids, string(id))
				}
			})
		default:
			err = r.Skip()
		}
		if err != nil {
			return nil, err
		}
	}
	return func() { u.ids, u.places = ids, places }, nil
}

// Status implements Unlearner.
func (u *Random) Status(set func(key, value string)) {
	set("num_unlearner_ids", strconv.Itoa(len(u.ids)))
}

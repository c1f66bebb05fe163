package unlearner

import (
	"container/list"
	"maps"
	"slices"
	"strconv"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// LRU forgets the id that was updated least recently. Ids that match a
// pattern are sticky: they take room and are never forgotten.
type LRU struct {
	size     int
	isSticky func(id []byte) bool
	forget   func(id string)

	recent *list.List // of string, the newest in front
	held   map[string]*list.Element
	sticky map[string]struct{}
}

// NewLRU returns an LRU of so many ids, at least one. isSticky tells the ids
// that are never forgotten; nil if there are none.
func NewLRU(size int, isSticky func(id []byte) bool) *LRU {
	if isSticky == nil {
		isSticky = func([]byte) bool { return false }
	}
	u := &LRU{size: size, isSticky: isSticky, forget: func(string) {}}
	u.Clear()
	return u
}

// OnForget implements Unlearner.
func (u *LRU) OnForget(forget func(id string)) { u.forget = forget }

// CanTouch implements Unlearner: false if only sticky ids are held and there
// is no room for another id.
func (u *LRU) CanTouch(id []byte) bool { return len(u.sticky) < u.size || u.Knows(id) }

// Knows implements Unlearner.
func (u *LRU) Knows(id []byte) bool {
	if _, ok := u.held[string(id)]; ok {
		return true
	}
	_, ok := u.sticky[string(id)]
	return ok
}

// Touch implements Unlearner.
func (u *LRU) Touch(id []byte) bool {
	if e, ok := u.held[string(id)]; ok {
		u.recent.MoveToFront(e)
		return true
	}
	if _, ok := u.sticky[string(id)]; ok {
		return true
	}
	if len(u.held)+len(u.sticky) >= u.size {
		oldest := u.recent.Back()
		if oldest == nil {
			return false
		}
		victim := oldest.Value.(string)
		u.forget(victim)
		u.recent.Remove(oldest)
		delete(u.held, victim)
	}
	if u.isSticky(id) {
		u.sticky[string(id)] = struct{}{}
	} else {
		u.held[string(id)] = u.recent.PushFront(string(id))
	}
	return true
}

// Remove implements Unlearner.
func (u *LRU) Remove(id []byte) bool {
	if e, ok := u.held[string(id)]; ok {
		u.recent.Remove(e)
		delete(u.held, string(id))
		return true
	}
	_, ok := u.sticky[string(id)]
	delete(u.sticky, string(id))
	return ok
}

// Clear implements Unlearner.
func (u *LRU) Clear() {
	u.recent, u.held, u.sticky = list.New(), map[string]*list.Element{}, map[string]struct{}{}
}

// Pack implements Unlearner: [[id, newest first…], [sticky id…]].
func (u *LRU) Pack(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendArrayHeader(b, u.recent.Len())
	for e := u.recent.Front(); e != nil; e = e.Next() {
		b = mpack.AppendRaw(b, e.Value.(string))
	}
	b = mpack.AppendArrayHeader(b, len(u.sticky))
	for _, id := range slices.Sorted(maps.Keys(u.sticky)) {
		b = mpack.AppendRaw(b, id)
	}
	return b
}

// Unpack implements Unlearner.
func (u *LRU) Unpack(r *mpack.Reader) (commit func(), err error) {
	fresh := NewLRU(u.size, u.isSticky)
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, err
	}
	for i := range n {
		switch i {
		case 0:
			err = eachID(r, func(id []byte) {
				if _, ok := fresh.held[string(id)]; !ok {
					fresh.held[string(id)] = fresh.recent.PushBack(string(id))
				}
			})
		case 1:
			err = eachID(r, func(id []byte) { fresh.sticky[string(id)] = struct{}{} })
		default:
			err = r.Skip()
		}
		if err != nil {
			return nil, err
		}
	}
	return func() { u.recent, u.held, u.sticky = fresh.recent, fresh.held, fresh.sticky }, nil
}

func eachID(r *mpack.Reader, do func(id []byte)) error {
	n, err := r.ArrayHeader()
	if err != nil {
		return err
	}
	for range n {
		id, err := r.Raw()
		if err != nil {
			return err
		}
		do(id)
	}
	return nil
}

// Status implements Unlearner. The first key counts the ids that can be
// forgotten, whatever its name says.
func (u *LRU) Status(set func(key, value string)) {
	set("num_unlearner_unlearned_ids", strconv.Itoa(u.recent.Len()))
	set("num_unlearner_sticky_ids", strconv.Itoa(len(u.sticky)))
}

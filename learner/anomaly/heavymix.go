package anomaly

import (
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func (h *heavy) mixables() []engine.Mixable {
	list := []engine.Mixable{h.stats}
	for _, m := range h.rows.mixables() {
		n := nested{Mixable: m, h: h}
		if p, ok := m.(engine.Pusher); ok {
			list = append(list, nestedPusher{n, p})
		} else {
			list = append(list, n)
		}
	}
	return list
}

// nested is what the nested method mixes, behind the statistics.
type nested struct {
	engine.Mixable
	h *heavy
}

// Keep implements engine.Keeper.
func (n nested) Keep() {
	if k, ok := n.Mixable.(engine.Keeper); ok {
		k.Keep()
	}
}

// Put implements engine.Mixable. Rows that were removed on one node, while
// another one still shared them, come without statistics, and must not stay:
// nobody could be compared with them.
func (n nested) Put(r *mpack.Reader) (ok bool, err error) {
	ok, err = n.Mixable.Put(r)
	n.h.rows.mixed()
	n.h.removeTaken()
	return ok, err
}

func (h *heavy) removeTaken() {
	for _, id := range h.taken {
		if !h.knows([]byte(id)) {
			h.rows.remove([]byte(id))
		}
	}
	h.taken = h.taken[:0]
}

// nestedPusher is nested for rows that push mixers exchange, too. They do not
// exchange statistics, so these are computed here.
type nestedPusher struct {
	nested
	engine.Pusher
}

// Push implements engine.Pusher.
func (n nestedPusher) Push(diff *mpack.Reader) error {
	err := n.Pusher.Push(diff)
	n.h.rows.mixed()
	n.h.adopt()
	return err
}

// adopt computes the statistics of rows that have none.
func (h *heavy) adopt() {
	h.affected.reset()
	h.rows.eachID(func(id []byte) {
		if !h.knows(id) {
			h.affected.add(h.stats.row(id))
		}
	})
	h.refresh()
}

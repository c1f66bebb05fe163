package anomaly

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/jubatus/jubatus-go/learner/anomaly/lof"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/knn"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// neighbours finds the rows that are near, by a method of recommenders. What
// changes it needs it alone, the rest may share it.
type neighbours interface {
	// update merges a vector into a row.
	update(id []byte, v *fv.Vector) error
	// remove removes a row, if there is one.
	remove(id []byte)
	clear()

	// row fills v with what was stored of a row here: nothing if there is none.
	row(id []byte, v *fv.Vector)
	// has reports whether that is something.
	has(id []byte) bool

	// nearest and nearestOf return at most limit rows, the nearest first, in
	// list if there is room: of a vector, or of a row, which is among them if
	// the method finds it. Rows get the numbers that number gives their ids.
	// nearestOf needs the model alone. changed is nearestOf for a row that has
	// been updated just now, and must be called after update.
	nearest(v *fv.Vector, limit int, number numbering, list []knn.Neighbor) []knn.Neighbor
	nearestOf(id []byte, limit int, number numbering, list []knn.Neighbor) []knn.Neighbor
	changed(id []byte, limit int, number numbering, list []knn.Neighbor) []knn.Neighbor
	// total reports whether a short ranking is how a longer one begins.
	total() bool
	// keep says for which limit rows will be asked for their neighbours again
	// and again, and mixed that rows have changed in other ways.
	keep(limit int)
	mixed()

	len() int
	eachID(do func(id []byte))

	pack(b []byte) []byte
	unpack(r *mpack.Reader, from engine.Source) (commit func(), err error)
	status(set func(key, value string))
	mixables() []engine.Mixable
}

// numbering gives numbers to ids.
type numbering = func(id []byte) int

// heavy is the method lof: neighbours by a method of recommenders, which keeps
// rows as they came and merges what is added to them.
type heavy struct {
	settings
	rows    neighbours
	stats   *statistics
	find    numbering // of stats; row makes the number if need be
	row     numbering
	ignored uint64
	taken   []string // rows that go by MIX, until the nested method has mixed, too

	// The memory of what changes rows.
	affected rowSet // the numbers in stats of whose statistics are to be renewed
	lists    knn.Lists
	list     []knn.Neighbor
	around   []knn.Neighbor // the row that was stored last
	stale    bool           // if a row has gone since
	stored   fv.Vector
	merged   sample
	id       []byte
}

func newHeavy(s settings, env engine.Env) (method, error) {
	rows, err := newNeighbours(s.nested, s.parameter, env)
	if err != nil {
		return nil, err
	}
	return newHeavyOn(s, rows), nil
}

func newHeavyOn(s settings, rows neighbours) *heavy {
	h := &heavy{settings: s, rows: rows, stats: newStatistics()}
	h.find, h.row = h.stats.find, h.stats.row
	rows.keep(s.k)
	h.stats.gone = func(id []byte) { h.taken = append(h.taken, string(id)) }
	if s.unlearner != nil {
		h.stats.unlearner = s.unlearner
		s.unlearner.OnForget(func(id string) {
			h.drop([]byte(id))
			if h.stats.putting {
				h.taken = append(h.taken, id) // the row itself is yet to come
			}
		})
	}
	return h
}

func (h *heavy) name() string    { return "lof" }
func (h *heavy) adding() string  { return "update" }
func (h *heavy) prepare(*sample) {}

func (h *heavy) add(id []byte, x *sample) (float64, error) { return h.update(id, x) }

// overwrite replaces a row. It is gone even if the new one is ignored.
func (h *heavy) overwrite(id []byte, x *sample) (float64, error) {
	h.drop(id)
	return h.update(id, x)
}

func (h *heavy) update(id []byte, x *sample) (float64, error) {
	if h.unlearner != nil && !h.unlearner.CanTouch(id) {
		return 0, errors.New("cannot add new row as number of sticky rows reached the maximum size of unlearner: " + string(id))
	}
	if h.same(id, x) {
		return h.score(&h.merged)
	}
	h.affected.reset()
	if err := h.put(id, x); err != nil {
		return 0, err
	}
	h.refresh()
	if h.unlearner != nil {
		h.unlearner.Touch(id)
	}
	if h.stale || !h.rows.total() {
		h.around = h.rows.nearestOf(id, h.k+1, h.find, h.around)
	}
	h.around = h.around[:min(h.k+1, len(h.around))]
	return h.judge(lof.Others(h.around, h.stats.find(id)))
}

// put stores a vector and collects the rows around where its row was and is,
// for which it may be a neighbour. It sets h.around.
func (h *heavy) put(id []byte, x *sample) error {
	if h.rows.has(id) {
		h.list = h.rows.nearestOf(id, h.reverse, h.row, h.list)
		h.affect(h.list)
	}
	if err := h.rows.update(id, &x.vector); err != nil {
		h.rows.mixed()
		return err
	}
	// One ranking serves for who is affected and for the score, if it can.
	limit := h.reverse
	if h.rows.total() {
		limit = max(limit, h.k+1)
	}
	h.around, h.stale = h.rows.changed(id, limit, h.row, h.around), false
	h.affect(h.around[:min(h.reverse, len(h.around))])
	h.affected.add(h.stats.row(id))
	return nil
}

func (h *heavy) affect(list []knn.Neighbor) {
	for _, n := range list {
		h.affected.add(n.Row)
	}
}

// same reports whether what a row becomes is to be ignored because it is where
// k-1 rows are already, and counts it. It sets h.merged.
func (h *heavy) same(id []byte, x *sample) bool {
	if !h.ignore {
		return false
	}
	h.rows.row(id, &h.stored)
	merge(&h.merged.vector, &h.stored, &x.vector)
	h.list = h.rows.nearest(&h.merged.vector, h.k-1, h.find, h.list)
	if !lof.SamePoint(h.list, h.k) {
		return false
	}
	h.ignored++
	return true
}

// merge fills dst with the features of a row, those of v taking the place of
// those of the same key or following them.
func merge(dst, row, v *fv.Vector) {
	values := make(map[string]float64, v.Len())
	for i := range v.Len() {
		values[string(v.Key(i))] = v.Value(i)
	}
	add := func(key []byte, value float64) {
		if changed, ok := values[string(key)]; ok {
			value = changed
		}
		dst.Append(key, value)
	}
	dst.Reset()
	known := make(map[string]struct{}, row.Len()+v.Len())
	for i := range row.Len() {
		known[string(row.Key(i))] = struct{}{}
		add(row.Key(i), row.Value(i))
	}
	for i := range v.Len() {
		if _, ok := known[string(v.Key(i))]; !ok {
			known[string(v.Key(i))] = struct{}{}
			add(v.Key(i), v.Value(i))
		}
	}
}

// refresh renews the statistics of the affected rows.
func (h *heavy) refresh() {
	h.lists.Reset()
	for _, slot := range h.affected.rows {
		h.id = append(h.id[:0], h.stats.entries[slot].id...)
		h.list = h.rows.nearestOf(h.id, h.k, h.find, h.list)
		h.lists.Append(h.list)
	}
	lof.Refresh(h.affected.rows, &h.lists, h.stats, lof.Damped)
}

func (h *heavy) addAll(ids [][]byte, list []*sample) (stored []int, err error) {
	h.affected.reset()
	for i, x := range list {
		if h.unlearner != nil && !h.unlearner.CanTouch(ids[i]) || h.same(ids[i], x) {
			continue
		}
		if err = h.put(ids[i], x); err != nil {
			break
		}
		if h.unlearner != nil {
			h.unlearner.Touch(ids[i])
		}
		stored = append(stored, i)
	}
	h.refresh()
	return stored, err
}

func (h *heavy) remove(id []byte) error {
	h.drop(id)
	if h.unlearner != nil {
		h.unlearner.Remove(id)
	}
	return nil
}

// drop removes a row without the unlearner being told.
func (h *heavy) drop(id []byte) {
	h.rows.remove(id)
	h.stats.remove(id)
	h.affected.remove(h.stats.find(id))
	h.stale = true
}

func (h *heavy) clear() {
	h.rows.clear()
	h.stats.clear()
	h.taken = nil
	if h.unlearner != nil {
		h.unlearner.Clear()
	}
}

func (h *heavy) score(x *sample) (float64, error) {
	x.neighbors = h.rows.nearest(&x.vector, h.k, h.find, x.neighbors)
	return h.judge(x.neighbors)
}

// judge is the score of what has these neighbours.
func (h *heavy) judge(list []knn.Neighbor) (float64, error) {
	score, err := lof.Score(list, h.stats)
	var missing *lof.MissingError
	if errors.As(err, &missing) {
		_, err = h.stats.current(missing.Row)
	}
	return score, err
}

func (h *heavy) knows(id []byte) bool {
	_, err := h.stats.current(h.stats.find(id))
	return err == nil
}

func (h *heavy) ids(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, h.rows.len())
	h.rows.eachID(func(id []byte) { b = mpack.AppendRaw(b, id) })
	return b
}

func (h *heavy) eachID(do func(id []byte)) { h.rows.eachID(do) }

func (h *heavy) status(set func(key, value string)) {
	h.stats.status(set)
	if h.ignore {
		set("num_ignored", strconv.FormatUint(h.ignored, 10))
	}
	h.rows.status(set)
	if h.unlearner != nil {
		h.unlearner.Status(set)
	}
}

// pack appends [statistics, rows], with the unlearner in front if there is
// one. The statistics are [{…}, {…}, k, reverse, ignore].
func (h *heavy) pack(b []byte) []byte {
	return packParts(b, h.unlearner, h.packStatistics, h.rows.pack)
}

func (h *heavy) packStatistics(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 5)
	b = h.stats.pack(b)
	b = mpack.AppendUint(b, uint64(h.k))
	b = mpack.AppendUint(b, uint64(h.reverse))
	return mpack.AppendBool(b, h.ignore)
}

// unpack reads what pack wrote. Numbers of neighbours that a model was made
// with hold from then on.
func (h *heavy) unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	return unpackParts(r, h.unlearner,
		func(r *mpack.Reader) (func(), error) { return h.unpackStatistics(r, from) },
		func(r *mpack.Reader) (func(), error) { return h.rows.unpack(r, from) })
}

func (h *heavy) unpackStatistics(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	if err := r.Tuple(5); err != nil {
		return nil, err
	}
	stats, err := h.stats.unpack(r, from)
	if err != nil {
		return nil, err
	}
	s := h.settings
	k, err := r.Int32()
	if err != nil {
		return nil, err
	}
	reverse, err := r.Int32()
	if err != nil {
		return nil, err
	}
	if s.ignore, err = r.Bool(); err != nil {
		return nil, err
	}
	s.k, s.reverse = int(k), int(reverse)
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("a model of lof: %w", err)
	}
	return func() {
		stats()
		h.settings, h.taken = s, nil
		h.rows.keep(s.k)
	}, nil
}

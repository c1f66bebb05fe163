package anomaly

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/jubatus/jubatus-go/learner/anomaly/lof"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/knn"
	"github.com/jubatus/jubatus-go/learner/storage/rowtable"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// light is the method light_lof: neighbours by signatures, and rows and their
// statistics in tables that nodes share row by row.
type light struct {
	settings
	index     *knn.Index
	rows      *rowtable.Table // of the index
	rankings  *knn.Rankings   // of the index; nil if they would be too large
	densities *rowtable.Table // kdist and lrd of rows of the same ids
	ignored   uint64

	mixing bool // rows of others are being entered

	// The memory of what changes rows. The sets hold numbers of rows in the
	// index.
	affected rowSet // whose statistics are to be renewed
	orphaned rowSet // those of a row that is forgotten
	known    []int
	lists    knn.Lists
	old      knn.Signature
	nearest  []knn.Neighbor
}

// The columns of densities.
const (
	kdistColumn = iota
	lrdColumn
)

func newLight(s settings, env engine.Env) (method, error) {
	l := &light{settings: s, densities: rowtable.New(env.ID, rowtable.Double(), rowtable.Double())}
	var err error
	if l.index, err = knn.New(s.nested, s.parameter, nestedPath, env.ID); err != nil {
		return nil, err
	}
	l.rows = l.index.Table()
	if s.k <= mostKept && s.k > 0 {
		l.rankings = knn.NewRankings(l.index, s.k)
		l.rows.Changed = l.rankings.Invalidate
	}
	if s.unlearner != nil {
		s.unlearner.OnForget(func(id string) { l.forget([]byte(id)) })
		l.densities.Admit = l.admit
	}
	return l, nil
}

func (l *light) name() string      { return "light_lof" }
func (l *light) adding() string    { return "overwrite" }
func (l *light) prepare(x *sample) { l.index.Hash(&x.vector, &x.signature) }

func (l *light) update([]byte, *sample) (float64, error) { return 0, unsupported("update_row") }
func (l *light) remove([]byte) error                     { return unsupported("clear_row") }

func (l *light) add(id []byte, x *sample) (float64, error) { return l.overwrite(id, x) }

func (l *light) overwrite(id []byte, x *sample) (float64, error) {
	if l.same(x) {
		return l.score(x)
	}
	l.affected.reset()
	if row, ok := l.rows.Find(id); ok && l.hasDensity(row) {
		l.index.Of(row, &l.old)
		l.affect(&l.old)
	}
	if l.unlearner != nil && !l.unlearner.Touch(id) {
		return 0, errNoRoom(id)
	}
	row, err := l.index.Set(id, &x.signature)
	if err != nil {
		return 0, err
	}
	// One ranking serves for who is affected and for the score.
	l.nearest = l.changed(row, x, max(l.reverse, l.k+1))
	for _, n := range l.nearest[:min(l.reverse, len(l.nearest))] {
		l.affected.add(n.Row)
	}
	if err := l.enter(id); err != nil {
		return 0, err
	}
	l.affected.add(row)
	l.refresh(&l.affected)

	list := lof.Others(l.nearest[:min(l.k+1, len(l.nearest))], row)
	return l.judge(list[:min(l.k, len(list))])
}

// changed ranks what is nearest to a row that has just been set.
func (l *light) changed(row int, x *sample, limit int) []knn.Neighbor {
	if l.rankings == nil {
		return l.index.Nearest(&x.signature, limit, l.nearest)
	}
	return l.rankings.Changed(row, limit, l.nearest)
}

// errNoRoom is that only sticky ids are held.
func errNoRoom(id []byte) error {
	return errors.New("cannot add new ID as number of sticky IDs reached the maximum size of unlearner: " + string(id))
}

// same reports whether x is to be ignored because it is where k-1 rows are
// already, and counts it.
func (l *light) same(x *sample) bool {
	if !l.ignore {
		return false
	}
	l.nearest = l.index.Nearest(&x.signature, l.k-1, l.nearest)
	if !lof.SamePoint(l.nearest, l.k) {
		return false
	}
	l.ignored++
	return true
}

// affect adds the rows around a signature, for which it may be a neighbour.
func (l *light) affect(s *knn.Signature) {
	l.nearest = l.index.Nearest(s, l.reverse, l.nearest)
	for _, n := range l.nearest {
		l.affected.add(n.Row)
	}
}

// enter makes room for the statistics of a row.
func (l *light) enter(id []byte) error {
	at, err := l.densities.Set(id)
	if err != nil {
		return err
	}
	l.densities.Doubles(kdistColumn)[at] = -1
	l.densities.Doubles(lrdColumn)[at] = -1
	return nil
}

// refresh renews the statistics of rows, as far as they have any.
func (l *light) refresh(set *rowSet) {
	l.known = l.known[:0]
	for _, row := range set.rows {
		if l.hasDensity(row) {
			l.known = append(l.known, row)
		}
	}
	if l.rankings == nil {
		l.index.NearestOf(l.known, l.k, &l.lists)
	} else {
		l.rankings.Of(l.known, &l.lists)
	}
	lof.Refresh(l.known, &l.lists, l, lof.Exact)
}

func (l *light) addAll(ids [][]byte, list []*sample) (stored []int, err error) {
	l.affected.reset()
	for i, x := range list {
		if l.same(x) {
			continue
		}
		row, err := l.index.Set(ids[i], &x.signature)
		if err != nil {
			return nil, err
		}
		l.nearest = l.changed(row, x, l.k)
		stored = append(stored, i)
	}
	for n, i := range stored {
		if l.unlearner != nil && !l.unlearner.Touch(ids[i]) {
			// What has found no room must not stay without statistics.
			for _, i := range stored[n:] {
				l.drop(ids[i])
			}
			err = errNoRoom(ids[i])
			break
		}
		l.affect(&list[i].signature)
		if err = l.enter(ids[i]); err != nil {
			break
		}
		if row, ok := l.rows.Find(ids[i]); ok {
			l.affected.add(row)
		}
	}
	l.refresh(&l.affected)
	return stored, err
}

// drop deletes a row. The last one takes its number.
func (l *light) drop(id []byte) {
	row, ok := l.rows.Find(id)
	last := l.rows.Len() - 1
	l.rows.Delete(id)
	l.densities.Delete(id)
	if ok {
		if l.rankings != nil {
			l.rankings.Deleted(row, last)
		}
		l.affected.remove(row)
		l.orphaned.remove(row)
		if row != last {
			l.affected.rename(last, row)
			l.orphaned.rename(last, row)
		}
	}
}

// forget deletes a row for the unlearner and renews the statistics around it.
// While rows of others are entered, theirs come with them.
func (l *light) forget(id []byte) {
	l.orphaned.reset()
	if row, ok := l.rows.Find(id); ok && !l.mixing {
		l.index.Of(row, &l.old)
		l.nearest = l.index.Nearest(&l.old, l.reverse, l.nearest)
		for _, n := range l.nearest {
			l.orphaned.add(n.Row)
		}
	}
	l.drop(id)
	l.refresh(&l.orphaned)
}

// admit decides on the statistics of a row that another node shares. The row
// itself has come before. Both stay or none does.
func (l *light) admit(id []byte) bool {
	if _, ok := l.rows.Find(id); !ok {
		return false
	}
	l.mixing = true
	defer func() { l.mixing = false }()
	if l.unlearner.Touch(id) {
		return true
	}
	l.drop(id)
	return false
}

func (l *light) clear() {
	l.rows.Clear()
	l.densities.Clear()
	l.invalidate()
	if l.unlearner != nil {
		l.unlearner.Clear()
	}
}

func (l *light) score(x *sample) (float64, error) {
	x.neighbors = l.index.Nearest(&x.signature, l.k, x.neighbors)
	return l.judge(x.neighbors)
}

// judge is the score of what has these neighbours.
func (l *light) judge(list []knn.Neighbor) (float64, error) {
	score, err := lof.Score(list, l)
	var missing *lof.MissingError
	if errors.As(err, &missing) {
		return 0, fmt.Errorf("row %q not found in light_lof table", l.rows.ID(missing.Row))
	}
	return score, err
}

// density returns where the statistics of a row are. Mostly rows have the same
// numbers in both tables.
func (l *light) density(row int) (at int, ok bool) {
	id := l.rows.ID(row)
	if row < l.densities.Len() && bytes.Equal(l.densities.ID(row), id) {
		return row, true
	}
	return l.densities.Find(id)
}

func (l *light) hasDensity(row int) bool {
	_, ok := l.density(row)
	return ok
}

// KDist implements lof.Statistics.
func (l *light) KDist(row int) (float64, bool) {
	at, ok := l.density(row)
	if !ok {
		return 0, false
	}
	return l.densities.Doubles(kdistColumn)[at], true
}

// LRD implements lof.Statistics.
func (l *light) LRD(row int) (float64, bool) {
	at, ok := l.density(row)
	if !ok {
		return 0, false
	}
	return l.densities.Doubles(lrdColumn)[at], true
}

// SetKDist implements lof.Statistics.
func (l *light) SetKDist(row int, kdist float64) {
	if at, ok := l.density(row); ok {
		l.densities.Doubles(kdistColumn)[at] = kdist
	}
}

// SetLRD implements lof.Statistics. It has the row shared.
func (l *light) SetLRD(row int, lrd float64) {
	if at, ok := l.density(row); ok {
		l.densities.Renew(at)
		l.densities.Doubles(lrdColumn)[at] = lrd
	}
}

func (l *light) knows(id []byte) bool {
	_, ok := l.rows.Find(id)
	return ok
}

func (l *light) ids(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, l.rows.Len())
	l.eachID(func(id []byte) { b = mpack.AppendRaw(b, id) })
	return b
}

func (l *light) eachID(do func(id []byte)) {
	for row := range l.rows.Len() {
		do(l.rows.ID(row))
	}
}

func (l *light) status(set func(key, value string)) {
	set("num_id", strconv.Itoa(l.densities.Len()))
	if l.ignore {
		set("num_ignored", strconv.FormatUint(l.ignored, 10))
	}
	if l.unlearner != nil {
		l.unlearner.Status(set)
	}
}

// pack appends [rows, statistics], with the unlearner in front if there is
// one.
func (l *light) pack(b []byte) []byte {
	return packParts(b, l.unlearner, l.rows.Pack, l.densities.Pack)
}

func (l *light) unpack(r *mpack.Reader, _ engine.Source) (commit func(), err error) {
	unpacked, err := unpackParts(r, l.unlearner, l.rows.Unpack, l.densities.Unpack)
	if err != nil {
		return nil, err
	}
	return func() { unpacked(); l.invalidate() }, nil
}

func (l *light) invalidate() {
	if l.rankings != nil {
		l.rankings.Invalidate()
	}
}

func (l *light) mixables() []engine.Mixable { return []engine.Mixable{l.rows, l.densities} }

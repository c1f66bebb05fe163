package graph

import (
	"slices"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// share makes a Graph a part of a model that nodes mix: scores and trees.
type share struct{ *Graph }

var _ engine.Keeper = share{}

// Diff makes an index run and appends its result for the nodes of this server.
// It is no difference, despite the name: the mixed one replaces what is there.
func (s share) Diff(b []byte) []byte {
	x := s.run()
	s.sent = s.sent.then(s.later)
	s.later = journal{}
	b = mpack.AppendArrayHeader(b, 2)
	b = x.packRankings(b)
	return x.packForests(b)
}

// Keep implements engine.Keeper.
func (s share) Keep() {
	s.later = s.sent.then(s.later)
	s.sent = journal{}
}

// Put makes a mixed index the present one. What clients did to queries since
// Diff is done again.
func (s share) Put(r *mpack.Reader) (ok bool, err error) {
	x, err := unpackDiff(r)
	if err != nil {
		return false, err
	}
	s.sent = journal{}
	s.version++
	if s.later.replaced {
		return true, nil // it is of a model that is no more
	}
	s.replace(x)
	s.later.apply(&s.index, s.landmarks)
	return true, nil
}

// Version implements engine.Mixable.
func (s share) Version() uint64 { return s.version }

// NewFold implements engine.Mixable.
func (s share) NewFold() engine.Fold { return &fold{landmarks: s.landmarks} }

func unpackDiff(r *mpack.Reader) (index, error) {
	x := newIndex()
	if err := r.Tuple(2); err != nil {
		return x, err
	}
	err := x.unpack(r)
	return x, err
}

// fold joins the indexes of several nodes. Where they have something for the
// same node the later one's counts.
type fold struct {
	landmarks int
	begun     bool
	index
}

// Add implements engine.Fold.
func (f *fold) Add(diff *mpack.Reader) error {
	x, err := unpackDiff(diff)
	if err != nil {
		return err
	}
	if !f.begun {
		f.begun, f.index = true, x
		return nil
	}
	for key, r := range x.rankings {
		mine := f.rank(key)
		mine.scores = overwrite(mine.scores, r.scores, compareScores)
	}
	for key, other := range x.forests {
		f.forest(key).join(other, f.landmarks)
	}
	return nil
}

// Append implements engine.Fold.
func (f *fold) Append(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 2)
	b = f.packRankings(b)
	return f.packForests(b)
}

// join takes over the ways of another node's trees. Landmarks that are new
// come behind, in ascending order, as many as there may be.
func (f *forest) join(other *forest, limit int) {
	slices.SortStableFunc(other.trees, func(a, b tree) int { return compareHops(hop{id: a.landmark}, hop{id: b.landmark}) })
	known := len(f.trees)
	for _, t := range other.trees {
		found := false
		for i := range f.trees {
			if f.trees[i].landmark == t.landmark {
				mine := &f.trees[i]
				mine.from = overwrite(mine.from, t.from, compareHops)
				mine.to = overwrite(mine.to, t.to, compareHops)
				found = true
			}
		}
		if !found && len(f.trees) < max(limit, known) {
			f.trees = append(f.trees, t)
		}
	}
}

package fv

import (
	"bytes"
	"maps"
	"strconv"
	"sync"
)

// WeightManager counts in how many documents each feature occurs and how long
// documents are, which is what idf and BM25 weights are made of. What was
// counted since the last MIX (the diff) is kept apart from what all nodes have
// agreed on (the master). It is safe for concurrent use.
type WeightManager struct {
	mu      sync.RWMutex
	version uint64

	documents docCounter
	features  counters // documents that have the feature
	groups    counters // documents that have the group
	lengths   counters // total length of the group in them

	user struct{ recent, sent, master map[string]float64 }
}

// docCounter counts documents: recent since the last Diff, sent between that
// and the one before, master mixed.
type docCounter struct{ recent, sent, master uint64 }

func (c *docCounter) diff() uint64  { return c.recent + c.sent }
func (c *docCounter) total() uint64 { return c.diff() + c.master }

// Version is the number of diffs put so far.
func (w *WeightManager) Version() uint64 {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.version
}

// Clear forgets all counts and keeps the version.
func (w *WeightManager) Clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replace(&WeightManager{version: w.version})
}

func (w *WeightManager) replace(by *WeightManager) {
	w.version, w.documents, w.user = by.version, by.documents, by.user
	w.features, w.groups, w.lengths = by.features, by.groups, by.lengths
}

// SetUserWeight sets the weight of all features whose key begins with the
// prefix and goes on with "#" and the names of the weights. It counts for
// rules whose global weight is "weight".
func (w *WeightManager) SetUserWeight(prefix string, weight float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.user.recent == nil {
		w.user.recent = map[string]float64{}
	}
	w.user.recent[prefix] = weight
}

// averageLength is the mean length of a document in the group; 0 if unknown.
func (w *WeightManager) averageLength(group []byte, hash uint32) float64 {
	n := w.groups.total(group, hash)
	if n == 0 {
		return 0
	}
	return w.lengths.total(group, hash) / n
}

// userWeight is the sum of what the tables say about a feature key.
func (w *WeightManager) userWeight(key []byte) float64 {
	i := bytes.LastIndexByte(key, '#')
	if i < 0 {
		return 0
	}
	x, ok := w.user.recent[string(key[:i])]
	if !ok {
		x = w.user.sent[string(key[:i])]
	}
	return x + w.user.master[string(key[:i])]
}

// Status reports the version and the sizes of the tables.
func (w *WeightManager) Status(set func(key, value string)) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	n := func(key string, v uint64) { set(key, strconv.FormatUint(v, 10)) }
	n("weight_manager_version", w.version)
	sizes := func(prefix string, documents uint64, features, groups, lengths, user int) {
		n(prefix+"document_count", documents)
		n(prefix+"num_document_frequencies", uint64(features))
		n(prefix+"num_group_frequencies", uint64(groups))
		n(prefix+"num_group_total_lengths", uint64(lengths))
		n(prefix+"num_weights", uint64(user))
	}
	sizes("diff_", w.documents.diff(), len(w.features.diff), len(w.groups.diff), len(w.lengths.diff), len(w.userDiff()))
	sizes("master_", w.documents.master, w.features.masters, w.groups.masters, w.lengths.masters, len(w.user.master))
}

func (w *WeightManager) userDiff() map[string]float64 {
	if len(w.user.sent) == 0 {
		return w.user.recent
	}
	all := maps.Clone(w.user.sent)
	maps.Copy(all, w.user.recent)
	return all
}

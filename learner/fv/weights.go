package fv

import (
	"bytes"
	"maps"
	"math"
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
	keys      keyTable
	features  []counter // by id in keys
	groups    keyTable
	bm25      []groupCounter // by id in groups

	user struct{ recent, sent, master map[string]float64 }
}

// docCounter counts documents: recent since the last Diff, sent between that
// and the one before, master mixed.
type docCounter struct{ recent, sent, master uint64 }

func (c *docCounter) diff() uint64  { return c.recent + c.sent }
func (c *docCounter) total() uint64 { return c.diff() + c.master }

// counter is a number of each feature or group. The diff of a model is recent
// plus sent.
type counter struct {
	recent, sent, master float64
	in                   tables // the tables that have the key at all
}

type tables uint8

const (
	inRecent tables = 1 << iota
	inSent
	inMaster
	inDiff = inRecent | inSent
)

func (c *counter) add(x float64) { c.recent += x; c.in |= inRecent }
func (c *counter) diff() float64 { return c.recent + c.sent }

// send marks what was counted so far as part of a diff that was handed out.
func (c *counter) send() {
	if c.in&inRecent == 0 {
		return
	}
	c.sent += c.recent
	c.recent = 0
	c.in = c.in&^inRecent | inSent
}

// dropSent forgets what was handed out: it has come back in the mixed diff.
func (c *counter) dropSent() { c.sent = 0; c.in &^= inSent }

func (c *counter) addMaster(x float64) { c.master += x; c.in |= inMaster }

// frequency is the count as weights use it: each table's whole part.
func (c *counter) frequency() float64 { return math.Trunc(c.diff()) + math.Trunc(c.master) }

// groupCounter holds what BM25 knows of a group: how many documents have it
// and how long they are together.
type groupCounter struct{ frequency, length counter }

// average is the mean length of a document in the group; 0 if unknown.
func (g *groupCounter) average() float64 {
	n := g.frequency.diff() + g.frequency.master
	if n == 0 {
		return 0
	}
	return (g.length.diff() + g.length.master) / n
}

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
	w.keys, w.features = by.keys, by.features
	w.groups, w.bm25 = by.groups, by.bm25
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
	for _, t := range []struct {
		prefix    string
		documents uint64
		in        tables
		user      int
	}{
		{"diff_", w.documents.diff(), inDiff, len(w.userDiff())},
		{"master_", w.documents.master, inMaster, len(w.user.master)},
	} {
		n(t.prefix+"document_count", t.documents)
		n(t.prefix+"num_document_frequencies", uint64(w.countFeatures(t.in)))
		frequencies, lengths := w.countGroups(t.in)
		n(t.prefix+"num_group_frequencies", uint64(frequencies))
		n(t.prefix+"num_group_total_lengths", uint64(lengths))
		n(t.prefix+"num_weights", uint64(t.user))
	}
}

func (w *WeightManager) userDiff() map[string]float64 {
	if len(w.user.sent) == 0 {
		return w.user.recent
	}
	all := maps.Clone(w.user.sent)
	maps.Copy(all, w.user.recent)
	return all
}

func (w *WeightManager) countFeatures(in tables) (n int) {
	for i := range w.features {
		if w.features[i].in&in != 0 {
			n++
		}
	}
	return n
}

func (w *WeightManager) countGroups(in tables) (frequencies, lengths int) {
	for i := range w.bm25 {
		if w.bm25[i].frequency.in&in != 0 {
			frequencies++
		}
		if w.bm25[i].length.in&in != 0 {
			lengths++
		}
	}
	return frequencies, lengths
}

// feature returns the counter of a feature key, a new one if there is none.
func (w *WeightManager) feature(key []byte, hash uint32) *counter {
	id, added := w.keys.intern(key, hash)
	if added {
		w.features = append(w.features, counter{})
	}
	return &w.features[id]
}

// group returns the counter of a group, a new one if there is none.
func (w *WeightManager) group(key []byte, hash uint32) *groupCounter {
	id, added := w.groups.intern(key, hash)
	if added {
		w.bm25 = append(w.bm25, groupCounter{})
	}
	return &w.bm25[id]
}

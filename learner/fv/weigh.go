package fv

import (
	"bytes"
	"math"
)

// globalWeights are the names of global weights in rules and feature keys.
var globalWeights = map[string]globalWeight{
	"bin": globalBin, "idf": globalIDF, "idf1": globalIDF1, "bm25": globalBM25, "weight": globalUser,
}

// globalOf returns the global weight that a feature key names behind its last
// slash. Any other text there, or none, leaves the value alone.
func globalOf(key []byte) globalWeight {
	return globalWeights[string(key[bytes.LastIndexByte(key, '/')+1:])]
}

// Parameters of BM25.
const (
	bm25K1 = 1.2
	bm25B  = 0.75
)

// lookups is what one conversion needs of the weight manager. It is prepared
// before the manager is locked and evaluated after, so that the lock is held
// for table accesses only.
type lookups struct {
	hashes    []uint32  // of the feature keys
	ids       []uint32  // of the feature keys in the weight manager
	numbers   []float64 // by feature: document frequency or user weight
	groupOf   []int32   // by feature: its group, or -1
	groupKeys keyTable
	groups    []docGroup // by id in groupKeys
	groupKey  []byte
	documents float64
}

// docGroup is a BM25 group of the document at hand.
type docGroup struct {
	length, average float64
	id              uint32 // of its total length in the weight manager
}

// weigh counts the features if told so and then multiplies them by their
// global weights.
func (c *Converter) weigh(v *Vector, s *scratch, update bool) {
	l := &s.lookups
	needed, bm25 := false, update && c.bm25
	for _, r := range s.runs {
		needed = needed || r.global != globalBin
		bm25 = bm25 || r.global == globalBM25
	}
	if !needed && !update {
		return
	}
	l.prepare(v, s.runs, update, bm25)
	if update {
		c.weights.count(v, l, bm25)
	} else {
		c.weights.mu.RLock()
	}
	c.weights.look(v, l, s.runs, update)
	if update {
		c.weights.mu.Unlock()
	} else {
		c.weights.mu.RUnlock()
	}
	l.apply(v, s.runs)
}

// prepare hashes the keys and finds the groups of the document.
func (l *lookups) prepare(v *Vector, runs []run, all, bm25 bool) {
	n := v.Len()
	l.hashes = resize(l.hashes, n)
	l.ids = resize(l.ids, n)
	l.numbers = resize(l.numbers, n)
	l.groups = l.groups[:0]
	if bm25 {
		l.groupOf = resize(l.groupOf, n)
		l.groupKeys.reset()
	}
	i := 0
	for _, r := range runs {
		if !all && r.global == globalBin {
			i = r.end
			continue
		}
		for ; i < r.end; i++ {
			l.hashes[i] = hashKey(v.Key(i))
			if bm25 && (all || r.global == globalBM25) {
				l.findGroup(i, v)
			}
		}
	}
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/2)
	}
	return s[:n]
}

// findGroup finds feature i's group, whose key is the feature's up to the
// first "$" and from the last "@".
func (l *lookups) findGroup(i int, v *Vector) {
	l.groupOf[i] = -1
	key := v.Key(i)
	at, dollar := bytes.LastIndexByte(key, '@'), bytes.IndexByte(key, '$')
	if at < 0 || dollar < 0 {
		return
	}
	l.groupKey = append(append(l.groupKey[:0], key[:dollar]...), key[at:]...)
	// Mostly it is the group of the feature before.
	if i > 0 && len(l.groups) > 0 {
		if g := l.groupOf[i-1]; g >= 0 && int(g) < len(l.groups) && bytes.Equal(l.groupKeys.key(uint32(g)), l.groupKey) {
			l.groupOf[i] = g
			l.groups[g].length += v.features[i].value
			return
		}
	}
	id, added := l.groupKeys.intern(l.groupKey, hashKey(l.groupKey))
	if added {
		l.groups = append(l.groups, docGroup{})
	}
	l.groupOf[i] = int32(id)
	l.groups[id].length += v.features[i].value
}

// count counts a document and leaves the manager locked.
func (w *WeightManager) count(v *Vector, l *lookups, bm25 bool) {
	w.mu.Lock()
	w.documents.recent++
	for i := range v.features {
		id := w.features.intern(v.Key(i), l.hashes[i])
		w.features.add(id, 1)
		l.ids[i] = id
	}
	if !bm25 {
		return
	}
	for i := range l.groups {
		key, hash := l.groupKeys.key(uint32(i)), l.groupKeys.keys[i].hash
		w.groups.add(w.groups.intern(key, hash), 1)
		l.groups[i].id = w.lengths.intern(key, hash)
	}
	// Lengths are summed feature by feature: a sum of the document's sums
	// would be rounded otherwise.
	for i := range v.features {
		if g := l.groupOf[i]; g >= 0 {
			w.lengths.add(l.groups[g].id, v.features[i].value)
		}
	}
}

// look reads what the weights of the features are made of; the manager is
// locked.
func (w *WeightManager) look(v *Vector, l *lookups, runs []run, counted bool) {
	l.documents = float64(w.documents.total())
	i := 0
	for _, r := range runs {
		switch r.global {
		case globalBin:
			i = r.end
		case globalUser:
			for ; i < r.end; i++ {
				l.numbers[i] = w.userWeight(v.Key(i))
			}
		default:
			for ; i < r.end; i++ {
				id, ok := l.ids[i], counted
				if !counted {
					id, ok = w.features.keys.find(v.Key(i), l.hashes[i])
				}
				l.numbers[i] = 0
				if ok {
					l.numbers[i] = w.features.frequency(id)
				}
			}
		}
	}
	for i := range l.groups {
		l.groups[i].average = w.averageLength(l.groupKeys.key(uint32(i)), l.groupKeys.keys[i].hash)
	}
}

// apply multiplies the features by their weights.
func (l *lookups) apply(v *Vector, runs []run) {
	// Many features share a frequency.
	var logs [64]float64
	var known uint64
	idf := func(df float64) float64 {
		j := int(df)
		if df < 0 || df >= 64 {
			return math.Log((l.documents + 1) / (df + 1))
		}
		if known>>j&1 == 0 {
			logs[j] = math.Log((l.documents + 1) / (df + 1))
			known |= 1 << j
		}
		return logs[j]
	}
	i := 0
	for _, r := range runs {
		for ; i < r.end; i++ {
			f := &v.features[i]
			switch r.global {
			case globalIDF:
				f.value *= idf(l.numbers[i])
			case globalIDF1:
				f.value *= idf(l.numbers[i]) + 1
			case globalBM25:
				f.value = l.bm25Weight(i, f.value)
			case globalUser:
				f.value *= l.numbers[i]
			}
		}
	}
}

func (l *lookups) bm25Weight(i int, w float64) float64 {
	if l.groupOf[i] < 0 {
		return 0
	}
	g := l.groups[l.groupOf[i]]
	df := l.numbers[i]
	idf := math.Log((l.documents - df + 0.5) / (df + 0.5))
	norm := 1 - bm25B + float64(bm25B*(g.length/g.average))
	return idf * (float64(w*(bm25K1+1)) / (w + float64(bm25K1*norm)))
}

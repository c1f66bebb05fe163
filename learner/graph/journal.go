package graph

// journal is what clients did to queries and landmarks while a diff was on its
// way: MIX replaces all of them.
type journal struct {
	replaced  bool            // all of them, by clear or load
	rankings  map[string]bool // by query: true is added, false removed
	forests   map[string]bool
	landmarks map[string][]uint64
}

// journalLimit bounds the memory of a journal that no MIX ever empties. What
// does not fit is not protected from the next one.
const journalLimit = 1 << 16

func (j *journal) setRanking(key string, there bool) {
	j.rankings = note(j.rankings, key, there)
}

func (j *journal) setForest(key string, there bool) {
	j.forests = note(j.forests, key, there)
	if !there {
		delete(j.landmarks, key)
	}
}

func (j *journal) addLandmark(key string, id uint64) {
	j.landmarks = note(j.landmarks, key, append(j.landmarks[key], id))
}

func note[V any](m map[string]V, key string, value V) map[string]V {
	if m == nil {
		m = map[string]V{}
	}
	if _, ok := m[key]; ok || len(m) < journalLimit {
		m[key] = value
	}
	return m
}

// then returns what was done in j and after it in next.
func (j journal) then(next journal) journal {
	if next.replaced {
		return next
	}
	for key, there := range next.rankings {
		j.setRanking(key, there)
	}
	for key, there := range next.forests {
		j.setForest(key, there)
	}
	for key, ids := range next.landmarks {
		for _, id := range ids {
			j.addLandmark(key, id)
		}
	}
	return j
}

// apply does to an index what clients did to the one that it replaces. Forests
// have at most that many landmarks.
func (j *journal) apply(x *index, limit int) {
	for key, there := range j.rankings {
		if there {
			x.rank(key)
		} else {
			delete(x.rankings, key)
		}
	}
	for key, there := range j.forests {
		if there {
			x.forest(key)
		} else {
			delete(x.forests, key)
		}
	}
	for key, ids := range j.landmarks {
		f := x.forests[key]
		if f == nil {
			continue
		}
		for _, id := range ids {
			if len(f.trees) < limit && !f.has(id) {
				f.trees = append(f.trees, tree{landmark: id})
			}
		}
	}
}

package fv

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/jubatus/jubatus-go/learner/fv/pattern"
)

// resolver tells which filters and rules of one kind of value apply to a datum
// key. It remembers the keys it has seen, so that patterns are matched once
// per key and not once per datum; reading what it remembers takes no lock.
type resolver struct {
	rules, filters []pattern.Keys

	// If no pattern depends on the key there are only two answers.
	always, alwaysDollar *ruleSet

	table atomic.Pointer[ruleTable]
	mu    sync.Mutex // held while adding to the table
}

// ruleSet is what applies to one datum key. It never changes once it is in a
// table, except that others are chained behind it.
type ruleSet struct {
	key            string
	next           atomic.Pointer[ruleSet]
	rules, filters mask
	dollar         bool // the key contains "$", which features do not allow
}

// mask is a set of small numbers.
type mask []uint64

func (m mask) has(i int) bool { return m[i>>6]>>(i&63)&1 != 0 }

type ruleTable struct {
	buckets []atomic.Pointer[ruleSet]
	size    int
}

// What is remembered is bounded: clients choose the keys.
const (
	maxCachedKeys = 1 << 16
	maxCachedKey  = 256
)

func newResolver(rules, filters []pattern.Keys) *resolver {
	r := &resolver{rules: rules, filters: filters}
	depends := false
	for _, list := range [][]pattern.Keys{rules, filters} {
		for i := range list {
			depends = depends || !list[i].Always()
		}
	}
	if !depends {
		r.always, _ = r.match(nil)
		r.alwaysDollar = &ruleSet{rules: r.always.rules, filters: r.always.filters, dollar: true}
	}
	r.table.Store(&ruleTable{buckets: make([]atomic.Pointer[ruleSet], 64)})
	return r
}

// resolve returns what applies to a key. Only a regular expression that takes
// too long is an error.
func (r *resolver) resolve(key []byte) (*ruleSet, error) {
	if r.always != nil {
		if bytes.IndexByte(key, '$') >= 0 {
			return r.alwaysDollar, nil
		}
		return r.always, nil
	}
	hash := hashKey(key)
	if s := r.table.Load().find(key, hash); s != nil {
		return s, nil
	}
	s, err := r.match(key)
	if err == nil && len(key) <= maxCachedKey {
		r.remember(s, hash)
	}
	return s, err
}

func (t *ruleTable) find(key []byte, hash uint32) *ruleSet {
	s := t.buckets[hash&uint32(len(t.buckets)-1)].Load()
	for s != nil && s.key != string(key) {
		s = s.next.Load()
	}
	return s
}

func (r *resolver) match(key []byte) (*ruleSet, error) {
	s := &ruleSet{key: string(key), dollar: bytes.IndexByte(key, '$') >= 0}
	var err error
	if s.rules, err = matching(r.rules, key); err != nil {
		return nil, err
	}
	s.filters, err = matching(r.filters, key)
	return s, err
}

func matching(patterns []pattern.Keys, key []byte) (mask, error) {
	m := make(mask, (len(patterns)+63)/64)
	for i := range patterns {
		ok, err := patterns[i].Match(key)
		if err != nil {
			return nil, err
		}
		if ok {
			m[i>>6] |= 1 << (i & 63)
		}
	}
	return m, nil
}

func (r *resolver) remember(s *ruleSet, hash uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.table.Load()
	if t.find([]byte(s.key), hash) != nil {
		return // somebody else was quicker
	}
	switch {
	case t.size >= maxCachedKeys:
		t = &ruleTable{buckets: make([]atomic.Pointer[ruleSet], 64)}
		r.table.Store(t)
	case t.size >= len(t.buckets):
		t = t.grown()
		r.table.Store(t)
	}
	t.add(s, hash)
}

// add chains s into its bucket. Readers see the bucket with or without it.
func (t *ruleTable) add(s *ruleSet, hash uint32) {
	bucket := &t.buckets[hash&uint32(len(t.buckets)-1)]
	s.next.Store(bucket.Load())
	bucket.Store(s)
	t.size++
}

// grown returns a larger copy; readers of t are not disturbed.
func (t *ruleTable) grown() *ruleTable {
	g := &ruleTable{buckets: make([]atomic.Pointer[ruleSet], 4*len(t.buckets))}
	for i := range t.buckets {
		for s := t.buckets[i].Load(); s != nil; s = s.next.Load() {
			c := &ruleSet{key: s.key, rules: s.rules, filters: s.filters, dollar: s.dollar}
			g.add(c, hashKey([]byte(c.key)))
		}
	}
	return g
}

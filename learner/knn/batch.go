package knn

import (
	"runtime"
	"sync"

	"github.com/jubatus/jubatus-go/learner/storage/signature"
	"github.com/jubatus/jubatus-go/learner/storage/topk"
)

// Lists are rankings, in memory that is used again. The zero Lists is empty
// and ready.
type Lists struct {
	items []Neighbor
	ends  []int
}

// Reset empties the lists.
func (l *Lists) Reset() { l.items, l.ends = l.items[:0], l.ends[:0] }

// Len is how many lists there are.
func (l *Lists) Len() int { return len(l.ends) }

// At returns the i-th list. It may be changed, not extended.
func (l *Lists) At(i int) []Neighbor {
	from := 0
	if i > 0 {
		from = l.ends[i-1]
	}
	return l.items[from:l.ends[i]:l.ends[i]]
}

// Append appends a copy of a list.
func (l *Lists) Append(list []Neighbor) {
	l.items = append(l.items, list...)
	l.ends = append(l.ends, len(l.items))
}

// tileWords is how many words of a table are compared with all of a batch
// before the next ones: they stay in the first-level cache meanwhile.
const tileWords = 2048

// batch is the memory of one search for many rows.
type batch struct {
	hamming []topk.Smallest[uint32]
	euclid  []topk.Smallest[float64]
	queries []Signature
}

// NearestOf ranks what is nearest to each of several rows, itself included, as
// Nearest does for one: list i is that of rows[i]. It reads the table once.
func (x *Index) NearestOf(rows []int, limit int, lists *Lists) {
	lists.Reset()
	n := x.table.Len()
	limit = min(max(limit, 0), n)
	q, ok := x.batches.Get().(*batch)
	if !ok {
		q = &batch{}
	}
	defer x.batches.Put(q)
	if x.method == euclid {
		reset(&q.euclid, len(rows), limit)
	} else {
		reset(&q.hamming, len(rows), limit)
	}
	if limit > 0 {
		x.search(q, rows)
	}
	for i := range rows {
		if x.method == euclid {
			for _, item := range q.euclid[i].Sorted() {
				lists.items = append(lists.items, Neighbor{int(item.Row), item.X})
			}
		} else {
			for _, item := range q.hamming[i].Sorted() {
				lists.items = append(lists.items, Neighbor{int(item.Row), float64(item.X) / float64(x.bits)})
			}
		}
		lists.ends = append(lists.ends, len(lists.items))
	}
}

// search fills the selections of rows. If there is much to do, threads share
// the rows.
func (x *Index) search(q *batch, rows []int) {
	for len(q.queries) < len(rows) {
		q.queries = append(q.queries, Signature{})
	}
	for i, row := range rows {
		s := &q.queries[i]
		s.words = x.table.WordsOf(0, row)
		if x.method == euclid {
			s.norm = x.table.Doubles(1)[row]
		}
	}
	work := len(rows) * len(x.table.Words(0))
	parts := max(1, min(x.threads, runtime.GOMAXPROCS(0), len(rows), work/worthSplitting))
	var others sync.WaitGroup
	for p := 1; p < parts; p++ {
		others.Go(func() { x.searchTiles(q, len(rows)*p/parts, len(rows)*(p+1)/parts) })
	}
	x.searchTiles(q, 0, len(rows)/parts)
	others.Wait()
}

// searchTiles fills the selections from one up to another.
func (x *Index) searchTiles(q *batch, from, to int) {
	n, w := x.table.Len(), signature.Words(x.bits)
	tile := max(1, tileWords/w)
	words := x.table.Words(0)
	for a := 0; a < n; a += tile {
		b := min(a+tile, n)
		for i := from; i < to; i++ {
			if x.method == euclid {
				x.scanEuclid(&q.queries[i], a, b, &q.euclid[i])
			} else {
				signature.Scan(words[a*w:b*w], q.queries[i].words, uint32(a), &q.hamming[i])
			}
		}
	}
}

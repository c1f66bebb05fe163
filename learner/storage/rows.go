package storage

import (
	"unsafe"

	"github.com/jubatus/jubatus-go/learner/storage/hugepage"
	"github.com/jubatus/jubatus-go/learner/storage/keyindex"
	"github.com/jubatus/jubatus-go/learner/storage/prefetch"
)

// Feature is the dense number of a feature key in a Linear.
type Feature uint32

// NoFeature is a key that the table does not know.
const NoFeature = ^Feature(0)

// rows holds the cells of every feature: one per label that it has a weight
// for. A feature's cells are a run in a page; keys share blocks of text; both
// are reused when labels go. Most features have one or two labels and there can
// be millions, so that every byte per feature counts.
type rows struct {
	index    *keyindex.Index
	features [][]feature // in blocks of featureBlock
	used     int         // features ever numbered
	free     []Feature   // of these, those that are gone

	texts keys // of the features

	pages     [][]uint64 // the first one is the run of no places
	freePages []uint32   // pages whose words were given back
	freeRuns  [len(runPlaces)][]runAt
	largest   int   // the most places of a run that shares a page
	tail      runAt // the words of the last shared page
	tailEnd   runAt // that are not handed out yet
	held      int   // words in pages
	cells     int   // cells in use

	options Options
	advice  hugepage.Advice
	epoch   *epoch
	moves   uint64 // how often a run has moved
}

// epoch is a time in which numbers of features keep their meaning. It ends when
// a feature goes. It has a size so that no two are the same.
type epoch struct{ _ byte }

const (
	featureBits  = 10
	featureBlock = 1 << featureBits
	pageBits     = 14
	pageWords    = 1 << pageBits
)

// runPlaces are the sizes that runs grow through, before they get a page of
// their own.
var runPlaces = [...]int{
	1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096,
}

// feature is what is seldom asked for: the rest is in the index and the run.
type feature struct {
	key   keyRef
	at    runAt
	flags uint8
}

// The flags of a feature.
const (
	listed = 1 << iota // it is in the list of changed features
	based              // some cell has a base
)

func newRows(o Options) *rows {
	t := &rows{
		index:   keyindex.New(),
		pages:   [][]uint64{{0}},
		options: o,
		epoch:   new(epoch),
	}
	for _, places := range runPlaces {
		if t.options.words(places) <= pageWords {
			t.largest = places
		}
	}
	return t
}

func (t *rows) len() int { return t.index.Len() }

func (t *rows) feature(f Feature) *feature {
	return &t.features[f>>featureBits][f&(featureBlock-1)]
}

// run returns the run that begins there, with what lies behind it.
func (t *rows) run(at runAt) run { return t.pages[at>>pageBits][at&(pageWords-1):] }

// row returns a feature's cells.
func (t *rows) row(f Feature) cells { return t.options.open(t.run(t.feature(f).at)) }

// runLines is how many lines prefetch adds at most.
const runLines = 3

// prefetch adds what scoring needs of a run: two lines, which is enough for most
// of many labels, and a third one that a run of few labels may reach into.
func (t *rows) prefetch(lines *prefetch.Lines, at runAt, labels int) {
	r := t.run(at)
	const perLine = prefetch.LineBytes / 8
	lines.Add(unsafe.Pointer(&r[0]))
	if len(r) > perLine {
		lines.Add(unsafe.Pointer(&r[perLine]))
	}
	if labels > perLine && labels < 3*perLine && len(r) > labels {
		lines.Add(unsafe.Pointer(&r[labels]))
	}
}

// prefetchVariances adds what is most likely the variances of two labels, of
// which either may be NoLabel: runs that have all labels are indexed by them.
func (t *rows) prefetchVariances(lines *prefetch.Lines, at runAt, y, r Label) {
	w := t.run(at)
	h := head(w[0])
	if h.n() == 0 {
		return
	}
	last := Label(h.n() - 1)
	v := w[t.options.variances(h.places()):]
	lines.Add(unsafe.Pointer(&v[min(y, last)]))
	lines.Add(unsafe.Pointer(&v[min(r, last)]))
}

// find returns the feature of a key.
func (t *rows) find(key []byte) Feature { return t.place(t.index.Print(key)).feature }

// place finds the place of a key.
func (t *rows) place(print keyindex.Print) place {
	if s := t.index.Lookup(print); s != nil {
		return place{Feature(s.Number), runAt(s.At), -1, -1}
	}
	return nowhere
}

// key returns a feature's key. It must not be changed.
func (t *rows) key(f Feature) []byte { return t.texts.at(t.feature(f).key) }

// intern enters a key that is not there. Its feature has no cells, which it must
// get before long, but room for n.
func (t *rows) intern(print keyindex.Print, key []byte, n int) (Feature, runAt) {
	f := Feature(t.used)
	if last := len(t.free) - 1; last >= 0 {
		f = t.free[last]
		t.free = t.free[:last]
	} else {
		if t.used%featureBlock == 0 {
			t.features = append(t.features, make([]feature, featureBlock))
			if len(t.features) > 1 { // it is not going to be a small table
				hugepage.For(&t.advice, t.features[len(t.features)-1])
			}
		}
		t.used++
	}
	h := t.feature(f)
	*h = feature{key: t.texts.keep(key), at: t.allocate(t.places(n)), flags: h.flags & listed}
	t.index.Add(print, uint32(f), uint32(h.at))
	return f, h.at
}

// addCell inserts a cell for a label that has none into a row of which there is
// room. Its weight is 0 and its variance 1.
func (t *rows) addCell(row *cells, l Label) {
	row.insert(-1-row.search(l), l)
	t.cells++
}

// reserve makes room for n more cells in the run of a feature, and returns where
// it is then.
func (t *rows) reserve(print keyindex.Print, f Feature, at runAt, n int) (cells, runAt) {
	row := t.options.open(t.run(at))
	if row.n+n <= row.places {
		return row, at
	}
	to := t.allocate(t.places(row.n + n))
	moved := t.options.open(t.run(to))
	moved.move(0, &row, 0, row.n)
	moved.setLen(row.n)
	t.release(at)
	t.feature(f).at = to
	t.index.Lookup(print).At = uint32(to)
	t.moves++
	return moved, to
}

// places returns how many places a run for n cells gets.
func (t *rows) places(n int) int {
	if n > t.largest {
		return n + n/2
	}
	return runPlaces[class(n)]
}

// class returns the first size of runs for n cells, which is one that shares
// pages.
func class(n int) int {
	i := 0
	for runPlaces[i] < n {
		i++
	}
	return i
}

// allocate returns a run without cells.
func (t *rows) allocate(places int) runAt {
	at := t.room(places)
	t.run(at)[0] = uint64(newHead(places, 0, false))
	return at
}

// room finds the words for a run.
func (t *rows) room(places int) runAt {
	words := t.options.words(places)
	if places > t.largest {
		return t.newPage(words)
	}
	free := &t.freeRuns[class(places)]
	if n := len(*free); n > 0 {
		at := (*free)[n-1]
		*free = (*free)[:n-1]
		return at
	}
	if int(t.tailEnd-t.tail) < words {
		t.recycleTail()
		t.tail = t.newPage(pageWords)
		t.tailEnd = t.tail + pageWords
	}
	at := t.tail
	t.tail += runAt(words)
	return at
}

// newPage returns the run that is a new page.
func (t *rows) newPage(words int) runAt {
	if len(t.freePages) == 0 && len(t.pages) > int(^runAt(0)>>pageBits) {
		panic("storage: a table has more than 32 GB of weights")
	}
	t.held += words
	p := make([]uint64, words)
	if n := len(t.freePages); n > 0 {
		at := t.freePages[n-1]
		t.freePages = t.freePages[:n-1]
		t.pages[at] = p
		return runAt(at) << pageBits
	}
	t.pages = append(t.pages, p)
	return runAt(len(t.pages)-1) << pageBits
}

// recycleTail gives what is left of the last page to the free runs, but for a
// word or two.
func (t *rows) recycleTail() {
	for i := class(t.largest); i >= 0; i-- {
		words := t.options.words(runPlaces[i])
		for int(t.tailEnd-t.tail) >= words {
			t.freeRuns[i] = append(t.freeRuns[i], t.tail)
			t.tail += runAt(words)
		}
	}
}

// release gives a run back.
func (t *rows) release(at runAt) {
	places := head(t.run(at)[0]).places()
	if places <= t.largest {
		i := class(places)
		t.freeRuns[i] = append(t.freeRuns[i], at)
		return
	}
	t.held -= t.options.words(places)
	t.pages[at>>pageBits] = nil
	t.freePages = append(t.freePages, uint32(at>>pageBits))
}

// dropCell takes cell i out of a row. A row without cells is no feature any
// more.
func (t *rows) dropCell(f Feature, i int) {
	row := t.row(f)
	t.cells--
	if row.n > 1 {
		row.remove(i)
		return
	}
	h := t.feature(f)
	t.release(h.at)
	t.index.Remove(t.index.Print(t.key(f)))
	*h = feature{flags: h.flags & listed}
	t.free = append(t.free, f)
	t.epoch = new(epoch)
	t.moves++
}

// all yields the features that are there.
func (t *rows) all(yield func(Feature) bool) {
	for f := range Feature(t.used) {
		if t.feature(f).at != noRun && !yield(f) {
			return
		}
	}
}

// wasteful reports whether most of the memory holds nothing any more.
func (t *rows) wasteful() bool {
	const small = 4 * featureBlock
	return len(t.free) > small && len(t.free) > t.index.Len() ||
		t.held > 16*pageWords && t.held > 4*t.needed()
}

// needed is about how many words the cells take.
func (t *rows) needed() int { return t.index.Len() + t.options.words(t.cells) }

// compacted returns a copy without waste, and the new numbers of the features.
func (t *rows) compacted() (*rows, []Feature) {
	n := newRows(t.options)
	moved := make([]Feature, t.used)
	for f := range moved {
		moved[f] = NoFeature
	}
	for f := range t.all {
		from := t.row(f)
		key := t.key(f)
		moved[f], _ = n.intern(n.index.Print(key), key, from.n)
		to := n.row(moved[f])
		to.move(0, &from, 0, from.n)
		to.setLen(from.n)
		n.feature(moved[f]).flags = t.feature(f).flags
		n.cells += from.n
	}
	return n, moved
}

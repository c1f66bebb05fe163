package storage

import "github.com/jubatus/jubatus-go/learner/storage/hugepage"

// Feature is the dense number of a feature key in a Linear.
type Feature uint32

// NoFeature is a key that the table does not know.
const NoFeature = ^Feature(0)

// rows holds the cells of every feature. A feature's cells, one per label
// that it has a weight for, lie side by side in a page; keys share blocks of
// text; both are reused when labels go. Most features have one or two labels
// and there can be millions, so that every byte per feature counts.
type rows struct {
	index    *index
	features [][]feature // in blocks of featureBlock
	used     int         // features ever numbered
	free     []Feature   // of these, those that are gone

	texts keys // of the features

	pages     []page
	freePages []uint32                // pages whose cells were given back
	freeRuns  [len(runSizes)][]uint32 // runs given back, by size class
	tail      uint32                  // the cells of the last shared page
	tailEnd   uint32                  // that are not handed out yet
	capacity  int                     // cells in rows, used or not
	cells     int                     // cells in use

	options Options
	advice  hugepage.Advice
	epoch   *epoch
}

// epoch is a time in which numbers of features keep their meaning. It ends when
// a feature goes. It has a size so that no two are the same.
type epoch struct{ _ byte }

const (
	featureBits  = 10
	featureBlock = 1 << featureBits
	pageBits     = 12
	pageCells    = 1 << pageBits
	ownPage      = 0xff // the class of a row that has a page of its own
	noRun        = 0xfe // the class of a row that has no room at all
)

// runSizes are the lengths that rows grow through, before they get a page of
// their own.
var runSizes = [...]uint32{
	1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096,
}

type feature struct {
	check uint64 // of the fingerprint
	key   keyRef
	cells uint32 // where they begin: page and offset
	n     uint32 // how many there are
	class uint8
	flags uint8
}

// The flags of a feature.
const (
	listed = 1 << iota // it is in the list of changed features
	based              // some cell has a base
)

// cell is the effective weight of a (feature, label) pair. Its variance lies
// elsewhere, as scoring does not need it.
type cell struct {
	weight float64
	label  Label
	flags  uint8
}

// The flags of a cell of a shared table.
const (
	hasBase   = 1 << iota // it is in the base table
	hasDiff               // it is in the diff table
	mentioned             // it is in the diff being put
)

// shadow is what an effective value is the sum of.
type shadow struct{ base, diff value }

type value struct{ weight, variance float64 }

// page is a run of cells, and what lies beside them: variances in a table that
// has them, shadows in a shared one.
type page struct {
	cells     []cell
	variances []float64
	shadows   []shadow
}

func newRows(o Options) *rows {
	return &rows{index: newIndex(), options: o, epoch: new(epoch)}
}

func (t *rows) len() int { return t.index.n }

func (t *rows) feature(f Feature) *feature {
	return &t.features[f>>featureBits][f&(featureBlock-1)]
}

// touch loads a feature's cells.
func (t *rows) touch(f Feature) (touched uint64) {
	row := t.row(f)
	const perLine = 4 // of the processor's cache
	for i := 0; i < len(row); i += perLine {
		touched += uint64(row[i].label)
	}
	if len(row) > 0 {
		touched += uint64(row[len(row)-1].label)
	}
	return touched
}

// touchVariances loads what is most likely the variances of two labels, of
// which either may be NoLabel: rows that have all labels are indexed by them.
func (t *rows) touchVariances(f Feature, y, r Label) (touched float64) {
	h := t.feature(f)
	if h.n == 0 {
		return 0
	}
	row := t.pages[h.cells>>pageBits].variances[h.cells&(pageCells-1):][:h.n]
	return row[min(uint32(y), h.n-1)] + row[min(uint32(r), h.n-1)]
}

// row returns a feature's cells.
func (t *rows) row(f Feature) []cell {
	h := t.feature(f)
	if h.n == 0 {
		return nil
	}
	return t.pages[h.cells>>pageBits].cells[h.cells&(pageCells-1):][:h.n]
}

// run returns a feature's cells with what lies beside them.
func (t *rows) run(f Feature) page {
	h := t.feature(f)
	if h.n == 0 {
		return page{}
	}
	return t.pages[h.cells>>pageBits].slice(int(h.cells&(pageCells-1)), int(h.n))
}

// slice returns n places from i on.
func (p *page) slice(i, n int) page {
	s := page{cells: p.cells[i:][:n]}
	if p.variances != nil {
		s.variances = p.variances[i:][:n]
	}
	if p.shadows != nil {
		s.shadows = p.shadows[i:][:n]
	}
	return s
}

// copyFrom copies another run into this one.
func (p page) copyFrom(from page) {
	copy(p.cells, from.cells)
	copy(p.variances, from.variances)
	copy(p.shadows, from.shadows)
}

// find returns the feature of a key.
func (t *rows) find(key []byte) Feature { return t.lookup(t.index.fingerprint(key)) }

// key returns a feature's key. It must not be changed.
func (t *rows) key(f Feature) []byte { return t.texts.at(t.feature(f).key) }

// intern returns the feature of a key, which is new if need be.
func (t *rows) intern(key []byte) Feature {
	print := t.index.fingerprint(key)
	if f := t.lookup(print); f != NoFeature {
		return f
	}
	f := Feature(t.used)
	if n := len(t.free); n > 0 {
		f = t.free[n-1]
		t.free = t.free[:n-1]
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
	*h = feature{check: print.check, key: t.texts.keep(key), class: noRun, flags: h.flags & listed}
	t.index.add(print, f)
	return f
}

// search returns the place of a label's cell in a row, or -1-p if there is
// none and it belongs at p. Rows are in the order of their labels. So a label
// is never behind the place of its number, and a row that has all labels is an
// array that they index.
func search(row []cell, l Label) int {
	i := len(row) - 1
	if int(l) < i {
		i = int(l)
	}
	for i >= 0 && row[i].label > l {
		i--
	}
	if i >= 0 && row[i].label == l {
		return i
	}
	return -2 - i
}

// addCell inserts a cell for a label that has none into a row, which may move.
// Its weight is 0 and its variance 1.
func (t *rows) addCell(f Feature, l Label) {
	t.reserve(f, 1)
	at := -1 - search(t.row(f), l)
	h := t.feature(f)
	h.n++
	t.cells++
	row := t.run(f)
	last := int(h.n) - 1
	row.slice(at+1, last-at).copyFrom(row.slice(at, last-at))
	row.cells[at] = cell{label: l}
	if row.variances != nil {
		row.variances[at] = 1
	}
	if row.shadows != nil {
		row.shadows[at] = shadow{}
	}
}

// reserve makes room for n more cells in a row.
func (t *rows) reserve(f Feature, n uint32) {
	h := t.feature(f)
	if h.n+n <= t.room(h) {
		return
	}
	class, size := classFor(h.n + n)
	to := t.allocate(class, size)
	if h.n > 0 {
		t.pages[to>>pageBits].slice(int(to&(pageCells-1)), int(h.n)).copyFrom(t.run(f))
	}
	t.release(h)
	h.cells, h.class = to, class
}

func (t *rows) room(h *feature) uint32 {
	switch h.class {
	case noRun:
		return 0
	case ownPage:
		return uint32(len(t.pages[h.cells>>pageBits].cells))
	default:
		return runSizes[h.class]
	}
}

// classFor returns the smallest class that holds n cells, and its size.
func classFor(n uint32) (uint8, uint32) {
	for i, size := range runSizes {
		if n <= size {
			return uint8(i), size
		}
	}
	return ownPage, n + n/2
}

// allocate returns a run of cells.
func (t *rows) allocate(class uint8, size uint32) uint32 {
	t.capacity += int(size)
	if class == ownPage {
		return t.newPage(size) << pageBits
	}
	if runs := t.freeRuns[class]; len(runs) > 0 {
		at := runs[len(runs)-1]
		t.freeRuns[class] = runs[:len(runs)-1]
		return at
	}
	if t.tailEnd-t.tail < size {
		t.recycleTail()
		t.tail = t.newPage(pageCells) << pageBits
		t.tailEnd = t.tail + pageCells
	}
	at := t.tail
	t.tail += size
	return at
}

func (t *rows) newPage(size uint32) uint32 {
	p := page{cells: make([]cell, size)}
	if t.options.Variance {
		p.variances = make([]float64, size)
	}
	if t.options.Shared {
		p.shadows = make([]shadow, size)
	}
	if n := len(t.freePages); n > 0 {
		at := t.freePages[n-1]
		t.freePages = t.freePages[:n-1]
		t.pages[at] = p
		return at
	}
	t.pages = append(t.pages, p)
	return uint32(len(t.pages) - 1)
}

// recycleTail gives what is left of the last page to the free runs.
func (t *rows) recycleTail() {
	for class := len(runSizes) - 1; class >= 0; class-- {
		for t.tailEnd-t.tail >= runSizes[class] {
			t.freeRuns[class] = append(t.freeRuns[class], t.tail)
			t.tail += runSizes[class]
		}
	}
}

// release gives a row's run of cells back.
func (t *rows) release(h *feature) {
	t.capacity -= int(t.room(h))
	switch h.class {
	case noRun:
	case ownPage:
		p := h.cells >> pageBits
		t.pages[p] = page{}
		t.freePages = append(t.freePages, p)
	default:
		t.freeRuns[h.class] = append(t.freeRuns[h.class], h.cells)
	}
}

// dropCell takes cell i out of a row. A row without cells is no feature any
// more.
func (t *rows) dropCell(f Feature, i int) {
	h := t.feature(f)
	last := int(h.n) - 1
	row := t.run(f)
	row.slice(i, last-i).copyFrom(row.slice(i+1, last-i))
	t.cells--
	if last == 0 {
		t.release(h)
		t.index.remove(t.index.fingerprint(t.key(f)), f)
		*h = feature{class: noRun, flags: h.flags & listed}
		t.free = append(t.free, f)
		t.epoch = new(epoch)
		return
	}
	h.n--
}

// all yields the features that are there.
func (t *rows) all(yield func(Feature) bool) {
	for f := range Feature(t.used) {
		if t.feature(f).n > 0 && !yield(f) {
			return
		}
	}
}

// wasteful reports whether most of the memory holds nothing any more.
func (t *rows) wasteful() bool {
	const small = 4 * featureBlock
	return len(t.free) > small && len(t.free) > t.index.n ||
		len(t.pages)*pageCells > 16*pageCells && t.inPages() > 4*t.cells
}

// inPages is how many cells the pages hold, used or not.
func (t *rows) inPages() int {
	n := t.capacity + int(t.tailEnd-t.tail)
	for class, runs := range t.freeRuns {
		n += len(runs) * int(runSizes[class])
	}
	return n
}

// compacted returns a copy without waste, and the new numbers of the features.
func (t *rows) compacted() (*rows, []Feature) {
	n := newRows(t.options)
	moved := make([]Feature, t.used)
	for f := range moved {
		moved[f] = NoFeature
	}
	for f := range t.all {
		h := t.feature(f)
		to := n.intern(t.key(f))
		moved[f] = to
		n.reserve(to, h.n)
		d := n.feature(to)
		d.flags, d.n = h.flags, h.n
		n.run(to).copyFrom(t.run(f))
		n.cells += int(h.n)
	}
	return n, moved
}

package burst

import (
	"math"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// chunk is how many documents are decoded and scanned at once. It bounds the
// memory of a call.
const chunk = 64

// document is a text at a position. The text aliases the call's arguments.
type document struct {
	pos  float64
	text []byte
}

// scratch is the memory of one call.
type scratch struct {
	documents [chunk]document
	rejected  [chunk]bool
	sets      []uint64 // a set of keywords for each document
	words     int      // the size of such a set
}

func (b *Burst) borrow() *scratch {
	if s, ok := b.scratch.Get().(*scratch); ok {
		return s
	}
	return &scratch{}
}

func (b *Burst) giveBack(s *scratch) {
	clear(s.documents[:])
	b.scratch.Put(s)
}

// addDocuments counts documents and answers how many of them every keyword
// has taken. Texts are decoded and scanned before the model is taken; only
// those of an unusually long list, and of a call during which keywords were
// added, afterwards.
func (b *Burst) addDocuments(c *engine.Call) error {
	s := b.borrow()
	defer b.giveBack(s)
	r := &c.Args
	n, err := r.ArrayHeader()
	if err != nil {
		return err
	}
	if n > chunk {
		// Nothing is done for a list that has a mistake.
		check := *r
		for range n {
			if err := s.documents[0].decode(&check); err != nil {
				return err
			}
		}
	}
	m := min(n, chunk)
	if err := s.decode(r, m); err != nil {
		return err
	}
	scanned := b.scanner.Load()
	if scanned != nil {
		s.scan(scanned, m)
	}
	c.Acquire()
	b.assign()
	current := b.scanner.Load()
	if current == nil {
		current = newScanner(b.processed(), rowBudget)
		b.scanner.Store(current)
	}
	if current != scanned {
		s.scan(current, m)
	}
	taken := 0
	for todo := n; todo > 0; {
		taken += b.count(current.keywords, s, m)
		todo -= m
		if m = min(todo, chunk); m == 0 {
			break
		}
		if err := s.decode(r, m); err != nil {
			return err
		}
		s.scan(current, m)
	}
	if taken > 0 {
		b.counted(current.keywords)
	}
	c.Out = mpack.AppendInt(c.Out, int64(taken))
	return nil
}

// decode reads m documents.
func (s *scratch) decode(r *mpack.Reader, m int) error {
	for i := range m {
		if err := s.documents[i].decode(r); err != nil {
			return err
		}
	}
	return nil
}

// decode reads a [position, text], in which either may be missing.
func (d *document) decode(r *mpack.Reader) error {
	*d = document{}
	n, err := r.ArrayHeader()
	if err != nil {
		return err
	}
	for k := range n {
		switch k {
		case 0:
			d.pos, err = r.Float64()
		case 1:
			d.text, err = r.Raw()
		default:
			err = r.Skip()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// scan finds the keywords of the first m documents.
func (s *scratch) scan(with *scanner, m int) {
	s.words = with.words()
	if n := m * s.words; cap(s.sets) < n {
		s.sets = make([]uint64, n)
	} else {
		s.sets = s.sets[:n]
		clear(s.sets)
	}
	for i := range m {
		with.scan(s.documents[i].text, s.sets[i*s.words:][:s.words])
	}
}

// processed are the keywords that are processed here.
func (b *Burst) processed() []*keyword {
	var p []*keyword
	for _, k := range b.keywords {
		if k.processed {
			p = append(p, k)
		}
	}
	return p
}

// count counts m documents for those keywords and returns how many of them all
// keywords took.
func (b *Burst) count(keywords []*keyword, s *scratch, m int) int {
	o := &b.options
	b.settleBefore(keywords, s.documents[:m])
	clear(s.rejected[:m])
	for j, k := range keywords {
		word, bit := j/64, uint64(1)<<(j%64)
		for i := range m {
			if !k.add(o, s.documents[i].pos, s.sets[i*s.words+word]&bit != 0) {
				s.rejected[i] = true
			}
		}
	}
	taken := 0
	for i := range m {
		if !s.rejected[i] {
			taken++
		}
	}
	return taken
}

// Results are what the input gave at the end of the last call of which a
// document was taken. They are settled only when somebody asks, or when that
// could become another result: before the input loses windows, and before
// documents that may be counted for one keyword and rejected by another, after
// which the results are not to change.

// settleBefore settles what must be before documents are counted.
func (b *Burst) settleBefore(keywords []*keyword, documents []document) {
	o := &b.options
	first, last := documents[0].pos, math.Inf(-1)
	for i := range documents {
		if p := documents[i].pos; p > last {
			last = p
		}
	}
	certain, opens := true, false
	for _, k := range keywords {
		certain = certain && k.counts(o, first)
		opens = opens || k.opens(o, last)
	}
	if certain && !opens {
		return
	}
	for _, k := range keywords {
		if k.dirty && (!certain || k.opens(o, last)) {
			k.settle(o, b.automaton)
		}
	}
}

// counted ends a call of which a document was taken.
func (b *Burst) counted(keywords []*keyword) {
	for _, k := range keywords {
		k.touch()
		if k.opened {
			k.settle(&b.options, b.automaton)
		} else {
			k.dirty = true
		}
	}
}

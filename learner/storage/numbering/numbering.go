// Package numbering gives names dense numbers: 0, 1, 2, in the order in which
// they come. A number stays with its name until all are cleared.
package numbering

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/jubatus/jubatus-go/learner/storage/keyindex"
	"github.com/jubatus/jubatus-go/learner/storage/prefetch"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Numbering knows the numbers of names. Methods that change it need it alone;
// the others may share it.
type Numbering struct {
	index *keyindex.Index
	names []string
}

// New returns an empty numbering.
func New() *Numbering { return &Numbering{index: keyindex.New()} }

// Len is the number of names.
func (n *Numbering) Len() int { return len(n.names) }

// Name returns the name of a number that was given.
func (n *Numbering) Name(number uint32) string { return n.names[number] }

// Find returns the number of a name, if it has one.
func (n *Numbering) Find(name []byte) (number uint32, ok bool) {
	return n.find(n.index.Print(name))
}

// FindAll does what Find does for many names at once, which is faster where
// there are many numbers. For each of the names from 0 to count it appends a
// number or None.
func (n *Numbering) FindAll(numbers []uint32, count int, name func(i int) []byte) []uint32 {
	var prints [atOnce]keyindex.Print
	var lines prefetch.Lines
	for start := 0; start < count; start += atOnce {
		some := prints[:min(atOnce, count-start)]
		for i := range some {
			some[i] = n.index.Print(name(start + i))
		}
		n.index.Prefetch(&lines, some)
		for i := range some {
			number, ok := n.find(some[i])
			if !ok {
				number = None
			}
			numbers = append(numbers, number)
		}
	}
	return numbers
}

// None is no number.
const None = math.MaxUint32

// atOnce is for how many names the memory is fetched at once.
const atOnce = prefetch.Most / 2

// Intern returns the number of a name, the next one if it is new.
func (n *Numbering) Intern(name []byte) uint32 {
	print := n.index.Print(name)
	if number, ok := n.find(print); ok {
		return number
	}
	return n.enter(print, string(name))
}

func (n *Numbering) find(print keyindex.Print) (number uint32, ok bool) {
	if s := n.index.Lookup(print); s != nil {
		return s.Number, true
	}
	return 0, false
}

func (n *Numbering) enter(print keyindex.Print, name string) uint32 {
	number := uint32(len(n.names))
	n.index.Add(print, number, 1)
	n.names = append(n.names, name)
	return number
}

// Clear forgets all names.
func (n *Numbering) Clear() { *n = *New() }

// Pack appends [{name: number}, {number: name}, next number].
func (n *Numbering) Pack(b []byte) []byte { return Pack(b, n.names) }

// Pack appends the numbering of names that do not repeat, by their order.
func Pack(b []byte, names []string) []byte {
	b = mpack.AppendArrayHeader(b, 3)
	b = mpack.AppendMapHeader(b, len(names))
	for number, name := range names {
		b = mpack.AppendRaw(b, name)
		b = mpack.AppendUint(b, uint64(number))
	}
	b = mpack.AppendMapHeader(b, len(names))
	for number, name := range names {
		b = mpack.AppendUint(b, uint64(number))
		b = mpack.AppendRaw(b, name)
	}
	return mpack.AppendUint(b, uint64(len(names)))
}

// Renumbered tells the numbers of a numbering that was read by the numbers
// that it was written with.
type Renumbered map[uint64]uint32

// ErrUnknown is a number that has no name.
var ErrUnknown = errors.New("a number has no name")

// Of returns the new number of an old one. The error is ErrUnknown.
func (m Renumbered) Of(old uint64) (uint32, error) {
	number, ok := m[old]
	if !ok {
		return 0, ErrUnknown
	}
	return number, nil
}

var errTwice = errors.New("two names have one number")

// Unpack reads what Pack wrote. Numbers that nobody has are left out, and so
// the names get numbers without gaps in the order of the old ones. Elements
// missing at the end are empty.
func Unpack(r *mpack.Reader) (*Numbering, Renumbered, error) {
	count, err := r.ArrayHeader()
	if err != nil {
		return nil, nil, err
	}
	type entry struct {
		name   string
		number uint64
	}
	var entries []entry
	for i := range count {
		if i > 0 {
			// The other direction says nothing new.
			if err := r.Skip(); err != nil {
				return nil, nil, err
			}
			continue
		}
		m, err := r.MapHeader()
		if err != nil {
			return nil, nil, err
		}
		for range m {
			name, err := r.Raw()
			if err != nil {
				return nil, nil, err
			}
			number, err := r.Uint64()
			if err != nil {
				return nil, nil, err
			}
			entries = append(entries, entry{string(name), number})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.number, b.number) })
	n, numbers := New(), make(Renumbered, len(entries))
	for _, e := range entries {
		if _, ok := numbers[e.number]; ok || len(n.names) == None {
			return nil, nil, errTwice
		}
		numbers[e.number] = n.Intern([]byte(e.name))
	}
	return n, numbers, nil
}

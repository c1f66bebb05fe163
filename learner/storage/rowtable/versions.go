package rowtable

// versions is the versions of rows, 0 to n-1, in blocks. Where rows came one
// after another and nobody wrote them again, a block takes next to nothing:
// their versions are numbers in sequence. Else it takes 4 bytes per row, or 8
// if its rows have times far apart or owners of high numbers.
type versions struct {
	n      int
	blocks []block
}

// block is the versions of blockRows rows. Without numbers the version of row
// i is first + i.
type block struct {
	first version // the earliest time, and an owner unless short is there
	short *[blockRows]uint32
	wide  *[blockRows]version
}

const (
	blockRows = 256

	// A short version is an owner in the upper bits and a time after first.
	shortClockBits = 26
	maxShortClock  = 1<<shortClockBits - 1
	maxShortOwner  = 1<<(32-shortClockBits) - 1
)

func (s *versions) len() int { return s.n }

// at returns the version of a row.
func (s *versions) at(row int) version {
	b, i := &s.blocks[row/blockRows], row%blockRows
	switch {
	case b.wide != nil:
		return b.wide[i]
	case b.short != nil:
		x := b.short[i]
		return newVersion(x>>shortClockBits, b.first.clock()+uint64(x&maxShortClock))
	default:
		return b.first + version(i)
	}
}

// add appends the version of a new row.
func (s *versions) add(v version) {
	if s.n%blockRows == 0 {
		s.blocks = append(s.blocks, block{first: v})
		s.n++
		return
	}
	s.n++
	s.set(s.n-1, v)
}

// set gives a row another version.
func (s *versions) set(row int, v version) {
	b, i := &s.blocks[row/blockRows], row%blockRows
	switch {
	case b.wide != nil:
		b.wide[i] = v
		return
	case b.short != nil:
		if x, ok := b.shorten(v); ok {
			b.short[i] = x
			return
		}
	case b.first+version(i) == v:
		return
	}
	s.rewrite(row, v)
}

// shorten returns the short form of a version, if there is one.
func (b *block) shorten(v version) (x uint32, ok bool) {
	after := v.clock() - b.first.clock()
	return v.owner()<<shortClockBits | uint32(after),
		v.clock() >= b.first.clock() && after <= maxShortClock && v.owner() <= maxShortOwner
}

// rewrite gives a row a version that its block has no place for.
func (s *versions) rewrite(row int, v version) {
	from := row - row%blockRows
	n := min(s.n-from, blockRows)
	wide := new([blockRows]version)
	for i := range n {
		wide[i] = s.at(from + i)
	}
	wide[row-from] = v
	least := v.clock()
	for _, v := range wide[:n] {
		least = min(least, v.clock())
	}
	b := block{first: newVersion(0, least), short: new([blockRows]uint32)}
	for i, v := range wide[:n] {
		var ok bool
		if b.short[i], ok = b.shorten(v); !ok {
			b = block{wide: wide}
			break
		}
	}
	s.blocks[row/blockRows] = b
}

// remove takes the version of a row out. That of the last row takes its place.
func (s *versions) remove(row int) {
	last := s.n - 1
	if row != last {
		s.set(row, s.at(last))
	}
	s.n = last
	if last%blockRows == 0 {
		s.blocks = s.blocks[:last/blockRows]
	}
}

package rowtable

import (
	"errors"
	"fmt"

	"github.com/jubatus/jubatus-go/learner/storage/signature"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// The codes of column types in model files.
const (
	typeDouble = 9
	typeBits   = 10
)

var (
	errCounts    = errors.New("a table's rows, versions, columns and positions are not equally many")
	errTwice     = errors.New("a table has an id twice")
	errPositions = errors.New("a table has an id at another position than it says")
	errClock     = errors.New("the clock of a row is absurd")
	errOwners    = errors.New("the rows of a table have too many owners")
)

// code is the type of a column as models carry it.
func (c Column) code() (code, bits int) {
	if c.bits == 0 {
		return typeDouble, 0
	}
	return typeBits, c.bits
}

func (c Column) String() string {
	if c.bits == 0 {
		return "double"
	}
	return fmt.Sprintf("bit_vector(%d)", c.bits)
}

// Pack appends the table:
//
//	[[id…], rows, [[[owner], time]…], [[[type, bits], [value…]]…], clock, {id: position}]
//
// A value is a number for each word of a signature, or a double.
func (t *Table) Pack(b []byte) []byte {
	n := t.Len()
	b = mpack.AppendArrayHeader(b, 6)
	b = mpack.AppendArrayHeader(b, n)
	for row := range n {
		b = mpack.AppendRaw(b, t.ID(row))
	}
	b = mpack.AppendUint(b, uint64(n))
	b = mpack.AppendArrayHeader(b, n)
	for row := range n {
		b = t.appendVersion(b, t.versions.at(row))
	}
	b = mpack.AppendArrayHeader(b, len(t.schema))
	for i := range t.columns {
		b = t.columns[i].pack(b, t.schema[i])
	}
	b = mpack.AppendUint(b, t.clock)
	b = mpack.AppendMapHeader(b, n)
	for row := range n {
		b = mpack.AppendRaw(b, t.ID(row))
		b = mpack.AppendUint(b, uint64(row))
	}
	return b
}

func (t *Table) appendVersion(b []byte, v version) []byte {
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendArrayHeader(b, 1)
	b = mpack.AppendRaw(b, t.owners[v.owner()])
	return mpack.AppendUint(b, v.clock())
}

func (c *column) pack(b []byte, schema Column) []byte {
	code, bits := schema.code()
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendUint(b, uint64(code))
	b = mpack.AppendUint(b, uint64(bits))
	if code == typeDouble {
		b = mpack.AppendArrayHeader(b, len(c.doubles))
		for _, x := range c.doubles {
			b = mpack.AppendFloat64(b, x)
		}
		return b
	}
	b = mpack.AppendArrayHeader(b, len(c.words))
	for _, w := range c.words {
		b = mpack.AppendUint(b, w)
	}
	return b
}

// Unpack reads what Pack wrote, without touching the table, and returns what
// replaces its content by that. Unlike other parts of models, rows that the
// packer has not shared yet are taken as they are, wherever they come from:
// to get a row twice does no harm.
func (t *Table) Unpack(r *mpack.Reader) (commit func(), err error) {
	c, err := t.unpack(r)
	if err != nil {
		return nil, fmt.Errorf("unpacking rows: %w", err)
	}
	return func() {
		t.content = c
		t.marks, t.shared = nil, 0
		t.Keep()
	}, nil
}

func (t *Table) unpack(r *mpack.Reader) (content, error) {
	c := t.newContent()
	if err := r.Tuple(6); err != nil {
		return c, err
	}
	n, err := r.ArrayHeader()
	if err != nil {
		return c, err
	}
	for range n {
		id, err := r.Raw()
		if err != nil {
			return c, err
		}
		if c.ids.Find(id) >= 0 {
			return c, errTwice
		}
		if !c.ids.Add(id) {
			return c, ErrFull
		}
	}
	if m, err := r.Uint64(); err != nil || m != uint64(n) {
		return c, orCounts(err)
	}
	if err := c.unpackVersions(r, n); err != nil {
		return c, err
	}
	if err := r.Tuple(len(t.schema)); err != nil {
		return c, err
	}
	for i, s := range t.schema {
		if err := c.columns[i].unpack(r, s, n); err != nil {
			return c, err
		}
	}
	if c.clock, err = readClock(r); err != nil {
		return c, err
	}
	return c, c.checkPositions(r, n)
}

func orCounts(err error) error {
	if err != nil {
		return err
	}
	return errCounts
}

func (c *content) unpackVersions(r *mpack.Reader, n int) error {
	if m, err := r.ArrayHeader(); err != nil || m != n {
		return orCounts(err)
	}
	for range n {
		owner, clock, err := readVersion(r)
		if err != nil {
			return err
		}
		number, ok := c.owner(owner)
		if !ok {
			return errOwners
		}
		c.versions.add(newVersion(number, clock))
	}
	return nil
}

// readVersion reads [[owner], time].
func readVersion(r *mpack.Reader) (owner []byte, clock uint64, err error) {
	if err = r.Tuple(2); err != nil {
		return nil, 0, err
	}
	if owner, err = readOwner(r); err != nil {
		return nil, 0, err
	}
	clock, err = readClock(r)
	return owner, clock, err
}

// readOwner reads [owner].
func readOwner(r *mpack.Reader) ([]byte, error) {
	if err := r.Tuple(1); err != nil {
		return nil, err
	}
	return r.Raw()
}

// readClock reads a time. One that no clock gets to by itself is refused: it
// would leave no room for what comes after.
func readClock(r *mpack.Reader) (uint64, error) {
	clock, err := r.Uint64()
	if err == nil && clock > maxClock/2 {
		err = errClock
	}
	return clock, err
}

func (c *column) unpack(r *mpack.Reader, schema Column, n int) error {
	if err := r.Tuple(2); err != nil {
		return err
	}
	if err := r.Tuple(2); err != nil {
		return err
	}
	code, err := r.Uint64()
	if err != nil {
		return err
	}
	bits, err := r.Uint64()
	if err != nil {
		return err
	}
	if wantCode, wantBits := schema.code(); code != uint64(wantCode) || bits != uint64(wantBits) {
		return fmt.Errorf("column: invalid type in serialize(): expected: %v, actual: %d, %d bits", schema, code, bits)
	}
	m, err := r.ArrayHeader()
	if err != nil {
		return err
	}
	if code == typeDouble {
		if m != n {
			return errCounts
		}
		c.doubles = make([]float64, n)
		for i := range c.doubles {
			if c.doubles[i], err = r.Float64(); err != nil {
				return err
			}
		}
		return nil
	}
	w := signature.Words(schema.bits)
	if m%w != 0 || m/w != n {
		return errCounts
	}
	c.words = make([]uint64, m)
	for i := range c.words {
		if c.words[i], err = r.Uint64(); err != nil {
			return err
		}
		if last := schema.bits % 64; last != 0 && i%w == w-1 {
			c.words[i] &= 1<<last - 1
		}
	}
	return nil
}

func (c *content) checkPositions(r *mpack.Reader, n int) error {
	if m, err := r.MapHeader(); err != nil || m != n {
		return orCounts(err)
	}
	for range n {
		id, err := r.Raw()
		if err != nil {
			return err
		}
		position, err := r.Uint64()
		if err != nil {
			return err
		}
		if row := c.ids.Find(id); row < 0 || uint64(row) != position {
			return errPositions
		}
	}
	return nil
}

package mixrows

import (
	"fmt"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// AppendMaster appends the master, {id: record}.
func (c *Content) AppendMaster(b []byte) []byte {
	n := 0
	c.EachMaster(func(int, []byte, []uint64) bool { n++; return true })
	b = mpack.AppendMapHeader(b, n)
	c.EachMaster(func(_ int, id []byte, record []uint64) bool {
		b = mpack.AppendRaw(b, id)
		b = c.shape.Layout.Append(b, record)
		return true
	})
	return b
}

// AppendDiff appends the diff, {id: record}, where what stands for a removed
// row is among the records.
func (c *Content) AppendDiff(b []byte) []byte {
	n := len(c.removed)
	for range c.EachDiff {
		n++
	}
	b = mpack.AppendMapHeader(b, n)
	c.EachDiff(func(row int, record []uint64) bool {
		b = mpack.AppendRaw(b, c.ID(row))
		b = c.shape.Layout.Append(b, record)
		return true
	})
	for id := range c.removed {
		b = mpack.AppendRaw(b, id)
		b = c.shape.Layout.AppendRemoved(b)
	}
	return b
}

// ReadMaster reads what AppendMaster wrote into an empty content.
func (c *Content) ReadMaster(r *mpack.Reader) error {
	err := eachEntry(r, c.shape, func(id []byte, removed bool, record []uint64) error {
		switch row, ok := c.Find(id); {
		case ok && removed:
			c.drop(row)
		case ok:
			c.write(row, record)
		case !removed && !c.append(id, record, inMaster):
			return ErrFull
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("master: %w", err)
	}
	return nil
}

// ReadDiff reads what AppendDiff wrote, after the master. A removed row that
// the master has not is none.
func (c *Content) ReadDiff(r *mpack.Reader) error {
	err := eachEntry(r, c.shape, func(id []byte, removed bool, record []uint64) error {
		if !removed {
			if !c.set(id, record) {
				return ErrFull
			}
		} else if row, ok := c.Find(id); ok {
			c.remove(row, false)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("diff: %w", err)
	}
	return nil
}

// eachEntry reads {id: record}. The record is valid until do returns.
func eachEntry(r *mpack.Reader, s *Shape, do func(id []byte, removed bool, record []uint64) error) error {
	n, err := r.MapHeader()
	if err != nil {
		return err
	}
	record := make([]uint64, s.Width)
	for i := range n {
		id, err := r.Raw()
		if err != nil {
			return err
		}
		removed, err := s.Layout.Read(r, record)
		if err == nil {
			err = do(id, removed, record)
		}
		if err != nil {
			return fmt.Errorf("row %d of %d: %w", i, n, err)
		}
	}
	return nil
}

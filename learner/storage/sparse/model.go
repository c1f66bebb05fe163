package sparse

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/jubatus/jubatus-go/learner/storage/numbering"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Pack appends [{id: {feature number: value}}, feature numbers].
func (s *Store) Pack(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendMapHeader(b, len(s.rows))
	for id, row := range s.rows {
		b = mpack.AppendRaw(b, id)
		b = mpack.AppendMapHeader(b, len(row))
		for _, e := range row {
			b = mpack.AppendUint(b, uint64(e.Feature))
			b = mpack.AppendFloat64(b, e.Value)
		}
	}
	return s.features.Pack(b)
}

// Unpack reads what Pack wrote, without touching the store, and returns what
// makes it the contents. Elements missing at the end are empty.
func (s *Store) Unpack(r *mpack.Reader) (commit func(), err error) {
	c, err := unpack(r)
	if err != nil {
		return nil, fmt.Errorf("unpacking original rows: %w", err)
	}
	return func() { s.content = c }, nil
}

func unpack(r *mpack.Reader) (content, error) {
	c := newContent()
	n, err := r.ArrayHeader()
	if err != nil || n == 0 {
		return c, err
	}
	object, err := r.Object()
	if err != nil {
		return c, err
	}
	numbers := numbering.Renumbered{}
	for i := 1; i < n; i++ {
		if i == 1 {
			c.features, numbers, err = numbering.Unpack(r)
		} else {
			err = r.Skip()
		}
		if err != nil {
			return c, err
		}
	}
	rows := mpack.NewReader(object)
	m, err := rows.MapHeader()
	if err != nil {
		return c, err
	}
	for range m {
		id, err := rows.Raw()
		if err != nil {
			return c, err
		}
		row, err := unpackRow(&rows, numbers)
		if err != nil {
			return c, err
		}
		c.rows[string(id)] = row
	}
	return c, nil
}

func unpackRow(r *mpack.Reader, numbers numbering.Renumbered) (Row, error) {
	n, err := r.MapHeader()
	if err != nil {
		return nil, err
	}
	var row Row
	if n > 0 {
		row = make(Row, 0, min(n, 1<<10))
	}
	for range n {
		old, err := r.Uint64()
		if err != nil {
			return nil, err
		}
		value, err := r.Float64()
		if err != nil {
			return nil, err
		}
		feature, err := numbers.Of(old)
		if err != nil {
			return nil, err
		}
		row = append(row, Entry{feature, value})
	}
	if !slices.IsSortedFunc(row, func(a, b Entry) int { return cmp.Compare(a.Feature, b.Feature) }) {
		row = lastOfEach(row)
	}
	for i := 1; i < len(row); i++ {
		if row[i].Feature == row[i-1].Feature {
			return lastOfEach(row), nil
		}
	}
	return row, nil
}

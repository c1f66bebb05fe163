package clustering

import (
	"fmt"
	"maps"
	"slices"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Diff appends [[server, points]]: all points of this server, every time.
// Nothing needs to be remembered as sent, as nobody else changes them.
func (m *model) Diff(b []byte) []byte {
	return appendGroups(b, []group{{m.id, m.store.own(nil)}}, m.keys)
}

// Put makes the other servers' points the common ones and clusters anew.
func (m *model) Put(r *mpack.Reader) (ok bool, err error) {
	check := *r
	if _, err := (&pointReader{}).groups(&check); err != nil {
		return false, fmt.Errorf("clustering diff: %w", err)
	}
	groups, err := (&pointReader{keys: m.keys}).groups(r)
	if err != nil {
		return false, fmt.Errorf("clustering diff: %w", err)
	}
	m.share(groups)
	m.mixed++
	m.revision++
	m.recluster()
	return true, nil
}

// Version is how many diffs have been put.
func (m *model) Version() uint64 { return m.mixed }

// NewFold returns an empty accumulator of diffs.
func (m *model) NewFold() engine.Fold { return fold{} }

// fold is the points of every server, encoded: one list after another.
type fold map[string]*encoded

type encoded struct {
	count int
	bytes []byte
}

// Add folds in the points of another server. A diff that is not sound changes
// nothing.
func (f fold) Add(diff *mpack.Reader) error {
	check := *diff
	if _, err := (&pointReader{}).groups(&check); err != nil {
		return fmt.Errorf("clustering diff: %w", err)
	}
	n, err := diff.ArrayHeader()
	if err != nil {
		return err
	}
	for range n {
		if err := f.addGroup(diff); err != nil {
			return err
		}
	}
	return nil
}

func (f fold) addGroup(r *mpack.Reader) error {
	n, err := r.ArrayHeader()
	if err != nil {
		return err
	}
	var server, points []byte
	count := 0
	for i := range n {
		switch i {
		case 0:
			server, err = r.Raw()
		case 1:
			var list []byte
			if list, err = r.Object(); err == nil {
				x := mpack.NewReader(list)
				if count, err = x.ArrayHeader(); err == nil {
					points = x.Rest()
				}
			}
		default:
			err = r.Skip()
		}
		if err != nil {
			return err
		}
	}
	e := f[string(server)]
	if e == nil {
		e = &encoded{}
		f[string(server)] = e
	}
	e.count += count
	e.bytes = append(e.bytes, points...)
	return nil
}

// Append appends [[server, points]…] in the order of the servers' names.
func (f fold) Append(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, len(f))
	for _, server := range slices.Sorted(maps.Keys(f)) {
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendRaw(b, server)
		b = mpack.AppendArrayHeader(b, f[server].count)
		b = append(b, f[server].bytes...)
	}
	return b
}

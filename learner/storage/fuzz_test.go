package storage

import (
	"runtime"
	"testing"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// used is how much memory a function allocates.
func used(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// bound is what n hostile bytes may cost at most: a page or two, and so much
// for every byte.
func bound(n int) uint64 { return 4<<20 + 2000*uint64(n) }

func FuzzUnpack(f *testing.F) {
	table := NewLinear(Options{Shared: true, Variance: true})
	assign(table, "a", "f", 1, 0.5)
	exchange(f, table)
	assign(table, "b", "f", 1, 0.5)
	packed := table.Pack(nil)
	f.Add(packed)
	f.Add(packed[:len(packed)/2])
	f.Add([]byte{0x94, 0x80, 0x93, 0x80, 0x80, 0x00, 0x80, 0x91, 0x00})
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, packed []byte) {
		for _, o := range []Options{{}, {Shared: true, Variance: true}} {
			cost := used(func() {
				table := NewLinear(o)
				r := mpack.NewReader(packed)
				commit, err := table.Unpack(&r, false)
				if err != nil {
					return
				}
				commit()
				again := NewLinear(o)
				unpack(t, again, table.Pack(nil), false)
				if again.Len() != table.Len() || again.Labels() != table.Labels() {
					t.Errorf("%d features and %d labels became %d and %d",
						table.Len(), table.Labels(), again.Len(), again.Labels())
				}
			})
			if cost > bound(len(packed)) {
				t.Errorf("%d bytes allocated %d", len(packed), cost)
			}
		}
	})
}

func FuzzPut(f *testing.F) {
	f.Add(diffOf(1, 0, "f a 1 0.5 0", "g b 1 1 0"))
	f.Add(diffOf(1, 0, "f a 1 0.5 0")[:12])
	f.Add([]byte{0x92, 0x01, 0x92, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, mixed []byte) {
		cost := used(func() {
			table := NewLinear(Options{Shared: true, Variance: true})
			assign(table, "a", "f", 1, 0.5)
			table.Diff(nil)
			assign(table, "a", "f", 2, 0.25)
			before := string(table.Pack(nil))
			r := mpack.NewReader(mixed)
			ok, err := table.Put(&r)
			if (err != nil || !ok) && string(table.Pack(nil)) != before {
				t.Error("a refused diff changed the table")
			}
			fold := table.NewFold()
			r = mpack.NewReader(mixed)
			if err := fold.Add(&r); err == nil {
				fold.Append(nil)
			}
		})
		if cost > bound(len(mixed)) {
			t.Errorf("%d bytes allocated %d", len(mixed), cost)
		}
	})
}

func FuzzCounts(f *testing.F) {
	c := NewCounts()
	c.Add([]byte("a"))
	f.Add(c.Pack(nil))
	f.Add(c.Diff(nil))
	f.Add([]byte{0xdf, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, packed []byte) {
		cost := used(func() {
			c := NewCounts()
			r := mpack.NewReader(packed)
			if commit, err := c.Unpack(&r, false); err == nil {
				commit()
				c.Pack(nil)
			}
			r = mpack.NewReader(packed)
			if _, err := c.Put(&r); err == nil {
				c.AppendAll(nil)
			}
		})
		if cost > bound(len(packed)) {
			t.Errorf("%d bytes allocated %d", len(packed), cost)
		}
	})
}

package rowtable

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/integration/race"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Rows take at most twice the bytes of their signatures and ids: own ones that
// were set once, and those that nodes have got of each other. Rows that are
// set again in another order take 4 bytes more for their versions, whether
// they are own ones or not.
func TestMemory(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector takes memory, too")
	}
	const (
		rows  = 100_000
		limit = 2 * (8 + len("a123456"))
	)
	fill := func(owner string) *Table {
		table := New(owner, Bits(64))
		for i := range rows / 2 {
			table.Set(fmt.Appendf(nil, "%s%06d", owner, i))
		}
		return table
	}
	before := heap()
	check := func(what string, limit int, tables ...*Table) {
		n := 0
		for _, table := range tables {
			n += table.Len()
		}
		got := float64(heap()-before) / float64(n)
		t.Logf("%s: %.1f bytes per row", what, got)
		if got > float64(limit) {
			t.Errorf("%s: %.1f bytes per row, want %d at most", what, got, limit)
		}
	}
	shuffle := func(tables ...*Table) {
		for _, table := range tables {
			for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(rows / 2) {
				table.Set(fmt.Appendf(nil, "%s%06d", table.self, i))
			}
		}
	}
	exchange := func(tables ...*Table) {
		fold := tables[0].NewFold()
		for _, table := range tables {
			r := mpack.NewReader(table.Diff(nil))
			if err := fold.Add(&r); err != nil {
				t.Fatal(err)
			}
		}
		put(t, fold, tables)
	}
	a, b := fill("a"), fill("b")
	check("set", limit, a, b)
	exchange(a, b)
	check("mixed", limit, a, b)
	shuffle(a, b)
	check("half set again", limit+2, a, b)
	exchange(a, b)
	check("all set again", limit+4, a, b)
	runtime.KeepAlive([]*Table{a, b})
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// What happens to versions happens to a slice, whatever owners and times.
func TestVersionsAgainstSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var versions versions
		var want []version
		clock := uint64(0)
		draw := func() version {
			owner := rapid.SampledFrom([]uint32{0, 0, 0, 0, 1, maxShortOwner, maxShortOwner + 1, maxOwners - 1}).Draw(t, "owner")
			clock += rapid.SampledFrom([]uint64{1, 1, 1, 1, 1, 2, maxShortClock}).Draw(t, "later")
			if rapid.IntRange(0, 20).Draw(t, "absurd") == 0 {
				return newVersion(owner, rapid.SampledFrom([]uint64{0, maxShortClock, maxShortClock + 1, maxClock}).Draw(t, "clock"))
			}
			return newVersion(owner, clock)
		}
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			row := 0
			if len(want) > 0 {
				row = rapid.IntRange(0, len(want)-1).Draw(t, "row")
			}
			switch op := rapid.IntRange(0, 6).Draw(t, "op"); {
			case op < 2:
				v := draw()
				for i := range rapid.SampledFrom([]int{1, 2, blockRows - 1, blockRows}).Draw(t, "run") {
					versions.add(v + version(i))
					want = append(want, v+version(i))
				}
			case len(want) == 0:
			case op < 5:
				v := draw()
				versions.set(row, v)
				want[row] = v
			default:
				for range min(len(want), rapid.SampledFrom([]int{1, 2, blockRows}).Draw(t, "removals")) {
					row = min(row, len(want)-1)
					versions.remove(row)
					want[row] = want[len(want)-1]
					want = want[:len(want)-1]
				}
			}
			if versions.len() != len(want) {
				t.Fatalf("%d versions, want %d", versions.len(), len(want))
			}
			for row, v := range want {
				if got := versions.at(row); got != v {
					t.Fatalf("row %d of %d has version %x, want %x", row, len(want), got, v)
				}
			}
		}
	})
}

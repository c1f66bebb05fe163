package clustering

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
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
func bound(n int) uint64 { return 4<<20 + 4000*uint64(n) }

var fuzzed = []string{
	simpleConfig(kmeans2, 4),
	compressiveConfig(kmeans2, 4, 2, 3, 1, 0.1, 0.5),
	simpleConfig(`"method":"dbscan","parameter":{"eps":1,"min_core_point":2},"distance":"cosine"`, 4),
}

// Any bytes as a model: what decodes survives being packed and unpacked.
func FuzzUnpack(f *testing.F) {
	for _, cfg := range fuzzed {
		e, other := named(f, cfg, nameA), named(f, cfg, nameB)
		newBare(e).xs(f, "p", 1, 2, 3, 10, 11)
		newBare(other).push(f, "q", nums("x", 1.0, "y", 2.0))
		mix(f, e, other)
		packed := e.Pack(nil)
		f.Add(packed)
		f.Add(packed[:len(packed)/2])
	}
	f.Add([]byte{0x92, 0x92, 0x92, 0x00, 0x90, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, packed []byte) {
		for _, cfg := range fuzzed {
			cost := used(func() {
				e := named(t, cfg, nameA)
				if err := unpack(e, packed, engine.FromPeer); err == nil {
					e.model.Diff(nil)
				}
				r := mpack.NewReader(packed)
				commit, err := e.Unpack(&r, engine.FromFile)
				if err != nil {
					return
				}
				commit()
				again := named(t, cfg, nameA)
				first := e.Pack(nil)
				if err := unpack(again, first, engine.FromFile); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(again.Pack(nil), first) {
					t.Error("a model changes when it is packed again")
				}
			})
			if cost > bound(len(packed)) {
				t.Errorf("%d bytes allocated %d", len(packed), cost)
			}
		}
	})
}

// Any bytes as a diff, to fold and to put; what is refused changes nothing.
func FuzzPut(f *testing.F) {
	for _, cfg := range fuzzed {
		e := named(f, cfg, nameB)
		newBare(e).xs(f, "p", 1, 2, 3, 10, 11)
		f.Add(e.model.Diff(nil))
	}
	f.Add([]byte{0x91, 0x92, 0xa0, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x92, 0x90, 0x93, 0xa1, 'x', 0x91, 0x90, 0xc0})
	f.Fuzz(func(t *testing.T, diff []byte) {
		cost := used(func() {
			for _, cfg := range fuzzed {
				e := named(t, cfg, nameA)
				b := newBare(e)
				b.xs(t, "p", 1, 2, 3, 10, 11)
				before := e.Pack(nil)
				r := mpack.NewReader(diff)
				ok, err := e.model.Put(&r)
				if (err != nil || !ok) && !bytes.Equal(e.Pack(nil), before) {
					t.Error("a refused diff changed the model")
				}
				own := len(e.model.store.own(nil))
				b.xs(t, "q", 1)
				if n := len(e.model.store.own(nil)); n != own+1 && n > 3 {
					t.Errorf("%d own points became %d", own, n)
				}
				fold := e.model.NewFold()
				r = mpack.NewReader(diff)
				if foldErr := fold.Add(&r); (foldErr == nil) != (err == nil) {
					t.Errorf("folding: %v, putting: %v", foldErr, err)
				}
				r = mpack.NewReader(fold.Append(nil))
				if _, err := e.model.Put(&r); err != nil {
					t.Errorf("a folded diff cannot be put: %v", err)
				}
			}
		})
		if cost > bound(3*len(diff)) {
			t.Errorf("%d bytes allocated %d", len(diff), cost)
		}
	})
}

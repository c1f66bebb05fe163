package stat

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// naive is a window as one would write it down.
type naive struct {
	size   int
	keys   []string
	values []float64
}

func (w *naive) push(key string, value float64) {
	w.keys, w.values = append(w.keys, key), append(w.values, value)
	if n := len(w.keys) - w.size; n > 0 {
		w.keys, w.values = w.keys[n:], w.values[n:]
	}
}

func (w *naive) of(key string) (values []float64) {
	for i, k := range w.keys {
		if k == key {
			values = append(values, w.values[i])
		}
	}
	return values
}

func total(values []float64, f func(float64) float64) (sum float64) {
	for _, v := range values {
		sum += f(v)
	}
	return sum
}

// Whatever is pushed, everything is as in a plain list. Small integers make
// sums exact and ties frequent.
func TestWindowIsAPlainList(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		size := rapid.IntRange(1, 20).Draw(r, "size")
		w, plain := newWindow(uint64(size)), &naive{size: size}
		keys := []string{"a", "b", "c", ""}
		for range rapid.IntRange(0, 100).Draw(r, "pushes") {
			key := rapid.SampledFrom(keys).Draw(r, "key")
			value := float64(rapid.IntRange(-4, 4).Draw(r, "value"))
			w.push([]byte(key), value, 0)
			plain.push(key, value)
			for _, key := range keys {
				compare(r, w, key, plain.of(key))
			}
		}
		s := &Stat{window: w}
		again := &Stat{window: newWindow(1)}
		goldentest.Load(t, again, s.Pack(nil), engine.FromFile)
		if !bytes.Equal(s.Pack(nil), again.Pack(nil)) {
			// Keys may have other places, hence another order.
			goldentest.SameObject(t, "model loaded", s.Pack(nil), again.Pack(nil), goldentest.AsIs, 0)
		}
		for _, key := range keys {
			compare(r, again.window, key, plain.of(key))
		}
	})
}

func compare(r *rapid.T, w *window, key string, values []float64) {
	k := w.find([]byte(key))
	if k == nil {
		if len(values) > 0 {
			r.Fatalf("nothing is known of %q, which has %v", key, values)
		}
		return
	}
	n := float64(len(values))
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"n", float64(k.n), n},
		{"sum", k.sum, total(values, func(v float64) float64 { return v })},
		{"squares", k.squares, total(values, func(v float64) float64 { return v * v })},
		{"max", w.max(k), slices.Max(values)},
		{"min", w.min(k), slices.Min(values)},
		{"third moment", w.moment(k, 3, 1), total(values, func(v float64) float64 { return math.Pow(v-1, 3) }) / n},
	} {
		if c.got != c.want {
			r.Fatalf("%s of %q is %v, want %v of %v", c.name, key, c.got, c.want, values)
		}
	}
}

// A model replaces everything: what the file does not have is gone.
func TestLoadReplaces(t *testing.T) {
	n := newNode(t, `{"window_size": 4}`)
	n.push("a", 1, 2)
	model := n.Pack(nil)
	n.push("b", 3)
	goldentest.Load(t, n, model, engine.FromFile)
	if _, err := n.try("sum", "b"); err == nil {
		t.Error("a key that is not in the file is still there")
	}
	if sum := n.ask("sum", "a"); sum != 3 {
		t.Errorf("sum %v, want 3", sum)
	}
}

// A node that joins takes over what all nodes share, not a peer's window.
func TestJoin(t *testing.T) {
	const cfg = `{"window_size": 4}`
	peer, n := newNode(t, cfg), newNode(t, cfg)
	peer.push("a", 1)
	peer.push("b", 1)
	if ok, err := goldentest.Mix(peer); !ok || err != nil {
		t.Fatal(ok, err)
	}
	n.push("mine", 7)
	goldentest.Load(t, n, peer.Pack(nil), engine.FromPeer)
	if _, err := n.try("sum", "a"); err == nil {
		t.Error("it has the peer's values")
	}
	if sum := n.ask("sum", "mine"); sum != 7 {
		t.Errorf("sum of its own %v, want 7", sum)
	}
	if e := n.ask("entropy", ""); !near(e, math.Log(2)) {
		t.Errorf("entropy %v, want ln 2", e)
	}
}

// Files of more values than the window holds, and with keys of which it has
// none, are read; the surplus goes with the next push.
func TestUnusualModels(t *testing.T) {
	n := newNode(t, `{"window_size": 9}`)
	entry := func(key string, v float64) goldentest.List {
		return goldentest.List{int64(1), goldentest.List{key, v}}
	}
	stats := goldentest.List{int64(1), 1.0, 1.0, 1.0, 1.0}
	goldentest.Load(t, n, goldentest.Append(nil, goldentest.List{
		int64(2), goldentest.List{entry("a", 1), entry("a", 2), entry("a", 3)},
		goldentest.Map{{Key: "gone", Value: stats}},
	}), engine.FromFile)
	if sum := n.ask("sum", "a"); sum != 6 {
		t.Errorf("sum %v, want 6", sum)
	}
	if _, err := n.try("sum", "gone"); err == nil {
		t.Error("a key without values is there")
	}
	n.push("a", 4)
	if sum, low := n.ask("sum", "a"), n.ask("min", "a"); sum != 7 || low != 3 {
		t.Errorf("sum %v and min %v, want 7 and 3", sum, low)
	}
	for _, model := range []goldentest.Value{
		goldentest.List{int64(0)}, goldentest.List{int64(-1)}, goldentest.Map{},
		goldentest.List{int64(2), goldentest.List{goldentest.List{int64(1), goldentest.List{"a"}}}},
		goldentest.List{int64(2), goldentest.List{}, goldentest.List{}},
	} {
		r := mpack.NewReader(goldentest.Append(nil, model))
		if _, err := n.Unpack(&r, engine.FromFile); err == nil {
			t.Errorf("%v is a model", model)
		}
	}
	if sum := n.ask("sum", "a"); sum != 7 {
		t.Errorf("sum %v after bad models, want 7", sum)
	}
}

func FuzzUnpack(f *testing.F) {
	n := newNode(f, `{"window_size": 4}`)
	n.push("a", 1, 2)
	n.push("b", -1)
	f.Add(n.Pack(nil))
	f.Add(n.Pack(nil)[:20])
	f.Add([]byte{0x92, 0x01, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, model []byte) {
		n := newNode(t, `{"window_size": 4}`)
		r := mpack.NewReader(model)
		commit, err := n.Unpack(&r, engine.FromFile)
		if err != nil {
			return
		}
		commit()
		packed := n.Pack(nil)
		again := newNode(t, `{"window_size": 4}`)
		goldentest.Load(t, again, packed, engine.FromFile)
		if len(again.Pack(nil)) != len(packed) {
			t.Error("a packed model became another one")
		}
		n.push("a", 1, 2, 3, 4, 5)
		for _, method := range []string{"sum", "stddev", "max", "min", "entropy"} {
			n.ask(method, "a")
		}
	})
}

func FuzzPut(f *testing.F) {
	f.Add([]byte{0x92, 0xcb, 0, 0, 0, 0, 0, 0, 0, 0, 0x00})
	f.Add([]byte{0x92, 0x01, 0x02})
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, mixed []byte) {
		n := newNode(t, `{"window_size": 4}`)
		m := n.Mixables()[0]
		before := n.Pack(nil)
		r := mpack.NewReader(mixed)
		_, err := m.Put(&r)
		if err != nil && !bytes.Equal(before, n.Pack(nil)) {
			t.Error("a refused diff changed the model")
		}
		n.ask("entropy", "")
		r = mpack.NewReader(mixed)
		if folded := m.NewFold().Add(&r); (folded == nil) != (err == nil) {
			t.Errorf("put: %v, folded: %v", err, folded)
		}
	})
}

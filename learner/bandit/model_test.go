package bandit

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// A file replaces everything. Of a peer's model what it has not mixed is left
// out, arms are not.
func TestLoad(t *testing.T) {
	cfg := settings("ucb1", false)
	peer := newNode(t, cfg, "b", "a")
	peer.must("register_reward", "p", "a", 1.0)
	if ok, err := goldentest.Mix(peer); !ok || err != nil {
		t.Fatal(ok, err)
	}
	peer.must("register_reward", "p", "b", 2.0)
	peer.must("register_reward", "q", "b", 3.0)
	for _, c := range []struct {
		from engine.Source
		p, q string
	}{
		{engine.FromFile, "a:1/1 b:1/2", "a:0/0 b:1/3"},
		{engine.FromPeer, "a:1/1 b:0/0", "a:0/0 b:0/0"},
	} {
		n := newNode(t, cfg, "c", "a")
		n.must("register_reward", "p", "c", 9.0)
		n.must("register_reward", "other", "a", 9.0)
		goldentest.Load(t, n, peer.Pack(nil), c.from)
		n.wantInfo("p", c.p)
		n.wantInfo("q", c.q)
		n.wantInfo("other", "a:0/0 b:0/0")
		order := n.Engine.(*Bandit).store.arms
		if first := order.names.list[order.order[0]]; first != "b" {
			t.Errorf("the first arm is %s, want b", first)
		}
		// What was loaded is not what was sent before.
		mixable(n).Diff(nil)
		goldentest.Load(t, n, peer.Pack(nil), c.from)
		put(t, n, []byte{0x80})
		n.wantInfo("p", c.p)
	}
}

// A model that fails to decode changes nothing.
func TestUnpackIsAllOrNothing(t *testing.T) {
	n := newNode(t, settings("ucb1", false), "a", "b")
	n.must("register_reward", "p", "a", 1.0)
	model := n.Pack(nil)
	n.must("register_reward", "p", "b", 1.0)
	before := n.Pack(nil)
	for i := range model {
		r := mpack.NewReader(model[:i])
		if _, err := n.Unpack(&r, engine.FromFile); err == nil {
			t.Fatalf("the first %d bytes of %d are a model", i, len(model))
		}
	}
	if !bytes.Equal(before, n.Pack(nil)) {
		t.Error("a model that did not decode changed the engine")
	}
}

// Structures may be short or long, pairs may not.
func TestLenientShapes(t *testing.T) {
	n := newNode(t, settings("ucb1", false))
	for text, ok := range map[string]bool{
		"\x90":                                   true,
		"\x91\x91\xa1a":                          true,
		"\x94\x90\x80\x80\xc0":                   true,
		"\x92\x90\x81\xa1p\x92\x01\x81\xa1a\x90": true,
		"\x92\x90\x81\xa1p\x92\x01\x81\xa1a\x93\x01\x02\xc0":                         true,
		"\x92\x90\x81\xa1p\x91\x01":                                                  false,
		"\x92\x90\x81\xa1p\x93\x01\x80\x80":                                          false,
		"\x92\x90\x81\xa1p\x92\x01\x81\xa1a\x91\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00": false,
		"\x91\x81\xa1a\x00":                                                          false,
	} {
		r := mpack.NewReader([]byte(text))
		if _, err := n.Unpack(&r, engine.FromFile); (err == nil) != ok {
			t.Errorf("%x: %v", text, err)
		}
	}
}

// Many arms, and many of each player, in whatever order, cost no more than
// sorting them does.
func TestManyArms(t *testing.T) {
	const many = 200000
	model := mpack.AppendArrayHeader(mpack.AppendArrayHeader(nil, 2), many)
	for i := range many {
		model = mpack.AppendRaw(model, fmt.Sprintf("arm%06d", many-i))
	}
	model = mpack.AppendMapHeader(model, 2)
	for p := range 2 {
		model = mpack.AppendRaw(model, fmt.Sprint(p))
		model = mpack.AppendMapHeader(append(model, 0x92, 0), many)
		for i := range many {
			if p == 1 {
				i = many - i
			}
			model = mpack.AppendRaw(model, fmt.Sprintf("arm%06d", i))
			model = numbers{1, 1}.append(model)
		}
	}
	n := newNode(t, settings("ucb1", false))
	began := time.Now()
	goldentest.Load(t, n, model, engine.FromFile)
	// It takes a fifth of a second. Quadratic time would be minutes.
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("loading took %v", took)
	}
	s := n.Engine.(*Bandit).store
	if got := s.find([]byte("1")).of(s.arms.order[0], 0); got != (numbers{1, 1}) {
		t.Errorf("the first arm has %v", got)
	}
}

func FuzzUnpack(f *testing.F) {
	seed := newNode(f, settings("ucb1", false), "a", "b")
	seed.must("register_reward", "p", "a", 1.0)
	if ok, err := goldentest.Mix(seed); !ok || err != nil {
		f.Fatal(ok, err)
	}
	seed.must("register_reward", "p", "b", 1.0)
	f.Add(seed.Pack(nil))
	f.Add(seed.Pack(nil)[:12])
	f.Add([]byte{0x92, 0x90, 0xdf, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, model []byte) {
		n := newNode(t, settings("ts", true))
		r := mpack.NewReader(model)
		commit, err := n.Unpack(&r, engine.FromFile)
		if err != nil {
			return
		}
		commit()
		packed := n.Pack(nil)
		again := newNode(t, settings("ts", true))
		goldentest.Load(t, again, packed, engine.FromFile)
		if got := again.Pack(nil); len(got) != len(packed) {
			t.Errorf("a model of %d bytes became one of %d", len(packed), len(got))
		}
		use(n)
		mixed := mixable(n).Diff(nil)
		n.must("delete_arm", "a")
		use(n)
		put(t, n, mixed)
	})
}

// use calls every method once.
func use(n node) {
	n.must("register_arm", "a")
	n.must("select_arm", "p")
	n.must("register_reward", "p", "a", 1.0)
	n.must("get_arm_info", "p")
	n.must("reset", "p")
}

func FuzzPut(f *testing.F) {
	seed := newNode(f, settings("ucb1", false), "a", "b")
	seed.must("register_reward", "p", "a", 1.0)
	f.Add(mixable(seed).Diff(nil))
	f.Add([]byte{0x81, 0xa1, 'p', 0x92, 0x01, 0xdf, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, mixed []byte) {
		for method := range parameters {
			n := newNode(t, settings(method, true), "a")
			n.must("register_reward", "p", "a", 1.0)
			mixable(n).Diff(nil)
			before := n.Pack(nil)
			r := mpack.NewReader(mixed)
			_, err := mixable(n).Put(&r)
			if err != nil && !bytes.Equal(before, n.Pack(nil)) {
				t.Error("a refused diff changed the model")
			}
			fold := mixable(n).NewFold()
			for range 2 {
				r = mpack.NewReader(mixed)
				if folded := fold.Add(&r); (folded == nil) != (err == nil) {
					t.Errorf("put: %v, folded: %v", err, folded)
				}
			}
			if err == nil {
				put(t, n, fold.Append(nil))
			}
			use(n)
		}
	})
}

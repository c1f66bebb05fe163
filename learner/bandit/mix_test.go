package bandit

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func mixable(n node) engine.Mixable { return n.Mixables()[0] }

// folded folds diffs, in that order, into one.
func folded(t testing.TB, m engine.Mixable, diffs ...[]byte) []byte {
	t.Helper()
	f := m.NewFold()
	for _, d := range diffs {
		r := mpack.NewReader(d)
		if err := f.Add(&r); err != nil {
			t.Fatal(err)
		}
	}
	return f.Append(nil)
}

func put(t testing.TB, n node, mixed []byte) {
	t.Helper()
	r := mpack.NewReader(mixed)
	if ok, err := mixable(n).Put(&r); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

func TestWorkedMix(t *testing.T) {
	cfg := settings("epsilon_greedy", false)
	a := newNode(t, cfg, "hoge", "fuga", "piyo")
	b := newNode(t, cfg, "hoge", "fuga", "piyo")
	a.must("register_reward", "player1", "hoge", 1.0)
	a.must("register_reward", "player1", "fuga", 0.0)
	b.must("register_reward", "player1", "hoge", 0.0)
	b.must("register_reward", "player1", "piyo", 1.0)
	if ok, err := goldentest.Mix(a, b); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for _, n := range []node{a, b} {
		n.wantInfo("player1", "fuga:1/0 hoge:2/1 piyo:1/1")
		if total := n.Engine.(*Bandit).store.find([]byte("player1")).trials(); total != 4 {
			t.Errorf("%d trials in all, want 4", total)
		}
	}
}

func TestDiffBytes(t *testing.T) {
	n := newNode(t, settings("ucb1", false), "a2", "a1")
	n.must("register_reward", "p", "a1", 1.5)
	const zero = "\xcb\x00\x00\x00\x00\x00\x00\x00\x00"
	want := "\x91\x81\xa1p\x92\x01\x82\xa2a2\x92\x00" + zero + "\xa2a1\x92\x01\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"
	if got := string(goldentest.Diff(n)); got != want {
		t.Errorf("diff %x, want %x", got, want)
	}
}

// Whatever nodes learn, and whenever, also between a diff and its put, and if
// an answer is late: in the end it has been counted once. Whole rewards make
// sums exact.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		arms := []string{"a", "b", "c"}
		players := []string{"p", "q", "r"}
		var nodes []node
		for range rapid.IntRange(1, 3).Draw(r, "nodes") {
			nodes = append(nodes, newNode(t, settings("ucb1", false), arms...))
		}
		all := map[string]map[string]numbers{}
		for _, p := range players {
			all[p] = map[string]numbers{}
		}
		learn := func() {
			for range rapid.IntRange(0, 4).Draw(r, "rewards") {
				n := nodes[rapid.IntRange(0, len(nodes)-1).Draw(r, "node")]
				p, a := rapid.SampledFrom(players).Draw(r, "player"), rapid.SampledFrom(arms).Draw(r, "arm")
				reward := float64(rapid.IntRange(-3, 3).Draw(r, "reward"))
				n.must("register_reward", p, a, reward)
				all[p][a] = all[p][a].plus(numbers{1, reward})
			}
		}
		round := func(late int, learn func()) {
			var diffs [][]byte
			for i, n := range nodes {
				learn()
				if d := mixable(n).Diff(nil); i != late {
					diffs = append(diffs, d)
				}
			}
			learn()
			mixed := folded(t, mixable(nodes[0]), diffs...)
			for i, n := range nodes {
				learn()
				if i == late {
					mixable(n).(engine.Keeper).Keep()
				}
				put(t, n, mixed)
			}
		}
		for range rapid.IntRange(0, 5).Draw(r, "rounds") {
			learn()
			if rapid.Bool().Draw(r, "given up") {
				mixable(nodes[0]).Diff(nil) // of a MIX that came to nothing
				learn()
			}
			round(rapid.IntRange(-1, len(nodes)-1).Draw(r, "late"), learn)
		}
		round(-1, func() {})
		for _, p := range players {
			want := fmt.Sprintf("a:%v/%v b:%v/%v c:%v/%v", all[p]["a"].trials, all[p]["a"].weight,
				all[p]["b"].trials, all[p]["b"].weight, all[p]["c"].trials, all[p]["c"].weight)
			for i, n := range nodes {
				if got := n.info(p); got != want {
					r.Fatalf("node %d: %s has %s, want %s", i, p, got, want)
				}
				if n := n.Engine.(*Bandit).store.unmixed; n != 0 {
					r.Fatalf("%d players are unmixed after a MIX", n)
				}
			}
		}
	})
}

// A mixed table that lacks what was sent leaves it for the next MIX, even if
// nobody says that the answer was late.
func TestLateAnswer(t *testing.T) {
	n := newNode(t, settings("ucb1", false), "a")
	n.must("register_reward", "p", "a", 1.0)
	diff := mixable(n).Diff(nil)
	put(t, n, []byte{0x80})
	n.wantInfo("p", "a:1/1")
	if again := mixable(n).Diff(nil); string(again) != string(diff) {
		t.Errorf("the next diff is %x, want %x", again, diff)
	}
	put(t, n, diff)
	n.wantInfo("p", "a:1/1")
	if again := mixable(n).Diff(nil); string(again) != "\x80" {
		t.Errorf("after the put there is %x", again)
	}
}

// Numbers of an arm that is gone here come back hidden, and show when the arm
// is registered again.
func TestDeletedArmComesBack(t *testing.T) {
	cfg := settings("ucb1", false)
	a, b := newNode(t, cfg, "x", "y"), newNode(t, cfg, "x", "y")
	a.must("register_reward", "p", "x", 1.0)
	b.must("register_reward", "p", "y", 1.0)
	a.must("delete_arm", "y")
	if ok, err := goldentest.Mix(a, b); !ok || err != nil {
		t.Fatal(ok, err)
	}
	a.wantInfo("p", "x:1/1")
	a.must("register_arm", "z")
	a.must("register_arm", "y")
	a.wantInfo("p", "x:1/1 y:1/1 z:0/0")
	a.must("register_reward", "p", "z", 5.0)
	a.must("delete_arm", "y")
	a.wantInfo("p", "x:1/1 z:1/5")
}

// Folding the same diffs in any order makes the same.
func TestFoldCommutes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		cfg := settings("ucb1", false)
		var diffs [][]byte
		for range rapid.IntRange(1, 4).Draw(r, "nodes") {
			n := newNode(t, cfg, rapid.Permutation([]string{"a", "b", "c", "d"}).Draw(r, "arms")...)
			for range rapid.IntRange(0, 6).Draw(r, "rewards") {
				p, a := rapid.SampledFrom([]string{"p", "q"}).Draw(r, "player"), rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(r, "arm")
				n.must("register_reward", p, a, float64(rapid.IntRange(0, 3).Draw(r, "reward")))
			}
			diffs = append(diffs, mixable(n).Diff(nil))
		}
		m := mixable(newNode(t, cfg))
		want := folded(t, m, diffs...)
		goldentest.SameObject(t, "mixed", want, folded(t, m, rapid.Permutation(diffs).Draw(r, "order")...), goldentest.AsIs, 0)
	})
}

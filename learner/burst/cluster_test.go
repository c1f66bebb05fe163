package burst

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// nodes are engines of one cluster.
type nodes struct {
	*goldentest.Cluster
	clients []*client
	owners  map[string][]int // of keywords; all of them 0 and 1 otherwise
}

func newNodes(t testing.TB, n int) *nodes {
	t.Helper()
	c := &nodes{
		Cluster: goldentest.NewCluster(t, New, "burst", configText(5, 10, 5, 5, -1), n),
		owners:  map[string][]int{},
	}
	c.Homes = func(key string) []int {
		if o, ok := c.owners[key]; ok {
			return o
		}
		return []int{0, 1}
	}
	for i := range n {
		c.clients = append(c.clients, &client{t, c.Caller(i)})
	}
	return c
}

// everywhere calls a method on all nodes and returns their answers.
func (c *nodes) everywhere(method string, args ...value) (answers list) {
	for _, x := range c.clients {
		answers = append(answers, x.ask(method, args...))
	}
	return answers
}

// move gives a keyword to others.
func (c *nodes) move(keyword string, to ...int) {
	c.owners[keyword] = to
	c.Ring.Add(1)
}

func (c *nodes) burst(i int) *Burst { return c.Engines[i].(*Burst) }

// processed are the nodes that process a keyword.
func (c *nodes) processed(keyword string) (where []int) {
	for i := range c.Engines {
		if k := c.burst(i).byName[keyword]; k != nil && k.processed {
			where = append(where, i)
		}
	}
	return where
}

// counted is how many documents a node's newest result of a keyword has.
func (c *nodes) counted(i int, keyword string) (n int64) {
	for _, b := range c.clients[i].ask("get_result", keyword).(list)[1].(list) {
		n += b.(list)[0].(int64)
	}
	return n
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestOwnersProcess(t *testing.T) {
	c := newNodes(t, 3)
	c.owners["b"] = []int{2, 1, 0}
	same(t, "add_keyword a", c.everywhere("add_keyword", kw("a", 2, 1)), list{true, true, true})
	same(t, "add_keyword b", c.everywhere("add_keyword", kw("b", 2, 1)), list{true, true, true})
	same(t, "a", c.processed("a"), []int{0, 1})
	same(t, "b", c.processed("b"), []int{1, 2})
	// Every server answers for itself; one without keywords takes everything.
	same(t, "add_documents", c.everywhere("add_documents", list{doc(1, "a"), doc(12, "b"), doc(-500, "a")}), list{int64(2), int64(2), int64(2)})
	for i, want := range [][2]int64{{2, 0}, {2, 2}, {0, 2}} {
		if a, b := c.counted(i, "a"), c.counted(i, "b"); a != want[0] || b != want[1] {
			t.Errorf("node %d counted %d and %d, want %v", i, a, b, want)
		}
	}
	c.Mix()
	for i := range 3 {
		if a, b := c.counted(i, "a"), c.counted(i, "b"); a != 2 || b != 2 {
			t.Errorf("after MIX node %d has %d and %d", i, a, b)
		}
	}
	// Only owners report.
	c.everywhere("add_documents", list{doc(22, "a b"), doc(22, "a b")})
	for i, want := range []string{"a", "ab", "b"} {
		got := ""
		for _, e := range c.clients[i].ask("get_all_bursted_results_at", 22.0).(goldentest.Map) {
			got += e.Key.(string)
		}
		if got != want {
			t.Errorf("node %d reports %q, want %q", i, got, want)
		}
	}
}

// A keyword that a node takes over is counted on top of what it is known to
// have; the node that loses it counts on for a while.
func TestTakeOver(t *testing.T) {
	c := newNodes(t, 3)
	c.everywhere("add_keyword", kw("k", 2, 1))
	c.everywhere("add_documents", list{doc(1, "x"), doc(2, "k"), doc(3, "x"), doc(4, "x")})
	c.Mix()
	c.move("k", 0, 2)
	c.everywhere("add_documents", list{doc(5, "k")})
	same(t, "processed", c.processed("k"), []int{0, 1, 2})
	for i := range 3 {
		if n := c.counted(i, "k"); n != 5 {
			t.Errorf("node %d has %d documents, want 5", i, n)
		}
	}
	for i := range linger {
		same(t, fmt.Sprintf("processed after %d MIXes", i), c.processed("k"), []int{0, 1, 2})
		c.Mix()
	}
	same(t, "processed", c.processed("k"), []int{0, 2})
	if n := c.counted(1, "k"); n != 5 {
		t.Errorf("the loser has %d documents, want 5", n)
	}
	// It comes back before long: nothing is lost.
	c.move("k", 1, 2)
	c.Mix()
	same(t, "processed", c.processed("k"), []int{0, 1, 2})
	c.move("k", 0, 1)
	c.everywhere("add_documents", list{})
	for range linger {
		c.Mix()
	}
	same(t, "processed", c.processed("k"), []int{0, 1})
}

// Questions do not wait for documents to notice whose a keyword is.
func TestTakeOverIsNoticedByQuestions(t *testing.T) {
	c := newNodes(t, 3)
	c.everywhere("add_keyword", kw("k", 2, 1))
	c.everywhere("add_documents", list{doc(1, "x"), doc(41, "k"), doc(41, "k")})
	c.Mix()
	if m := c.clients[2].ask("get_all_bursted_results_at", 41.0).(goldentest.Map); len(m) != 0 {
		t.Errorf("who does not own it reports %v", m)
	}
	c.move("k", 2)
	if m := c.clients[2].ask("get_all_bursted_results_at", 41.0).(goldentest.Map); len(m) != 1 {
		t.Errorf("the new owner reports %v", m)
	}
}

// A keyword that only one server was told of gets known to all.
func TestKeywordsSpread(t *testing.T) {
	c := newNodes(t, 3)
	c.clients[0].ask("add_keyword", kw("k", 3, 0.5))
	c.clients[0].ask("add_documents", list{doc(1, "k"), doc(2, "x")})
	c.Mix()
	same(t, "keywords", c.everywhere("get_all_keywords"), list{list{kw("k", 3, 0.5)}, list{kw("k", 3, 0.5)}, list{kw("k", 3, 0.5)}})
	same(t, "processed", c.processed("k"), []int{0, 1})
	c.everywhere("add_documents", list{doc(3, "x")})
	if n := c.counted(1, "k"); n != 3 {
		t.Errorf("the second owner has %d documents, want 3", n)
	}
}

// mixWith makes a round of MIX, in the middle of which something happens.
func (c *nodes) mixWith(t testing.TB, middle func()) {
	t.Helper()
	fold := c.burst(0).mix.NewFold()
	for i := range c.Engines {
		r := mpack.NewReader(c.burst(i).mix.Diff(nil))
		if err := fold.Add(&r); err != nil {
			t.Fatal(err)
		}
	}
	middle()
	for i := range c.Engines {
		r := mpack.NewReader(fold.Append(nil))
		if ok, err := c.burst(i).mix.Put(&r); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
}

// What happens between Diff and Put is not undone, and shared next time.
func TestBetweenDiffAndPut(t *testing.T) {
	c := newNodes(t, 3)
	for _, k := range []string{"k", "gone", "again"} {
		c.everywhere("add_keyword", kw(k, 2, 1))
	}
	c.everywhere("add_documents", list{doc(1, "k"), doc(2, "x")})
	c.mixWith(t, func() {
		c.everywhere("add_documents", list{doc(3, "k")})
		c.everywhere("remove_keyword", "gone")
		c.everywhere("remove_keyword", "again")
		c.everywhere("add_keyword", kw("again", 3, 1))
	})
	for i, want := range []int64{3, 3, 2} {
		if n := c.counted(i, "k"); n != want {
			t.Errorf("node %d has %d documents, want %d", i, n, want)
		}
		same(t, "keywords", c.clients[i].ask("get_all_keywords"), list{kw("again", 3, 1), kw("k", 2, 1)})
		if n := c.counted(i, "again"); n != 0 {
			t.Errorf("node %d has %d documents of a keyword that is new", i, n)
		}
	}
	// Nor by a MIX that a node's own diff came too late for.
	c.mixWith(t, func() {
		c.everywhere("remove_keyword", "again")
		for i := range c.Engines {
			c.burst(i).mix.Keep()
		}
	})
	same(t, "keywords", c.everywhere("get_all_keywords"), list{list{kw("k", 2, 1)}, list{kw("k", 2, 1)}, list{kw("k", 2, 1)}})
	c.Mix()
	if n := c.counted(2, "k"); n != 3 {
		t.Errorf("after another MIX node 2 has %d documents, want 3", n)
	}
	c.mixWith(t, func() { c.everywhere("clear") })
	same(t, "keywords", c.clients[2].ask("get_all_keywords"), list{})
}

// A diff that did not arrive is sent again.
func TestKeep(t *testing.T) {
	c := newNodes(t, 1)
	c.clients[0].ask("add_keyword", kw("k", 2, 1))
	c.clients[0].ask("add_documents", list{doc(1, "k")})
	m := c.burst(0).mix
	sent := m.Diff(nil)
	m.Keep()
	if got := m.Diff(nil); !slices.Equal(got, sent) {
		t.Errorf("sent again: %x, want %x", got, sent)
	}
	put := func() {
		empty := mpack.NewReader([]byte{0x90})
		if ok, err := m.Put(&empty); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	m.Keep()
	put()
	if got := m.Diff(nil); !slices.Equal(got, sent) {
		t.Errorf("after a MIX without it: %x, want %x", got, sent)
	}
	put()
	const none = "\x91\x81\xa1k\x92\x92\xcb\x40\x00\x00\x00\x00\x00\x00\x00\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\x90"
	if got := string(m.Diff(nil)); got != none {
		t.Errorf("after a MIX with it: %x, want %x", got, none)
	}
	if m.Version() != 2 {
		t.Errorf("version %d", m.Version())
	}
}

// A server that joins takes over what is known, not what the others do.
func TestModelOfPeer(t *testing.T) {
	c := newNodes(t, 3)
	c.owners["k"], c.owners["l"] = []int{0, 1}, []int{0, 2}
	c.everywhere("add_keyword", kw("k", 2, 1))
	c.everywhere("add_keyword", kw("l", 2, 1))
	c.everywhere("add_documents", list{doc(1, "k"), doc(2, "x")})
	goldentest.Load(t, c.Engines[2], c.Engines[0].Pack(nil), engine.FromPeer)
	same(t, "processed k", c.processed("k"), []int{0, 1})
	same(t, "processed l", c.processed("l"), []int{0, 2})
	if k, l := c.counted(2, "k"), c.counted(2, "l"); k != 2 || l != 2 {
		t.Errorf("the new server has %d and %d documents, want 2 each", k, l)
	}
	if got, want := fmt.Sprintf("%x", c.burst(2).mix.Diff(nil)), "90"; got[len(got)-2:] != want {
		t.Errorf("it has news: %s", got)
	}
	c.clients[2].ask("add_documents", list{doc(3, "l")})
	if n := c.counted(2, "l"); n != 3 {
		t.Errorf("it goes on with %d documents, want 3", n)
	}
}

// The order of the nodes does not matter for what they know afterwards: of the
// same window the one with more documents counts.
func TestMixCommutes(t *testing.T) {
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		const n = 3
		order := rapid.Permutation([]int{0, 1, 2}).Draw(t, "order")
		var fed [n]list
		for i := range fed {
			for range rapid.IntRange(0, 6).Draw(t, "documents") {
				pos := float64(rapid.IntRange(0, 80).Draw(t, "pos"))
				fed[i] = append(fed[i], doc(pos, rapid.SampledFrom([]string{"k", "x"}).Draw(t, "text")))
			}
		}
		var models [2]string
		for run := range models {
			c := newNodes(outer, n)
			for i := range n {
				c.clients[i].ask("add_keyword", kw("k", 2, 1))
				c.owners["k"] = []int{0, 1, 2}
				at := i
				if run == 1 {
					at = order[i]
				}
				// All process: the third one is told so for itself.
				k := c.burst(i).byName["k"]
				k.processed = true
				c.burst(i).scanner.Store(nil)
				if fed[at] != nil {
					c.clients[i].ask("add_documents", fed[at])
				}
			}
			totals := map[float64]int64{}
			c.mixWith(outer, func() {})
			for i := range n {
				for _, r := range c.burst(i).byName["k"].results {
					totals[r.start] = max(totals[r.start], r.total())
				}
			}
			models[run] = fmt.Sprint(totals)
		}
		if models[0] != models[1] {
			t.Fatalf("%v, in another order %v", models[0], models[1])
		}
	})
}

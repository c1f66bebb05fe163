package mix

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDue(t *testing.T) {
	const sec = time.Second
	tests := []struct {
		count    uint64
		interval time.Duration
		idle     bool
		updates  uint64
		since    time.Duration
		want     bool
	}{
		{512, 16 * sec, false, 511, 16 * sec, false},
		{512, 16 * sec, false, 512, 0, true},
		{512, 16 * sec, false, 1, 16*sec + time.Microsecond, true},
		{512, 16 * sec, false, 0, time.Hour, false},
		{0, 16 * sec, false, 1 << 40, 16 * sec, false},
		{0, 16 * sec, false, 1, 17 * sec, true},
		{512, 0, false, 511, time.Hour, false},
		{512, 0, false, 600, 0, true},
		{0, 0, false, 1 << 40, time.Hour, false},
		{512, 16 * sec, true, 0, 17 * sec, true},
		{512, 16 * sec, true, 0, 16 * sec, false},
		{0, 0, true, 0, time.Hour, false},
	}
	for _, tt := range tests {
		if got := (trigger{tt.count, tt.interval, tt.idle}).due(tt.updates, tt.since); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

func TestStanding(t *testing.T) {
	fresh, lagging, current := standing{}, standing{joined: true}, standing{joined: true, current: true}
	tests := []struct {
		name   string
		before standing
		change func(standing) standing
		after  standing
		text   string
	}{
		{"put before the model came", fresh, func(s standing) standing { return s.put(true) }, fresh, "my model is still obsolete."},
		{"no other server", fresh, func(s standing) standing { return s.transferred(false) }, current, "I got latest model. So I become active."},
		{"the model came", fresh, func(s standing) standing { return s.transferred(true) }, lagging, "my model is still obsolete."},
		{"and is the latest", lagging, func(s standing) standing { return s.put(true) }, current, "I got latest model. So I become active."},
		{"and is not", lagging, func(s standing) standing { return s.put(false) }, lagging, "my model is still obsolete."},
		{"another MIX", current, func(s standing) standing { return s.put(true) }, current, "my model is still up to date."},
		{"a MIX was missed", current, func(s standing) standing { return s.put(false) }, lagging, "I'm obsolete. I become inactive."},
	}
	for _, tt := range tests {
		after := tt.change(tt.before)
		if after != tt.after {
			t.Errorf("%s: %+v, want %+v", tt.name, after, tt.after)
		}
		if got := verdict(tt.before, after); got != tt.text {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.text)
		}
	}
}

func TestDonors(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
		all := rapid.SliceOfNDistinct(name, 0, 6, rapid.ID).Draw(rt, "members")
		actives := rapid.SliceOfNDistinct(name, 0, 6, rapid.ID).Draw(rt, "actives")
		self := name.Draw(rt, "self")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		got := donors(all, actives, self, random)

		want := slices.DeleteFunc(slices.Clone(all), func(m string) bool { return m == self })
		active := func(m string) bool { return slices.Contains(actives, m) }
		if i := slices.IndexFunc(got, func(m string) bool { return !active(m) }); i >= 0 && slices.ContainsFunc(got[i:], active) {
			rt.Fatalf("%v are not in order with %v active", got, actives)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			rt.Fatalf("got %v, want %v", got, want)
		}
	})
	// Everybody's turn comes.
	seen := map[string]bool{}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		seen[donors([]string{"a", "b", "c", "d"}, []string{"b", "c", "d"}, "a", random)[0]] = true
	}
	if len(seen) != 3 {
		t.Errorf("first were only %v", seen)
	}
}

func TestVersions(t *testing.T) {
	got := versions([]uint64{0, 1, 2, 3, 4, 10, 11, 12, 13, 21, 22, 23, 101, 111, 112, 113, 1011, 1021})
	want := "[0th, 1st, 2nd, 3rd, 4th, 10th, 11th, 12th, 13th, 21st, 22nd, 23rd, 101st, 111th, 112th, 113th, 1011th, 1021st]"
	if got != want {
		t.Errorf("got %s", got)
	}
}

func TestPeers(t *testing.T) {
	four := []string{"1111", "1112", "1113", "1114"}
	tests := []struct {
		name    string
		choose  strategy
		members []string
		self    string
		want    []string
	}{
		{"skip of two", skip, four[:2], "1112", []string{"1111"}},
		{"skip of four", skip, four, "1112", []string{"1114", "1113"}},
		{"skip of one", skip, four[:1], "1111", nil},
		{"skip of a stranger", skip, four[:3], "9999", []string{"1112"}},
		{"skip of none", skip, nil, "1111", nil},
		{"broadcast", broadcast, four, "1113", []string{"1111", "1112", "1114"}},
		{"broadcast of a stranger", broadcast, four[:2], "9999", four[:2]},
		{"broadcast of one", broadcast, four[:1], "1111", nil},
		{"random of one", random(1), four[:1], "1111", nil},
		{"random of two", random(1), four[:2], "1111", []string{"1112"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.choose(tt.members, tt.self)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	counts := map[string]int{}
	choose := random(7)
	for range 3000 {
		for _, m := range choose(four, "1112") {
			counts[m]++
		}
	}
	for _, m := range []string{"1111", "1113", "1114"} {
		if counts[m] < 900 || counts[m] > 1100 {
			t.Errorf("%s was chosen %d times in 3000", m, counts[m])
		}
	}
}

// However many there are, everybody has peers, and nobody is his own.
func TestSkipAlwaysFindsPeers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(rt, "n")
		members := make([]string, n)
		for i := range members {
			members[i] = string(rune('A' + i))
		}
		for _, self := range members {
			peers := skip(members, self)
			if len(peers) == 0 || slices.Contains(peers, self) {
				rt.Fatalf("%s of %d has the peers %v", self, n, peers)
			}
		}
	})
}

// What is learned between get_diff and put_diff stays to be mixed.
func TestCounter(t *testing.T) {
	c := newCounter(trigger{count: 3})
	expect := func(step string, want uint64) {
		t.Helper()
		if got, _ := c.state(); got != want {
			t.Errorf("after %s: %d updates, want %d", step, got, want)
		}
	}
	c.updated()
	c.updated()
	expect("two updates", 2)
	if len(c.full) != 0 {
		t.Error("two updates are said to be enough")
	}
	c.send()
	c.updated()
	if len(c.full) != 1 || !c.due() {
		t.Error("three updates are not said to be enough")
	}
	c.mixed(false)
	expect("a MIX without them", 3)
	c.mixed(true)
	expect("a MIX with two", 1)
	c.mixed(true)
	expect("it has come again", 1)
	c.reset()
	expect("a transfer", 0)
	c.mixed(true)
	expect("a MIX after that", 0)
}

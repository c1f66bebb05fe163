package coord_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/coord"
)

// ringOf builds the ring of some servers.
func ringOf(servers ...coord.Identity) *coord.Ring {
	entries := map[string]coord.Identity{}
	for _, id := range servers {
		for _, hash := range coord.VirtualNodes(id) {
			entries[hash] = id
		}
	}
	return coord.NewRing(entries)
}

// server is 192.168.0.n with port 9199.
func server(n int) coord.Identity {
	return coord.Identity{Host: fmt.Sprintf("192.168.%d.%d", n/250, n%250), Port: 9199}
}

func TestVirtualNodes(t *testing.T) {
	tests := []struct {
		id   coord.Identity
		want []string
	}{
		{server(1), []string{
			"5be76884876644ed391e754767edf6e8", "d580f9f7ea2fc53373535e04d9431392",
			"5ceeafccbb08bb5dc5a7a64cd8bb6459", "9ccae49204d475a5a480422aa958cc6c",
			"667aeba383be90c1d1404a31cb47cf76", "cfcdd3b14ff6a13fe6d087e5991da477",
			"1e9817de45bf7ba36ca352b97b1b1af5", "4f5fd9988ebbc4b2a00576b094a1d171",
		}},
		{server(2), []string{
			"b3e92108c3c8ff93df63bc0f667b7d60", "04d35a6a9a7a5e5ce63a22327f6b4836",
			"b4bbd299082115dec1db6c176545cf9a", "ae2bf25f0373011d26a00a59102c9ca7",
			"5bfb69b92d3911140cbb7dc1e213ad77", "351916af860c982cd56ff3c04feb7aa1",
			"2a9837d944f696769785a9bcfb8e7245", "a53ab436e9d73cf2057817d1be65a802",
		}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, coord.VirtualNodes(test.id)); diff != "" {
			t.Errorf("%s: %s", test.id, diff)
		}
	}
}

func TestSuccessors(t *testing.T) {
	// For each key the owners of two entries in a row with one, two and three
	// servers.
	tests := []struct {
		key             string
		one, two, three [2]int
	}{
		{"user1", [2]int{1, 1}, [2]int{2, 2}, [2]int{2, 2}},
		{"user2", [2]int{1, 1}, [2]int{1, 2}, [2]int{1, 3}},
		{"user3", [2]int{1, 1}, [2]int{1, 2}, [2]int{1, 3}},
		{"user4", [2]int{1, 1}, [2]int{1, 1}, [2]int{3, 1}},
		{"user5", [2]int{1, 1}, [2]int{1, 2}, [2]int{1, 2}},
		{"1", [2]int{1, 1}, [2]int{1, 1}, [2]int{1, 1}},
		{"3", [2]int{1, 1}, [2]int{2, 1}, [2]int{2, 1}}, // behind the last entry
		{"10", [2]int{1, 1}, [2]int{1, 2}, [2]int{1, 3}},
	}
	for _, test := range tests {
		for n, want := range map[int][2]int{1: test.one, 2: test.two, 3: test.three} {
			var servers []coord.Identity
			for i := 1; i <= n; i++ {
				servers = append(servers, server(i))
			}
			ring := ringOf(servers...)
			wanted := []coord.Identity{server(want[0]), server(want[1])}
			if got := ring.Repeating(nil, []byte(test.key), 2); !slices.Equal(got, wanted) {
				t.Errorf("%s among %d: entries of %v, want %v", test.key, n, got, wanted)
			}
			got := ring.Successors(nil, []byte(test.key), 2)
			if len(got) != min(n, 2) || got[0] != wanted[0] {
				t.Errorf("%s among %d: %v, want %v first", test.key, n, got, wanted[0])
			}
			if wanted[0] != wanted[1] && !slices.Equal(got, wanted) {
				t.Errorf("%s among %d: %v, want %v", test.key, n, got, wanted)
			}
		}
	}
}

func TestSuccessorsAtTheEdges(t *testing.T) {
	empty := coord.NewRing(nil)
	if got := empty.Successors(nil, []byte("x"), 2); len(got) != 0 {
		t.Errorf("an empty ring has %v", got)
	}
	if got := empty.Repeating(nil, []byte("x"), 2); len(got) != 0 {
		t.Errorf("an empty ring repeats %v", got)
	}
	// An entry equal to the key's hash is the first.
	a, b := server(1), server(2)
	ring := coord.NewRing(map[string]coord.Identity{
		"d41d8cd98f00b204e9800998ecf8427d": a,
		"d41d8cd98f00b204e9800998ecf8427e": b, // MD5 of nothing
		"d41d8cd98f00b204e9800998ecf8427f": a,
	})
	if got := ring.Successors(nil, nil, 9); !slices.Equal(got, []coord.Identity{b, a}) {
		t.Errorf("successors of the empty key %v", got)
	}
	if got := ring.Repeating([]coord.Identity{a}, nil, 4); !slices.Equal(got, []coord.Identity{a, b, a, a, b}) {
		t.Errorf("appended %v", got)
	}
}

// servers draws a set of different servers.
func servers(t *rapid.T, least int) []coord.Identity {
	numbers := rapid.SliceOfNDistinct(rapid.IntRange(1, 2000), least, 12, rapid.ID[int]).Draw(t, "servers")
	ids := make([]coord.Identity, len(numbers))
	for i, n := range numbers {
		ids[i] = server(n)
	}
	return ids
}

func TestSuccessorsAreDistinct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := servers(t, 1)
		key := rapid.SliceOf(rapid.Byte()).Draw(t, "key")
		n := rapid.IntRange(0, 15).Draw(t, "n")
		ring := ringOf(ids...)
		got := ring.Successors(nil, key, n)
		if len(got) != min(n, len(ids)) {
			t.Fatalf("%d of %d servers, want %d", len(got), len(ids), min(n, len(ids)))
		}
		seen := map[coord.Identity]bool{}
		for _, id := range got {
			if seen[id] || !slices.Contains(ids, id) {
				t.Fatalf("%v among %v", got, ids)
			}
			seen[id] = true
		}
		if n > 0 && ring.Repeating(nil, key, 1)[0] != got[0] {
			t.Fatal("the first differs from the one with repetitions")
		}
	})
}

// TestMinimalMovement: a server that comes takes keys over, and moves none
// between others; the same backwards when it goes.
func TestMinimalMovement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := servers(t, 2)
		newcomer := ids[len(ids)-1]
		before, after := ringOf(ids[:len(ids)-1]...), ringOf(ids...)
		for i := range 200 {
			key := fmt.Appendf(nil, "key%d", i)
			was, is := before.Successors(nil, key, 1)[0], after.Successors(nil, key, 1)[0]
			if is != was && is != newcomer {
				t.Fatalf("%s moved from %s to %s when %s came", key, was, is, newcomer)
			}
		}
	})
}

// TestBalance: eight entries a server are few, so shares differ, but every
// server has one, and none much more than its own.
func TestBalance(t *testing.T) {
	const keys = 20000
	for _, n := range []int{2, 3, 5, 10} {
		var ids []coord.Identity
		for i := 1; i <= n; i++ {
			ids = append(ids, server(i))
		}
		ring := ringOf(ids...)
		count := map[coord.Identity]int{}
		for i := range keys {
			count[ring.Successors(nil, fmt.Appendf(nil, "user%d", i), 1)[0]]++
		}
		fair := keys / n
		for _, id := range ids {
			if count[id] < fair/5 || count[id] > fair*5/2 {
				t.Errorf("%s of %d has %d of %d keys", id, n, count[id], keys)
			}
		}
	}
}

func BenchmarkSuccessors(b *testing.B) {
	var ids []coord.Identity
	for i := range 100 {
		ids = append(ids, server(i))
	}
	ring := ringOf(ids...)
	key := []byte("user4711")
	dst := make([]coord.Identity, 0, 2)
	b.ReportAllocs()
	for b.Loop() {
		dst = ring.Successors(dst[:0], key, 2)
	}
}

package etcd

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestKeys(t *testing.T) {
	for _, tt := range []struct{ path, directory, sequence, below, behind string }{
		{"/a", "/.jubatus/directory/a", "/.jubatus/sequence", "/a/", "/a0"},
		{"/a/b_", "/.jubatus/directory/a/b_", "/.jubatus/sequence/a", "/a/b_/", "/a/b_0"},
	} {
		got := []string{directoryKey(tt.path), sequenceKey(tt.path), below(tt.path), behind(below(tt.path))}
		if diff := cmp.Diff([]string{tt.directory, tt.sequence, tt.below, tt.behind}, got); diff != "" {
			t.Errorf("%s: %s", tt.path, diff)
		}
	}
	for key, want := range map[string]bool{"/a": true, "/a/b": true, "/a/b/c": true, "/a-": false, "/ab": false, "/": false} {
		if got := concerns("/a", key); got != want {
			t.Errorf("%s concerns /a: %v", key, got)
		}
	}
}

// TestPaging: however few keys a page has, paging finds every child, and
// needs no more pages than there are keys.
func TestPaging(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-b\-/0_.]{1,6}`)
		var keys []string
		want := make(map[string]bool)
		for _, n := range rapid.SliceOfN(name, 0, 40).Draw(t, "names") {
			key := "/p/" + n
			if checkPath(key) != nil {
				continue
			}
			keys = append(keys, key)
			child, _, _ := strings.Cut(n, "/")
			want[child] = true
		}
		slices.Sort(keys)
		keys = slices.Compact(keys)
		size := rapid.IntRange(1, 5).Draw(t, "size")

		got := make(map[string]bool)
		from, pages := "/p/", 0
		for {
			start, _ := slices.BinarySearch(keys, from)
			page := keys[start:min(start+size, len(keys))]
			for _, key := range page {
				got[childOf("/p/", key)] = true
			}
			if start+size >= len(keys) {
				break
			}
			from = following("/p/", page[len(page)-1])
			if pages++; pages > len(keys) {
				t.Fatal("no end")
			}
		}
		if !maps.Equal(got, want) {
			t.Fatalf("children %v, want %v", got, want)
		}
	})
}

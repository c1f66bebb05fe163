package burst

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func scannerOf(budget int, names ...string) *scanner {
	var keywords []*keyword
	for _, n := range names {
		keywords = append(keywords, newKeyword(n, 2, 1))
	}
	return newScanner(keywords, budget)
}

// found lists the keywords that a scanner finds.
func (s *scanner) foundIn(text string) []string {
	set := make([]uint64, s.words())
	s.scan([]byte(text), set)
	var names []string
	for i, k := range s.keywords {
		if set[i/64]&(1<<(i%64)) != 0 {
			names = append(names, k.name)
		}
	}
	return names
}

func TestScan(t *testing.T) {
	for _, c := range []struct {
		names, text, want string
	}{
		{"he she his hers", "ushers", "he she hers"},
		{"he she his hers", "", ""},
		{"a aa aaa aaaa", "xaaax", "a aa aaa"},
		{"abcd bc c", "abce", "bc c"},
		{"b abc", "ab", "b"},
		{"日本 本語 日", "これは日本語", "日本 本語 日"},
		{"\x00 \xff", "a\xff", "\xff"},
		{"x", strings.Repeat("y", 1000), ""},
	} {
		if got := strings.Join(scannerOf(rowBudget, strings.Fields(c.names)...).foundIn(c.text), " "); got != c.want {
			t.Errorf("%q in %q: %q, want %q", c.names, c.text, got, c.want)
		}
	}
	if got := scannerOf(rowBudget, "", "a").foundIn("b"); !slices.Equal(got, []string{""}) {
		t.Errorf("of the empty keyword and a: %q", got)
	}
	if got := scannerOf(rowBudget).foundIn("b"); got != nil {
		t.Errorf("of nothing: %q", got)
	}
	var all []string
	for b := range 256 {
		all = append(all, string([]byte{byte(b)}))
	}
	if got := scannerOf(rowBudget, all...).foundIn("\x00b\xff"); !slices.Equal(got, []string{"\x00", "b", "\xff"}) {
		t.Errorf("of all bytes: %q", got)
	}
}

// The automaton finds what looking for each keyword finds, however few of its
// states have rows.
func TestScanFindsWhatIsContained(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[ab\xc3]{0,6}`), 0, 90, rapid.ID).Draw(t, "names")
		budget := rapid.SampledFrom([]int{0, 9, 40, rowBudget}).Draw(t, "budget")
		text := rapid.StringMatching(`[abc\xc3]{0,40}`).Draw(t, "text")
		var want []string
		for _, n := range names {
			if bytes.Contains([]byte(text), []byte(n)) {
				want = append(want, n)
			}
		}
		if got := scannerOf(budget, names...).foundIn(text); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

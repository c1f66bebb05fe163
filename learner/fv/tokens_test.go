package fv

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/datum"
	"pgregory.net/rapid"
)

func TestHashes(t *testing.T) {
	for text, want := range map[string]uint64{
		"abc": 16654208175385433931, "あ": 8031304513124424657, "": 14695981039346656037,
	} {
		if got := fnv1a([]byte(text)); got != want {
			t.Errorf("fnv1a(%q) = %d, want %d", text, got, want)
		}
	}
	for text, want := range map[string]uint64{
		"": 14695981039346656037, "f1": 590642286378561386, "f2": 590642286378561385,
		"a@num": 1966529068601103970, "a@str$1": 16279297068137049358, "b@num": 15072050138483441345,
		"age@str$10": 14395443553893382374, "/val1@num": 13938433306932797586,
		"name$doc1@str#bin/bin": 5515287086240415094, "a1@num&a2@num/add": 12276935628806314170,
		"東京@num": 13652616653917722219, "日本@num": 7420788032951100169, "text$東京@bigram#tf/idf": 16016189020417528871,
	} {
		if got := fnv1([]byte(text)); got != want {
			t.Errorf("fnv1(%q) = %d, want %d", text, got, want)
		}
	}
}

// emission is the tokens of a text in the order they are emitted.
func emission(words []string) []string {
	var c tokenCounter
	for _, w := range words {
		c.add([]byte(w))
	}
	var list []string
	for _, i := range c.ordered() {
		list = append(list, string(c.tokens[i].bytes))
	}
	return list
}

func TestEmissionOrder(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"abc xyz", "xyz abc"},
		{"foo bar", "bar foo"},
		{"this is it . it is it .", "it . is this"},
		{"the quick brown fox jumps over lazy dog and then some", "lazy then fox and jumps the quick some dog over brown"},
		{"the quick brown fox jumps over lazy dog and then some more words", "jumps words over then the and more quick some lazy brown dog fox"},
		{"日本 語 東京 大阪 京都", "日本 語 東京 京都 大阪"},
	} {
		if got := strings.Join(emission(strings.Fields(test.text)), " "); got != test.want {
			t.Errorf("%s: %s, want %s", test.text, got, test.want)
		}
	}
}

// table is the original's hash table, written down as it is described.
type table struct {
	buckets [][]string
	n       int
}

func (t *table) add(word string) {
	sizes := []int{11, 23, 47, 97, 199, 409, 823, 1741, 3739}
	if t.buckets == nil {
		t.buckets = make([][]string, sizes[0])
	}
	push := func(b [][]string, w string) {
		i := fnv1a([]byte(w)) % uint64(len(b))
		b[i] = append([]string{w}, b[i]...)
	}
	if slices.Contains(t.buckets[fnv1a([]byte(word))%uint64(len(t.buckets))], word) {
		return
	}
	if t.n+1 > len(t.buckets) {
		larger := make([][]string, sizes[slices.Index(sizes, len(t.buckets))+1])
		for _, b := range t.buckets {
			for _, w := range b {
				push(larger, w)
			}
		}
		t.buckets = larger
	}
	push(t.buckets, word)
	t.n++
}

func TestEmissionOrderEqualsTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 1000).Draw(t, "n")
		kinds := rapid.IntRange(1, 1000).Draw(t, "kinds")
		var naive table
		words := make([]string, n)
		for i := range words {
			words[i] = fmt.Sprintf("w%d", (i*7919)%kinds)
			naive.add(words[i])
		}
		if got, want := emission(words), slices.Concat(naive.buckets...); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func TestVectorBounds(t *testing.T) {
	v := Vector{keys: make([]byte, maxKeyBytes-5, maxKeyBytes)}
	v.Append([]byte("12345"), 1)
	if v.full || v.Len() != 1 {
		t.Fatal("the last key must fit")
	}
	v.Append([]byte("1"), 1)
	v.addToken(1, []byte("k"), []byte("t"), "@s")
	v.addToken2(1, []byte("k"), "@s", []byte("t"))
	v.addPair(1, 0, 0, "/add")
	if !v.full || v.Len() != 1 {
		t.Errorf("full %v, %d features", v.full, v.Len())
	}
	var c Converter
	v = Vector{keys: make([]byte, 0, 1), features: make([]feature, maxFeatures)}
	v.Append(nil, 1)
	if !v.full {
		t.Error("too many features fit")
	}
	if err := c.Convert(&datum.Datum{}, &v); err != nil || v.full {
		t.Errorf("a vector must be usable again: %v", err)
	}
}

func TestResolverForgets(t *testing.T) {
	c := mustCompile(t, `{"num_rules": [{"key": "a*", "type": "num"}]}`)
	for i := range maxCachedKeys + 100 {
		s, err := c.nums.resolve(fmt.Appendf(nil, "%c%d", 'a'+i%2, i))
		if err != nil || s.rules.has(0) != (i%2 == 0) {
			t.Fatal(i, err)
		}
	}
	if n := c.nums.table.Load().size; n > maxCachedKeys {
		t.Errorf("%d keys are remembered", n)
	}
}

// What is remembered of a vector is bounded, however long its keys are.
func TestShapesAreBounded(t *testing.T) {
	key := make([]byte, largeShapeBytes/2+1)
	for _, keys := range []int{1, 2} {
		var v Vector
		var s Shape
		var p plan
		nums := make([]datum.Num, keys)
		for i := range nums {
			key[0] = byte(i)
			nums[i] = datum.Num{Key: bytes.Clone(key), Value: 1}
			v.Append(key, 1)
		}
		s.Set(&v)
		p.learn(nums, &v, 0, 0)
		if kept := keys == 1; s.Is(&v) != kept || (len(p.steps) > 0) != kept {
			t.Errorf("%d keys: shape remembered %v, and a plan of %d numbers", keys, s.Is(&v), len(p.steps))
		}
	}
}

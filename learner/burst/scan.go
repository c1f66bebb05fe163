package burst

import (
	"bytes"
	"slices"
)

// scanner finds which of many keywords a text contains, in one pass over it,
// with the automaton of Aho and Corasick ("Efficient String Matching: An Aid
// to Bibliographic Search", CACM 18(6), 1975). It does not change once built.
//
// Bytes that no keyword has are one class, so that rows of transitions are
// short. States come in the order of their depth, and the first ones, which
// texts are in most of the time, have whole rows; the others, which only many
// or long keywords make, have the transitions of the trie and a failure link.
type scanner struct {
	keywords []*keyword
	always   []int32 // the empty keyword

	classes [256]uint8 // of bytes
	width   int        // how many classes there are
	dense   int        // how many states have rows
	rows    []int32

	edges  []int32 // of state s: edges[s] up to edges[s+1] in labels and next
	labels []byte
	next   []int32
	fail   []int32

	word   []int32 // the keyword that ends at a state, or -1
	suffix []int32 // the longest suffix of a state where one ends: s itself or shorter; 0 if none
}

// rowBudget is how many transitions may be in rows: 2 MiB.
const rowBudget = 1 << 19

// root is the state before all text. No keyword ends there.
const root = 0

// node is a state of the trie while it grows.
type node struct {
	children []child // in the order of their labels
	word     int32
}

type child struct {
	label byte
	to    int32
}

func newScanner(keywords []*keyword, budget int) *scanner {
	s := &scanner{keywords: keywords}
	trie := []node{{word: -1}}
	for i, k := range keywords {
		if k.name == "" {
			s.always = append(s.always, int32(i))
			continue
		}
		at := int32(root)
		for j := range len(k.name) {
			at = grow(&trie, at, k.name[j])
		}
		trie[at].word = int32(i)
	}
	if len(trie) > 1 {
		s.classify()
		s.number(trie)
		s.link(budget)
	}
	return s
}

// grow returns the child of a node under a label, which it adds if need be.
func grow(trie *[]node, at int32, label byte) int32 {
	children := (*trie)[at].children
	i, ok := slices.BinarySearchFunc(children, label, func(c child, l byte) int { return int(c.label) - int(l) })
	if ok {
		return children[i].to
	}
	to := int32(len(*trie))
	*trie = append(*trie, node{word: -1})
	(*trie)[at].children = slices.Insert(children, i, child{label, to})
	return to
}

// classify numbers the bytes that keywords have from 1; 0 is the rest. When
// keywords have every byte, the highest is its own class as it is.
func (s *scanner) classify() {
	var has [256]bool
	for _, k := range s.keywords {
		for j := range len(k.name) {
			has[k.name[j]] = true
		}
	}
	s.width = 0
	if slices.Contains(has[:], false) {
		s.width = 1
	}
	for b, ok := range has {
		if ok {
			s.classes[b] = uint8(s.width)
			s.width++
		}
	}
}

// number gives the trie's nodes the numbers of states, in breadth.
func (s *scanner) number(trie []node) {
	order := make([]int32, 1, len(trie)) // nodes in the order of states
	s.edges = make([]int32, 1, len(trie)+1)
	for i := 0; i < len(order); i++ {
		n := &trie[order[i]]
		for _, c := range n.children {
			s.labels = append(s.labels, c.label)
			s.next = append(s.next, int32(len(order)))
			order = append(order, c.to)
		}
		s.edges = append(s.edges, int32(len(s.next)))
		s.word = append(s.word, n.word)
	}
}

// link computes failure links, the ends of suffixes, and rows with up to so
// many transitions.
func (s *scanner) link(budget int) {
	n := len(s.word)
	s.fail = make([]int32, n)
	s.suffix = make([]int32, n)
	s.dense = min(n, max(1, budget/s.width))
	s.rows = make([]int32, s.dense*s.width)
	for state := range int32(n) {
		if state > root {
			if s.word[state] >= 0 {
				s.suffix[state] = state
			} else {
				s.suffix[state] = s.suffix[s.fail[state]]
			}
		}
		if int(state) < s.dense && state > root {
			fail := int(s.fail[state])
			copy(s.rows[int(state)*s.width:][:s.width], s.rows[fail*s.width:])
		}
		for e := s.edges[state]; e < s.edges[state+1]; e++ {
			to, label := s.next[e], s.labels[e]
			if state > root {
				s.fail[to] = s.step(s.fail[state], label)
			}
			if int(state) < s.dense {
				s.rows[int(state)*s.width+int(s.classes[label])] = to
			}
		}
	}
}

// step is the state behind a byte.
func (s *scanner) step(state int32, b byte) int32 {
	for int(state) >= s.dense {
		low, high := s.edges[state], s.edges[state+1]
		if i := bytes.IndexByte(s.labels[low:high], b); i >= 0 {
			return s.next[int(low)+i]
		}
		state = s.fail[state]
	}
	return s.rows[int(state)*s.width+int(s.classes[b])]
}

// words is how many words of 64 bits a set of keywords takes.
func (s *scanner) words() int { return (len(s.keywords) + 63) / 64 }

// scan sets the bit of every keyword that a text contains. The set is empty
// before.
func (s *scanner) scan(text []byte, set []uint64) {
	for _, i := range s.always {
		set[i/64] |= 1 << (i % 64)
	}
	if s.width == 0 {
		return
	}
	state := int32(root)
	for _, b := range text {
		if int(state) < s.dense {
			state = s.rows[int(state)*s.width+int(s.classes[b])]
		} else {
			state = s.step(state, b)
		}
		if s.suffix[state] != root {
			s.found(state, set)
		}
	}
}

// found sets the bits of the keywords that end at a state. Where one is set
// already, so are those of its suffixes.
func (s *scanner) found(state int32, set []uint64) {
	for at := s.suffix[state]; at != root; at = s.suffix[s.fail[at]] {
		i := s.word[at]
		if set[i/64]&(1<<(i%64)) != 0 {
			return
		}
		set[i/64] |= 1 << (i % 64)
	}
}

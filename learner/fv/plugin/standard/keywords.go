package standard

import (
	"bytes"
	"errors"
	"os"
	"slices"

	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

// keywords finds the keywords of a list in a text, from left to right,
// longest first, without overlap.
type keywords struct {
	set map[string]struct{}
	// lengths lists, by first byte, how long keywords are, longest first.
	lengths [256][]int
}

// newKeywords reads the file "dict_path", one keyword a line.
func newKeywords(p plugin.Params) (plugin.StringFeature, error) {
	file, err := p.Required("dict_path")
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, errors.New("failed to stat file: " + file)
	}
	if info.IsDir() {
		return nil, errors.New("directory is specified instead of file: " + file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, errors.New("cannot open: " + file)
	}
	k := &keywords{set: map[string]struct{}{}}
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		if len(line) == 0 {
			continue // it would match everywhere and never end
		}
		k.set[string(line)] = struct{}{}
		if n := &k.lengths[line[0]]; !slices.Contains(*n, len(line)) {
			*n = append(*n, len(line))
		}
	}
	for i := range k.lengths {
		slices.SortFunc(k.lengths[i], func(a, b int) int { return b - a })
	}
	return k, nil
}

func (k *keywords) Extract(text []byte, out plugin.TokenSink) error {
	for len(text) > 0 {
		n := k.longest(text)
		if n > 0 {
			out.Add(text[:n], 1)
		}
		text = text[max(n, 1):]
	}
	return nil
}

// longest is the length of the longest keyword that the text begins with.
func (k *keywords) longest(text []byte) int {
	for _, n := range k.lengths[text[0]] {
		if n <= len(text) {
			if _, ok := k.set[string(text[:n])]; ok {
				return n
			}
		}
	}
	return 0
}

package anomaly

import (
	"slices"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// push makes one node give another what it lacks, part by part.
func push(t *testing.T, from, to engine.Engine) (parts int) {
	t.Helper()
	for i, m := range from.Mixables() {
		p, ok := m.(engine.Pusher)
		if !ok {
			continue
		}
		parts++
		other := to.Mixables()[i].(engine.Pusher)
		argument := mpack.NewReader(other.PullArgument(nil))
		rows, err := p.Pull(&argument, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := mpack.NewReader(rows)
		if err := other.Push(&r); err != nil {
			t.Fatal(err)
		}
	}
	return parts
}

// Push mixers exchange tables. What they leave out is computed.
func TestPush(t *testing.T) {
	for _, w := range []struct {
		name, cfg string
		parts     int
	}{
		{"light_lof", lightConfig(2, 3, ""), 2},
		{"lof", strings.Replace(lofConfig(2, 3, ""), `"method":"inverted_index_euclid","parameter":{}`,
			`"method":"nearest_neighbor_recommender","parameter":{"method":"euclid_lsh","parameter":{"hash_num":64}}`, 1), 1},
		{"lof on all features", lofConfig(2, 3, ""), 0},
	} {
		c, nodes := cluster(t, w.cfg, 2)
		c.Homes = func(key string) []int { return []int{int(key[0]) % 2} }
		for i := range 8 {
			nodes[0].add(float64(i*i + 1))
		}
		if got := push(t, c.Engines[0], c.Engines[1]); got != w.parts {
			t.Errorf("%s: %d parts, want %d", w.name, got, w.parts)
		}
		if w.parts == 0 {
			continue
		}
		push(t, c.Engines[1], c.Engines[0])
		want := slices.Sorted(slices.Values(nodes[0].ids()))
		if got := slices.Sorted(slices.Values(nodes[1].ids())); len(got) != 8 || !slices.Equal(got, want) {
			t.Errorf("%s: %v and %v", w.name, want, got)
		}
		for i, n := range nodes {
			for _, value := range []float64{2, 10, 70} {
				if score := n.score(value); !(score > 0) {
					t.Errorf("%s: on node %d %v scores %v", w.name, i, value, score)
				}
			}
			if _, err := n.do("overwrite", goldentest.Value("1"), x(5)); err != nil {
				t.Errorf("%s: node %d: %v", w.name, i, err)
			}
		}
	}
}

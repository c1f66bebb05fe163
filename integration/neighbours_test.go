package integration

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// sample is a datum of which it is known what it is.
type sample struct {
	label string
	datum datum.Datum
}

func shuffled(list []sample) []sample {
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// pictures reads pictures of digits in random order, as binary values.
func pictures(t testing.TB) (list []sample) {
	t.Helper()
	files, err := untar(data(t, "mnist_jpg_1000.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(files["mnist_jpg_1000/labels.csv"])) {
		number, label, _ := strings.Cut(strings.TrimSpace(line), ",")
		picture, ok := files["mnist_jpg_1000/"+number+".jpg"]
		if !ok {
			t.Fatalf("there is no picture %s", number)
		}
		s := sample{label: label}
		s.datum.AddBinary("digit", picture)
		list = append(list, s)
	}
	return shuffled(list)
}

// learn trains a classifier, many data a call.
func learn(t testing.TB, c *rpc.Client, name string, list []sample) {
	t.Helper()
	for some := range slices.Chunk(list, 40) {
		b := mpack.AppendRaw(mpack.AppendArrayHeader(nil, 2), name)
		b = mpack.AppendArrayHeader(b, len(some))
		for i := range some {
			b = mpack.AppendRaw(mpack.AppendArrayHeader(b, 2), some[i].label)
			b = some[i].datum.Append(b)
		}
		if _, err := c.Call(t.Context(), "train", b); err != nil {
			t.Fatal(err)
		}
	}
}

// guess returns the labels with the best scores.
func guess(t testing.TB, c *rpc.Client, name string, list []sample) (labels []string) {
	t.Helper()
	for i := range list {
		b := mpack.AppendRaw(mpack.AppendArrayHeader(nil, 2), name)
		b = list[i].datum.Append(mpack.AppendArrayHeader(b, 1))
		result, err := c.Call(t.Context(), "classify", b)
		if err != nil {
			t.Fatal(err)
		}
		labels = append(labels, best(t, result))
	}
	return labels
}

// shareRight is the share of labels that are right.
func shareRight(list []sample, labels []string) float64 {
	n := 0
	for i := range list {
		if list[i].label == labels[i] {
			n++
		}
	}
	return float64(n) / float64(len(list))
}

const (
	imageConverter = `{
  "binary_types": {"image": {"method": "dynamic", "path": "libimage_feature.so", "function": "create", "algorithm": "RGB"}},
  "binary_rules": [{"key": "*", "type": "image"}]
}`
)

// neighbourConfig is a configuration of a classifier by a few neighbours. What
// is far from them counts little.
func neighbourConfig(method, sensitivity, converter string) string {
	parameter := `"nearest_neighbor_num": 5, "local_sensitivity": ` + sensitivity
	if method != "cosine" && method != "euclidean" {
		parameter += fmt.Sprintf(`, "method": %q, "parameter": {"hash_num": 512}`, method)
		method = "NN"
	}
	return fmt.Sprintf(`{"method": %q, "parameter": {%s}, "converter": %s}`, method, parameter, converter)
}

// Two servers behind a proxy learn about half of the digits each; after one MIX
// both know all of them, and how many of each there are.
func TestNeighboursCluster(t *testing.T) {
	t.Parallel()
	list := pictures(t)
	known, asked := list[:300], list[300:400]
	for method, sensitivity := range map[string]string{"euclid_lsh": "0.1", "cosine": "10.0"} {
		t.Run(method, func(t *testing.T) {
			g := startGroup(t, embedded(t).location, neighbourConfig(method, sensitivity, imageConverter), 2, "-s", "0", "-i", "0")
			proxy := g.proxy.dial(t)
			learn(t, proxy, g.name, known)
			g.servers[0].mix(t)
			first := guess(t, g.servers[0].dial(t), g.name, asked)
			share := shareRight(asked, first)
			t.Logf("%.3f of %d right", share, len(asked))
			if share < 0.7 {
				t.Errorf("%.3f right, want at least 0.70", share)
			}
			for name, c := range map[string]*rpc.Client{"the second server": g.servers[1].dial(t), "the proxy": proxy} {
				if other := guess(t, c, g.name, asked); !slices.Equal(other, first) {
					t.Errorf("%s answers otherwise than the first server", name)
				}
			}
			want := map[string]uint64{}
			for _, s := range known {
				want[s.label]++
			}
			for i, s := range g.servers {
				result, err := s.dial(t).CallArgs(t.Context(), "get_labels", g.name)
				if err != nil {
					t.Fatal(err)
				}
				r := mpack.NewReader(result)
				n, err := r.MapHeader()
				if err != nil || n != len(want) {
					t.Fatalf("server %d knows %d labels, %v", i, n, err)
				}
				for range n {
					label, _ := r.String()
					if count, err := r.Uint64(); err != nil || count != want[label] {
						t.Errorf("server %d knows %d of %s, %v; want %d", i, count, label, err, want[label])
					}
				}
			}
		})
	}
}

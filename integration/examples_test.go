package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	tables "github.com/jubatus/jubatus-go/learner/service"
)

// methods are what the configurations of a type can choose from; those of the
// types that are missing have no method, or any.
var methods = map[string][]string{
	"anomaly":          {"light_lof", "lof"},
	"bandit":           {"epsilon_decreasing", "epsilon_greedy", "exp3", "softmax", "ts", "ucb1"},
	"classifier":       {"AROW", "CW", "NHERD", "NN", "PA", "PA1", "PA2", "cosine", "euclidean", "perceptron"},
	"clustering":       {"dbscan", "gmm", "kmeans"},
	"graph":            {"graph_wo_index"},
	"nearest_neighbor": {"euclid_lsh", "lsh", "minhash"},
	"recommender":      {"euclid_lsh", "inverted_index", "inverted_index_euclid", "lsh", "minhash", "nearest_neighbor_recommender"},
	"regression":       {"AROW", "CW", "NHERD", "NN", "PA", "PA1", "PA2", "cosine", "euclidean", "perceptron"},
}

const examples = "../docs/examples"

// Every sample configuration is one for the server that its folder names, every
// server has some, and there is one of every method.
func TestExamples(t *testing.T) {
	t.Parallel()
	folders, err := os.ReadDir(examples)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if _, ok := tables.Lookup(f.Name()); !ok || !f.IsDir() {
			t.Errorf("%s is no folder of a server's configurations", f.Name())
		}
	}
	for _, s := range tables.Services() {
		t.Run(s.Type, func(t *testing.T) {
			files, err := os.ReadDir(filepath.Join(examples, s.Type))
			if err != nil {
				t.Fatal(err)
			}
			if len(files) == 0 {
				t.Error("no sample configuration")
			}
			shown := map[string]bool{}
			for _, f := range files {
				if filepath.Ext(f.Name()) != ".json" {
					t.Errorf("%s is no configuration", f.Name())
					continue
				}
				path, err := filepath.Abs(filepath.Join(examples, s.Type, f.Name()))
				if err != nil {
					t.Fatal(err)
				}
				shown[methodOf(t, path)] = true
				t.Run(strings.TrimSuffix(f.Name(), ".json"), func(t *testing.T) {
					t.Parallel()
					code, stdout, stderr := result(t, "", "juba"+s.Type, "--configpath", path, "--config_test")
					if code != 0 || !strings.Contains(stdout+stderr, "Configuration OK") {
						t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
					}
				})
			}
			for _, m := range methods[s.Type] {
				if !shown[m] {
					t.Errorf("no sample configuration with method %s", m)
				}
				delete(shown, m)
			}
			for m := range shown {
				if methods[s.Type] != nil && !slices.Contains(methods[s.Type], m) {
					t.Errorf("method %s is an alias, or not in this test", m)
				}
			}
		})
	}
}

// methodOf is what a configuration has for method, "" if it has none.
func methodOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c struct{ Method string }
	if err := json.Unmarshal(text, &c); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	return c.Method
}

package regression

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

func newFrom(t *testing.T, text string) error {
	t.Helper()
	v, err := config.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(v, goldentest.Env(false))
	return err
}

func parameter(method, p string) string {
	return fmt.Sprintf(`{"method":%q,"parameter":%s,"converter":{}}`, method, p)
}

// neighbour is a configuration of NN with further members of its parameter.
func neighbour(method, members string) string {
	return parameter(method, `{"method":"lsh","parameter":{"hash_num":64}`+members+`}`)
}

func TestConfigAccepts(t *testing.T) {
	const full = `{"regularization_weight":1,"sensitivity":0}`
	for _, text := range []string{
		parameter("perceptron", `{"learning_rate":1}`),
		parameter("PA", `{"sensitivity":0.0}`),
		parameter("passive_aggressive", `{"sensitivity":0.1}`),
		parameter("PA1", full), parameter("passive_aggressive_1", full),
		parameter("PA2", full), parameter("passive_aggressive_2", full),
		parameter("CW", full), parameter("confidence_weighted", full),
		parameter("AROW", full), parameter("NHERD", full), parameter("normal_herd", full),
		neighbour("NN", `,"nearest_neighbor_num":1`),
		neighbour("nearest_neighbor", `,"nearest_neighbor_num":1,"weight":null`),
		neighbour("NN", `,"nearest_neighbor_num":1,"weight":"uniform","unlearner":"lru","unlearner_parameter":{"max_size":1}`),
		parameter("cosine", `{"nearest_neighbor_num":1}`),
		parameter("euclidean", `{"nearest_neighbor_num":1,"weight":"distance"}`),
	} {
		if err := newFrom(t, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	const (
		invalid = "invalid configuration"
		none    = "parameter block is not specified in config"
	)
	expected := func(condition string) string { return "invalid parameter (expected: " + condition + ")" }
	for _, c := range []struct {
		text, what string
		messages   []string
	}{
		{parameter("XX", "{}"), "unsupported method (XX)", nil},
		{parameter("arow", `{"regularization_weight":1,"sensitivity":0}`), "unsupported method (arow)", nil},
		{`{"converter":{}}`, invalid, []string{`"method" is not found ()`}},
		{`{"method":"PA"}`, invalid, []string{`"converter" is not found ()`}},
		{`{"method":"PA","converter":{},"x":1}`, invalid, []string{`"x" is not used ()`}},
		{`{"method":"PA","converter":{}}`, "Object is expected, but Null is given. ()", nil},
		{parameter("AROW", "null"), "Object is expected, but Null is given. ()", nil},
		{parameter("PA", "3"), "Object is expected, but Integer is given. (.parameter)", nil},
		{parameter("PA", "{}"), invalid, []string{`"sensitivity" is not found (.parameter)`}},
		{parameter("CW", "{}"), invalid, []string{
			`"regularization_weight" is not found (.parameter)`, `"sensitivity" is not found (.parameter)`}},
		{parameter("perceptron", `{"sensitivity":1}`), invalid, []string{
			`"sensitivity" is not used (.parameter)`, `"learning_rate" is not found (.parameter)`}},
		{parameter("PA", `{"sensitivity":"0"}`), invalid, []string{"Float is expected, but String is given. (.parameter.sensitivity)"}},
		{parameter("PA", `{"sensitivity":0,"unlearner":"lru"}`), invalid, []string{`"unlearner" is not used (.parameter)`}},
		{parameter("perceptron", `{"learning_rate":0}`), expected("0.0 < learning_rate"), nil},
		{parameter("perceptron", `{"learning_rate":1e-50}`), expected("0.0 < learning_rate"), nil},
		{parameter("PA", `{"sensitivity":-0.1}`), expected("0.0 <= sensitivity"), nil},
		{parameter("PA1", `{"regularization_weight":0,"sensitivity":-1}`), expected("0.0 < regularization_weight"), nil},
		{parameter("NHERD", `{"regularization_weight":1,"sensitivity":-1}`), expected("0.0 <= sensitivity"), nil},
		{parameter("cosine", "null"), invalid, []string{none}},
		{parameter("cosine", `{"nearest_neighbor_num":0}`), expected("nearest neighbor num >= 1"), nil},
		{parameter("euclidean", `{"nearest_neighbor_num":1,"weight":"far"}`), expected("weight option must be distance or uniform"), nil},
		{parameter("euclidean", `{"nearest_neighbor_num":1,"unlearner":"lru"}`), invalid, []string{`"unlearner" is not used (.parameter)`}},
		{`{"method":"NN","converter":{}}`, invalid, []string{none}},
		{parameter("NN", "null"), invalid, []string{none}},
		{parameter("NN", "{}"), invalid, []string{`"method" is not found (.parameter)`, `"parameter" is not found (.parameter)`,
			`"nearest_neighbor_num" is not found (.parameter)`}},
		{neighbour("NN", `,"nearest_neighbor_num":0`), expected("nearest_neighbor_num should >= 1"), nil},
		{neighbour("NN", `,"nearest_neighbor_num":-1`), expected("nearest_neighbor_num should >= 1"), nil},
		{neighbour("NN", `,"nearest_neighbor_num":1,"weight":"near"`), expected("weight option must be distance or uniform"), nil},
		{neighbour("NN", `,"nearest_neighbor_num":1,"weight":""`), expected("weight option must be distance or uniform"), nil},
		{neighbour("NN", `,"nearest_neighbor_num":1,"unlearner":"lru"`), "Unlearner is set but unlearner_parameter is not found", nil},
		{neighbour("NN", `,"nearest_neighbor_num":1,"local_sensitivity":1`), invalid, []string{`"local_sensitivity" is not used (.parameter)`}},
		{parameter("NN", `{"method":"euclid","parameter":{},"nearest_neighbor_num":1}`), "unsupported method (euclid)", nil},
		{parameter("NN", `{"method":"lsh","parameter":{"hash_num":0},"nearest_neighbor_num":1}`), expected("1 <= hash_num"), nil},
	} {
		err := newFrom(t, c.text)
		var e *config.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v is not one of package config", c.text, err)
			continue
		}
		if e.What != c.what || !slices.Equal(e.Messages, c.messages) {
			t.Errorf("%s:\n%s, want\n%s %q", c.text, e.Diagnostic(), c.what, c.messages)
		}
	}
}

// The documented examples are configurations, one for every method.
func TestExamples(t *testing.T) {
	paths, err := filepath.Glob("../../docs/examples/regression/*.json")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d examples, %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := newFrom(t, string(text)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

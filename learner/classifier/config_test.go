package classifier

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jubatus/jubatus-go/learner/config"
)

func newFrom(t *testing.T, text string) error {
	t.Helper()
	v, err := config.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(v, env(false))
	return err
}

func parameter(method, p string) string {
	return fmt.Sprintf(`{"method":%q,"parameter":%s,"converter":{}}`, method, p)
}

// neighbour is a configuration of NN with further members of its parameter.
func neighbour(method, members string) string {
	return fmt.Sprintf(`{"method":%q,"parameter":{"method":"lsh","parameter":{"hash_num":64}%s},"converter":{}}`, method, members)
}

func TestConfigAccepts(t *testing.T) {
	for _, text := range []string{
		`{"method":"perceptron","converter":{}}`,
		`{"method":"PA","parameter":null,"converter":{}}`,
		`{"method":"passive_aggressive","parameter":{},"converter":{}}`,
		`{"method":"PA1","parameter":{"regularization_weight":1},"converter":{}}`,
		`{"method":"passive_aggressive_1","parameter":{"regularization_weight":1.0},"converter":{}}`,
		`{"method":"passive_aggressive_2","parameter":{"regularization_weight":1.0},"converter":{}}`,
		`{"method":"confidence_weighted","parameter":{"regularization_weight":1.0},"converter":{}}`,
		`{"method":"arow","parameter":{"regularization_weight":1.0},"converter":{}}`,
		`{"method":"normal_herd","parameter":{"regularization_weight":1.0},"converter":{}}`,
		`{"method":"PA","parameter":{"unlearner":null,"unlearner_parameter":3},"converter":{}}`,
		`{"method":"PA","parameter":{"unlearner":"lru","unlearner_parameter":{"max_size":1,"sticky_pattern":"/a.*/"}},"converter":{}}`,
		`{"method":"PA","parameter":{"unlearner":"random","unlearner_parameter":{"max_size":1,"seed":4294967295}},"converter":{}}`,
		neighbour("NN", `,"nearest_neighbor_num":128,"local_sensitivity":1`),
		neighbour("nearest_neighbor", `,"nearest_neighbor_num":0,"local_sensitivity":0.0`),
		neighbour("NN", `,"nearest_neighbor_num":-1,"local_sensitivity":1,"unlearner":"lru","unlearner_parameter":{"max_size":1}`),
		parameter("cosine", `{"nearest_neighbor_num":1,"local_sensitivity":0}`),
		parameter("euclidean", `{"nearest_neighbor_num":-1,"local_sensitivity":1.0}`),
	} {
		if err := newFrom(t, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	const invalid = "invalid configuration"
	for _, c := range []struct {
		text, what string
		messages   []string
	}{
		{`{"method":"XX","converter":{}}`, "unsupported method (classifier(XX))", nil},
		{`{"method":"pa","converter":{}}`, "unsupported method (classifier(pa))", nil},
		{`{"converter":{}}`, invalid, []string{`"method" is not found ()`}},
		{`{"method":"PA"}`, invalid, []string{`"converter" is not found ()`}},
		{`{"method":"PA","converter":{},"x":1}`, invalid, []string{`"x" is not used ()`}},
		{`{"method":1,"y":1}`, invalid, []string{
			`"y" is not used ()`, "String is expected, but Integer is given. (.method)", `"converter" is not found ()`}},
		{`[]`, "Object is expected, but Array is given. ()", nil},
		{`{"method":"AROW","converter":{}}`, invalid, []string{"parameter block is not specified in config"}},
		{parameter("AROW", "null"), invalid, []string{"parameter block is not specified in config"}},
		{parameter("AROW", "{}"), invalid, []string{`"regularization_weight" is not found (.parameter)`}},
		{parameter("AROW", "3"), "Object is expected, but Integer is given. (.parameter)", nil},
		{parameter("AROW", `{"regularization_weight":"1"}`), invalid,
			[]string{"Float is expected, but String is given. (.parameter.regularization_weight)"}},
		{parameter("PA1", `{"regularization_weight":0}`), "invalid parameter (expected: 0.0 < regularization_weight)", nil},
		{parameter("CW", `{"regularization_weight":-1.0}`), "invalid parameter (expected: 0.0 < regularization_weight)", nil},
		{parameter("NHERD", `{"regularization_weight":1e-50}`), "invalid parameter (expected: 0.0 < regularization_weight)", nil},
		{parameter("PA", `{"regularization_weight":1.0}`), invalid, []string{`"regularization_weight" is not used (.parameter)`}},
		{parameter("perceptron", `{"regularization_weight":1.0}`), invalid, []string{`"regularization_weight" is not used (.parameter)`}},
		{parameter("PA", `{"unlearner":"lru"}`), "Unlearner is set but unlearner_parameter is not found", nil},
		{parameter("PA", `{"unlearner":"lru","unlearner_parameter":null}`), "Unlearner is set but unlearner_parameter is not found", nil},
		{parameter("PA", `{"unlearner":"fifo","unlearner_parameter":{}}`), "unsupported method (unlearner(fifo))", nil},
		{parameter("PA", `{"unlearner":"lru","unlearner_parameter":{"max_size":0}}`), invalid, []string{"max_size must be a positive integer"}},
		{parameter("PA", `{"unlearner":"random","unlearner_parameter":{"max_size":-1}}`), invalid, []string{"max_size must be a positive integer"}},
		{parameter("PA", `{"unlearner":"lru","unlearner_parameter":{"max_size":1,"seed":1}}`), invalid,
			[]string{`"seed" is not used (.parameter.unlearner_parameter)`}},
		{parameter("PA", `{"unlearner":"random","unlearner_parameter":{"max_size":1,"sticky_pattern":"*"}}`), invalid,
			[]string{`"sticky_pattern" is not used (.parameter.unlearner_parameter)`}},
		{parameter("PA", `{"unlearner":"random","unlearner_parameter":{"max_size":1,"seed":4294967296}}`), invalid,
			[]string{"unlearner seed must be within unsigned 32 bit integer"}},
		{parameter("PA", `{"unlearner":"random","unlearner_parameter":{"max_size":1,"seed":-1}}`), invalid,
			[]string{"unlearner seed must be within unsigned 32 bit integer"}},
		{parameter("cosine", "null"), invalid, []string{"parameter block is not specified in config"}},
		{parameter("euclidean", "{}"), invalid, []string{`"nearest_neighbor_num" is not found (.parameter)`,
			`"local_sensitivity" is not found (.parameter)`}},
		{parameter("cosine", `{"nearest_neighbor_num":0,"local_sensitivity":1}`),
			"invalid parameter (expected: nearest neighbor num >= 1)", nil},
		{parameter("euclidean", `{"nearest_neighbor_num":1,"local_sensitivity":-1}`),
			"invalid parameter (expected: local_sensitivity should >= 0)", nil},
		{parameter("cosine", `{"nearest_neighbor_num":1,"local_sensitivity":1,"unlearner":"lru"}`), invalid,
			[]string{`"unlearner" is not used (.parameter)`}},
		{parameter("NN", "null"), invalid, []string{"parameter block is not specified in config"}},
		{parameter("NN", "{}"), invalid, []string{`"method" is not found (.parameter)`, `"parameter" is not found (.parameter)`,
			`"nearest_neighbor_num" is not found (.parameter)`, `"local_sensitivity" is not found (.parameter)`}},
		{neighbour("NN", `,"nearest_neighbor_num":1.0,"local_sensitivity":1`), invalid,
			[]string{"Integer is expected, but Float is given. (.parameter.nearest_neighbor_num)"}},
		{neighbour("NN", `,"nearest_neighbor_num":1,"local_sensitivity":-0.1`),
			"invalid parameter (expected: local_sensitivity should >= 0)", nil},
		{neighbour("NN", `,"nearest_neighbor_num":1,"local_sensitivity":1,"unlearner":"lru"`),
			"Unlearner is set but unlearner_parameter is not found", nil},
		{neighbour("NN", `,"nearest_neighbor_num":1,"local_sensitivity":1,"weight":"uniform"`), invalid,
			[]string{`"weight" is not used (.parameter)`}},
		{parameter("NN", `{"method":"euclid","parameter":{},"nearest_neighbor_num":1,"local_sensitivity":1}`),
			"unsupported method (euclid)", nil},
		{parameter("NN", `{"method":"lsh","parameter":{"hash_num":0},"nearest_neighbor_num":1,"local_sensitivity":1}`),
			"invalid parameter (expected: 1 <= hash_num)", nil},
		{parameter("NN", `{"method":"lsh","parameter":{},"nearest_neighbor_num":1,"local_sensitivity":1}`), invalid,
			[]string{`"hash_num" is not found (.parameter.parameter)`}},
		{parameter("NN", `{"method":"lsh","parameter":null,"nearest_neighbor_num":1,"local_sensitivity":1}`),
			"Object is expected, but Null is given. (.parameter.parameter)", nil},
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
	paths, err := filepath.Glob("../../docs/examples/classifier/*.json")
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

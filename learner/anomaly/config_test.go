package anomaly

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

func TestConfigRefuses(t *testing.T) {
	const invalid = "invalid configuration"
	parameter := func(method, p string) string {
		return fmt.Sprintf(`{"method":%q,"parameter":{%s},"converter":{}}`, method, p)
	}
	const (
		nums   = `"nearest_neighbor_num":2,"reverse_nearest_neighbor_num":3,`
		nested = `"method":"lsh","parameter":{"hash_num":64}`
	)
	type mistake struct {
		text, what string
		messages   []string
	}
	for _, c := range []mistake{
		{`{"method":"XX","parameter":{},"converter":{}}`, "unsupported method (XX)", nil},
		{`{"method":"lof","converter":{}}`, invalid, []string{`"parameter" is not found ()`}},
		{`{"parameter":{},"x":1}`, invalid, []string{`"x" is not used ()`, `"method" is not found ()`, `"converter" is not found ()`}},
		{`{"method":"lof","parameter":null,"converter":{}}`, "Object is expected, but Null is given. (.parameter)", nil},
		{`{"method":"light_lof","parameter":3,"converter":{}}`, "Object is expected, but Integer is given. (.parameter)", nil},
	} {
		check(t, c.text, c.what, c.messages)
	}
	for _, method := range []string{"lof", "light_lof"} {
		for _, c := range []mistake{
			{``, invalid, []string{`"nearest_neighbor_num" is not found (.parameter)`,
				`"reverse_nearest_neighbor_num" is not found (.parameter)`, `"method" is not found (.parameter)`, `"parameter" is not found (.parameter)`}},
			{nums + nested + `,"x":1`, invalid, []string{`"x" is not used (.parameter)`}},
			{nums + nested + `,"ignore_kth_same_point":1`, invalid, []string{"Bool is expected, but Integer is given. (.parameter.ignore_kth_same_point)"}},
			{`"nearest_neighbor_num":1,"reverse_nearest_neighbor_num":3,` + nested, "invalid parameter (expected: 2 <= nearest_neighbor_num)", nil},
			{`"nearest_neighbor_num":3,"reverse_nearest_neighbor_num":2,` + nested, "invalid parameter (expected: nearest_neighbor_num <= reverse_nearest_neighbor_num)", nil},
			{`"nearest_neighbor_num":2.0,"reverse_nearest_neighbor_num":3,` + nested, invalid, []string{"Integer is expected, but Float is given. (.parameter.nearest_neighbor_num)"}},
			{nums + `"method":"XX","parameter":{}`, "unsupported method (XX)", nil},
			{nums + `"method":"lsh","parameter":{}`, invalid, []string{`"hash_num" is not found (.parameter.parameter)`}},
			{nums + `"method":"lsh","parameter":{"hash_num":0}`, "invalid parameter (expected: 1 <= hash_num)", nil},
			{nums + nested + `,"unlearner":"lru"`, invalid, []string{"unlearner is set but unlearner_parameter is not found"}},
			{nums + nested + `,"unlearner":"fifo","unlearner_parameter":{}`, "unsupported method (unlearner(fifo))", nil},
			{nums + nested + `,"unlearner":"lru","unlearner_parameter":{"max_size":0}`, invalid, []string{"max_size must be a positive integer"}},
			{nums + nested + `,"unlearner":"random","unlearner_parameter":{"max_size":1,"seed":-1}`, invalid, []string{"unlearner seed must be within unsigned 32 bit integer"}},
			// The numbers are checked with an unlearner, too.
			{`"nearest_neighbor_num":1,"reverse_nearest_neighbor_num":3,"unlearner":"lru","unlearner_parameter":{"max_size":1},` + nested, "invalid parameter (expected: 2 <= nearest_neighbor_num)", nil},
		} {
			check(t, parameter(method, c.text), c.what, c.messages)
		}
	}
	check(t, parameter("light_lof", nums+`"method":"lsh","parameter":null`), "Object is expected, but Null is given. (.parameter.parameter)", nil)
	check(t, parameter("light_lof", nums+`"method":"inverted_index","parameter":{}`), "unsupported method (inverted_index)", nil)
}

func check(t *testing.T, text, what string, messages []string) {
	t.Helper()
	err := newFrom(t, text)
	var e *config.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: error %v is not one of package config", text, err)
		return
	}
	if e.What != what || !slices.Equal(e.Messages, messages) {
		t.Errorf("%s:\n%s, want\n%s %q", text, e.Diagnostic(), what, messages)
	}
}

func TestConfigAccepts(t *testing.T) {
	for _, text := range []string{
		`{"method":"lof","parameter":{"nearest_neighbor_num":2,"reverse_nearest_neighbor_num":2,"method":"inverted_index","parameter":null},"converter":{}}`,
		`{"method":"lof","parameter":{"nearest_neighbor_num":2,"reverse_nearest_neighbor_num":2,"ignore_kth_same_point":null,"method":"inverted_index_euclid","parameter":{},"unlearner_parameter":{}},"converter":{}}`,
		`{"method":"light_lof","parameter":{"nearest_neighbor_num":2,"reverse_nearest_neighbor_num":2,"method":"minhash","parameter":{"hash_num":1},"unlearner":null},"converter":{}}`,
	} {
		if err := newFrom(t, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestExamples(t *testing.T) {
	paths, err := filepath.Glob("../../docs/examples/anomaly/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples: %v", err)
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

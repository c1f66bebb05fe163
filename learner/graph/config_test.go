package graph

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

func TestConfig(t *testing.T) {
	const invalid = "invalid configuration"
	for _, c := range []struct {
		text, what string
		messages   []string
	}{
		{`{"method":"graph_wo_index","parameter":{"damping_factor":0.9,"landmark_num":5}}`, "", nil},
		{`{"method":"graph_wo_index","parameter":{"damping_factor":1e-9,"landmark_num":0}}`, "", nil},
		{`{"method":"graph","parameter":{}}`, "unknown method name: graph", nil},
		{`{}`, invalid, []string{`"method" is not found ()`, `"parameter" is not found ()`}},
		{`{"method":"graph_wo_index","parameter":null}`, "Object is expected, but Null is given. (.parameter)", nil},
		{`{"method":"graph_wo_index","parameter":{},"converter":{}}`, invalid, []string{`"converter" is not used ()`}},
		{`{"method":"graph_wo_index","parameter":{"k":1,"damping_factor":"1","landmark_num":1.0}}`, invalid, []string{
			`"k" is not used (.parameter)`,
			"Float is expected, but String is given. (.parameter.damping_factor)",
			"Integer is expected, but Float is given. (.parameter.landmark_num)"}},
		{`{"method":"graph_wo_index","parameter":{"damping_factor":0,"landmark_num":5}}`, "invalid parameter (expected: 0.0 < damping_factor < 1.0)", nil},
		{`{"method":"graph_wo_index","parameter":{"damping_factor":1.0,"landmark_num":-5}}`, "invalid parameter (expected: 0.0 < damping_factor < 1.0)", nil},
		{`{"method":"graph_wo_index","parameter":{"damping_factor":0.5,"landmark_num":-1}}`, "invalid parameter (expected: 0 <= landmark_num)", nil},
	} {
		v, err := config.Parse([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(v, goldentest.Env(false))
		var e *config.Error
		switch {
		case c.what == "":
			if err != nil {
				t.Errorf("%s: %v", c.text, err)
			}
		case !errors.As(err, &e):
			t.Errorf("%s: %v", c.text, err)
		case e.What != c.what || !slices.Equal(e.Messages, c.messages):
			t.Errorf("%s: %q %q", c.text, e.What, e.Messages)
		}
	}
}

// The configurations that users are given to begin with work.
func TestExamples(t *testing.T) {
	for _, path := range goldentest.Glob(t, "../../docs/examples/graph/*.json") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		goldentest.Build(t, New, string(text), goldentest.Env(false))
	}
}

package burst

import (
	"errors"
	"slices"
	"strings"
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

const plain = `{"method":"burst","parameter":{"window_batch_size":5,"batch_interval":10,"result_window_rotate_size":5,"max_reuse_batch_num":0,"costcut_threshold":-1}}`

func TestConfigAccepts(t *testing.T) {
	for _, change := range []string{
		"", `"burst"|"whatever"`, `:10|:0.5`, `:-1|:2.5`, `window_batch_size":5|window_batch_size":1`,
	} {
		text := plain
		if from, to, ok := strings.Cut(change, "|"); ok {
			text = strings.Replace(text, from, to, 1)
		}
		if err := newFrom(t, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	const invalid = "invalid configuration"
	for _, c := range []struct {
		from, to string // a change of plain
		what     string
		messages []string
	}{
		{`"method":"burst",`, ``, invalid, []string{`"method" is not found ()`}},
		{`"method":"burst"`, `"method":1`, invalid, []string{"String is expected, but Integer is given. (.method)"}},
		{`"parameter"`, `"parameters"`, invalid, []string{`"parameters" is not used ()`, `"parameter" is not found ()`}},
		{`"method"`, `"x":1,"method"`, invalid, []string{`"x" is not used ()`}},
		{`,"costcut_threshold":-1`, ``, invalid, []string{`"costcut_threshold" is not found (.parameter)`}},
		{`size":5,"batch`, `size":5.0,"batch`, invalid, []string{"Integer is expected, but Float is given. (.parameter.window_batch_size)"}},
		{`:-1`, `:-1,"zz":0`, invalid, []string{`"zz" is not used (.parameter)`}},
		{`:-1`, `:"1"`, invalid, []string{"Float is expected, but String is given. (.parameter.costcut_threshold)"}},
		{`window_batch_size":5`, `window_batch_size":0`, "invalid parameter (expected: window_batch_size should > 0)", nil},
		{`:10`, `:0`, "invalid parameter (expected: batch_interval should > 0)", nil},
		{`rotate_size":5`, `rotate_size":-5`, "invalid parameter (expected: result_window_rotate_size should > 0)", nil},
		{`num":0`, `num":-1`, "invalid parameter (expected: max_reuse_batch_num should >= 0)", nil},
	} {
		text := strings.Replace(plain, c.from, c.to, 1)
		err := newFrom(t, text)
		var e *config.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v is not one of package config", text, err)
			continue
		}
		if e.What != c.what || !slices.Equal(e.Messages, c.messages) {
			t.Errorf("%s:\n%s, want\n%s %q", text, e.Diagnostic(), c.what, c.messages)
		}
	}
	if err := newFrom(t, `{"method":"burst","parameter":3}`); err == nil || err.Error() != "Object is expected, but Integer is given. (.parameter)" {
		t.Error(err)
	}
}

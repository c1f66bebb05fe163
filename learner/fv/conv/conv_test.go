package conv

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const paConfig = `{
  "method": "PA",
  "converter": {
    "string_filter_types": {}, "string_filter_rules": [],
    "string_rules": [{"key": "*", "type": "str", "sample_weight": "bin", "global_weight": "bin", "comment": "ignored"}],
    "num_rules": [{"key": "*", "type": "num", "suffix": "ignored"}],
    "unknown": 1
  }
}`

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestRun(t *testing.T) {
	pa := file(t, paConfig)
	idf := file(t, `{"converter": {"string_rules": [
		{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "idf"},
		{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "idf1"}]}}`)
	tests := []struct {
		name           string
		options        Options
		in             string
		code           int
		stdout, stderr string
	}{
		{"json to fv", Options{Config: pa}, `{ "message": "hello world", "age": 31 }`, 0,
			"/message$hello world@str#bin/bin: 1\n/age@num: 31\n", ""},
		{"datum to fv", Options{Input: "datum", Output: "fv", Config: pa},
			`{"string_values":{"hello":"world"},"num_values":{"age":31,"x":0.1234567,"big":123456789},"binary_values":{},"more":1}`, 0,
			"hello$world@str#bin/bin: 1\nage@num: 31\nbig@num: 1.23457e+08\nx@num: 0.123457\n", ""},
		{"nothing learned", Options{Config: idf}, `{"t":"a"}`, 0, "/t$a@space#tf/idf1: 1\n", ""},
		{"json to datum", Options{Output: "datum"}, `{"arr":[1,"x",{"k":2.5}],"n":null,"b":true}`, 0, `{
  "num_values": {
    "\/arr[0]": 1,
    "\/arr[2]\/k": 2.5,
    "\/b": 1
  },
  "binary_values": {
  },
  "string_values": {
    "\/arr[1]": "x",
    "\/n": "null"
  }
}
`, ""},
		{"json to json", Options{Output: "json"}, `{"a/b":[1,-0.5,1e20,true,null,[],{}, "日\u0001\n\"\\"]}`, 0, `{
  "a\/b": [
    1,
    -0.5,
    1e+20,
    true,
    null,
    [
    ],
    {
    },
    "日\u0001\n\"\\"
  ]
}
`, ""},
		{"first of a name", Options{Output: "datum"}, `{"a/b":1,"a":{"b":2}}`, 0, `{
  "num_values": {
    "\/a\/b": 2
  },
  "binary_values": {
  },
  "string_values": {
  }
}
`, ""},
		{"datum to json", Options{Input: "datum", Output: "json"}, "", 255, "", "invalid input-output type: datum -> json\n"},
		{"no config", Options{}, "{}", 255, "", "specify converter config with -c flag\n"},
		{"unreadable config", Options{Config: "nofile"}, "{}", 255, "", "cannot open converter config file: nofile\n"},
		{"bad option", Options{Output: "zz"}, "{}", 1, "", "option value is invalid: --output-format=zz\n"},
		{"bad datum", Options{Input: "datum", Output: "datum"}, `{"string_values":{},"num_values":{}}`, 255, "", "invalid datum format\n"},
		{"mistyped datum", Options{Input: "datum", Output: "datum"},
			`{"string_values":{"a":1},"num_values":{},"binary_values":{}}`, 255, "", "invalid datum format\n"},
		{"broken input", Options{Output: "json"}, `{`, 255, "", "cannot parse input: "},
		{"dollar", Options{Config: pa}, `{"a$b": 1}`, 255, "", "feature key cannot contain '$': /a$b\n"},
		{"unknown type", Options{Config: file(t, `{"converter": {"num_rules": [{"key": "*", "type": "zz"}]}}`)}, "1", 255, "",
			"unknown type: [zz] in num_rules\n"},
		{"missing member", Options{Config: file(t, `{"converter": {"num_rules": [{"key": "*"}]}}`)}, "1", 255, "",
			`"type" is not found (.converter.num_rules[0])`},
		{"no converter", Options{Config: file(t, `{}`)}, "1", 255, "", `"converter" is not found ()`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			code := Run(test.options, strings.NewReader(test.in), &stdout, &stderr)
			if code != test.code || stdout.String() != test.stdout {
				t.Errorf("exit %d, want %d, stdout\n%s\nwant\n%s", code, test.code, stdout.String(), test.stdout)
			}
			if !strings.Contains(stderr.String(), test.stderr) || test.stderr == "" && stderr.Len() > 0 {
				t.Errorf("stderr %q, want %q", stderr.String(), test.stderr)
			}
			if strings.Count(stderr.String(), "\n") > 1 {
				t.Errorf("more than a line on stderr: %q", stderr.String())
			}
		})
	}
}

package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestConv(t *testing.T) {
	t.Parallel()
	config := writeFile(t, "config.json", linear)
	tests := []struct {
		stdin  string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{
			stdin: `{ "message": "hello world", "age": 31 }`, args: []string{"-c", config},
			stdout: "/message$hello world@str#bin/bin: 1\n/age@num: 31\n",
		},
		{
			stdin: `{"string_values":{"hello":"world"},"num_values":{"age":31,"x":0.1234567},"binary_values":{}}`,
			args:  []string{"-i", "datum", "--conf", config}, stdout: "hello$world@str#bin/bin: 1\nage@num: 31\nx@num: 0.123457\n",
		},
		{stdin: `{}`, code: 255, stderr: "specify converter config with -c flag"},
		{stdin: `{}`, args: []string{"-i", "datum", "-o", "json"}, code: 255, stderr: "invalid input-output type: datum -> json"},
		{args: []string{"-o", "xml"}, code: 1, stderr: "option value is invalid: --output-format=xml\nusage: jubaconv [options] ... \n"},
		{args: []string{"-?"}, stderr: "usage: jubaconv [options] ... \noptions:\n  -i, --input-format     input format (json/datum) (string [=json])\n"},
	}
	for _, test := range tests {
		code, stdout, stderr := result(t, test.stdin, "jubaconv", test.args...)
		if code != test.code || stdout != test.stdout || !strings.Contains(stderr, test.stderr) {
			t.Errorf("jubaconv %q: code %d, stdout %q, stderr %q", test.args, code, stdout, stderr)
		}
	}
}

// A shell trains, looks, and learns from the exit code what went wrong.
func TestCall(t *testing.T) {
	t.Parallel()
	s := serve(t, "jubaclassifier", linear)
	call := func(stdin string, args ...string) (int, string, string) {
		return result(t, stdin, "jubatus", append([]string{"call"}, args...)...)
	}
	if code, stdout, stderr := call("", s.addr, "", "train", `[["A",[[["k","v"]]]]]`); code != 0 || stdout != "1\n" {
		t.Errorf("train: code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	lines := strings.Repeat(`[[["B",[[],[["x",1]]]]]]`+"\n", 1000)
	if code, stdout, stderr := call(lines, s.addr, "", "train", "-"); code != 0 || stdout != strings.Repeat("1\n", 1000) {
		t.Errorf("train -: code %d, %d lines, stderr %q", code, strings.Count(stdout, "\n"), stderr)
	}
	if code, stdout, _ := call("", s.addr, "", "get_labels"); code != 0 || stdout != `{"A":1,"B":1000}`+"\n" {
		t.Errorf("get_labels: code %d, stdout %q", code, stdout)
	}
	if code, _, stderr := call("", s.addr, "", "save", `""`); code != 2 || !strings.Contains(stderr, "empty id is not allowed") {
		t.Errorf("save: code %d, stderr %q", code, stderr)
	}
	if code, _, stderr := call("", "--no-name", s.addr, "do_mix"); code != 2 {
		t.Errorf("do_mix: code %d, stderr %q", code, stderr)
	}
	s.stop(t)
	if code, _, stderr := call("", s.addr, "", "get_labels"); code != 3 {
		t.Errorf("without a server: code %d, stderr %q", code, stderr)
	}
}

// Links make the one program all programs.
func TestLinks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bin")
	if code, _, stderr := result(t, "", "jubatus", "link", dir); code != 0 {
		t.Fatalf("code %d, stderr %q", code, stderr)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	for _, want := range []string{"jubaclassifier", "jubaclassifier_proxy", "jubaanomaly_proxy", "jubaconfig", "jubaconv"} {
		if !slices.Contains(names, want) {
			t.Errorf("no link %s in %s", want, names)
		}
	}
}

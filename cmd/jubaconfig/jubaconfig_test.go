package jubaconfig

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/cmd/coordination"
	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
)

// tool runs commands against a service in memory.
type tool struct {
	t    *testing.T
	fake *coordtest.Fake
	dir  string
}

func newTool(t *testing.T) *tool {
	t.Setenv(coordination.ClusterVariable, "")
	t.Setenv(coordination.ZooKeeperVariable, "")
	return &tool{t: t, fake: coordtest.NewFake(), dir: t.TempDir()}
}

// run runs one command and returns what it said.
func (x *tool) run(args ...string) (code int, stdout, stderr string) {
	var out, diag bytes.Buffer
	t := Tool{
		Called: "jubaconfig", Stdout: &out, Stderr: &diag,
		Open: func(context.Context, coordination.Location) (coord.Coordinator, error) { return x.fake.Open(), nil },
	}
	code = t.Run(args)
	return code, out.String(), diag.String()
}

// file writes a file and returns its path.
func (x *tool) file(name, text string) string {
	path := filepath.Join(x.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		x.t.Fatal(err)
	}
	return path
}

// want demands an exit code and the whole standard output.
func (x *tool) want(code int, stdout string, args ...string) {
	x.t.Helper()
	gotCode, gotOut, stderr := x.run(args...)
	if gotCode != code || gotOut != stdout {
		x.t.Errorf("%q: code %d, want %d\nstdout %q\nwant   %q\nstderr %q", args, gotCode, code, gotOut, stdout, stderr)
	}
}

const diagnosis = "jubatus::core::common::exception::runtime_error: "

func TestStore(t *testing.T) {
	x := newTool(t)
	z := []string{"-z", "localhost:2181", "-t", "classifier", "-n", "tutorial"}
	with := func(more ...string) []string { return append(more, z...) }
	text := "{\"a\": 1} and more\n"
	path := x.file("config.json", text)

	x.want(1, diagnosis+"config does not exist: /jubatus/config/classifier/tutorial\n\n", with("-c", "read")...)
	x.want(1, diagnosis+"ZooKeeper node does not exist: /jubatus/actors/classifier/tutorial/config_lock\n\n", with("-c", "delete")...)
	x.want(0, "", "-c", "list", "-z", "localhost:2181")
	x.want(0, "", with("-c", "write", "-f", path)...)
	x.want(0, text, with("-c", "read")...)
	x.want(0, "type: classifier, name: tutorial\n"+text+"\n", "-c", "list", "-z", "localhost:2181")
	x.want(0, "", with("-c", "write", "-f", x.file("other.json", "12"))...)
	x.want(0, "12", with("-c", "read")...)
	x.want(0, "", with("-c", "delete")...)
	x.want(1, diagnosis+"config does not exist: /jubatus/config/classifier/tutorial\n\n", with("-c", "delete")...)

	_, _, stderr := x.run(with("-c", "write", "-f", path)...)
	if !strings.Contains(stderr, "set config to zookeeper: /jubatus/config/classifier/tutorial") {
		t.Errorf("stderr %q", stderr)
	}
}

func TestRefusedFiles(t *testing.T) {
	x := newTool(t)
	tests := map[string]struct{ text, want string }{
		"empty.json":   {"", "config is empty"},
		"bad.json":     {`{"a": 1,, }`, "syntax error in configuration: FILE:1:9 '\"' is required but got ','"},
		"open.json":    {`{"a": `, "syntax error in configuration: FILE: json_parser reached end of data"},
		"missing.json": {"", "can't read FILE ."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(x.dir, name)
			if name != "missing.json" {
				x.file(name, test.text)
			}
			code, stdout, _ := x.run("-c", "write", "-f", path, "-t", "stat", "-n", "x", "--cluster", "localhost")
			want := diagnosis + strings.ReplaceAll(test.want, "FILE", path)
			if code != 1 || !strings.HasPrefix(stdout, want) {
				t.Errorf("code %d, stdout %q, want %q", code, stdout, want)
			}
		})
	}
}

// While servers hold the configuration, nobody changes it.
func TestLocked(t *testing.T) {
	x := newTool(t)
	path := x.file("config.json", "{}")
	synctest.Test(t, func(t *testing.T) {
		server := x.fake.Open()
		defer server.Close()
		if err := coord.Prepare(t.Context(), server, "classifier", "c"); err != nil {
			t.Fatal(err)
		}
		lock := coord.NewLock(server, coord.ConfigLockPath("classifier", "c"))
		if ok, err := lock.TryRLock(t.Context()); !ok || err != nil {
			t.Fatal(ok, err)
		}
		r := &run{settings: &settings{typ: ptr("classifier"), name: ptr("c"), file: &path}}
		tool := x.fake.Open()
		defer tool.Close()
		if err := r.write(t.Context(), tool); err == nil || err.Error() != "any user is using config?" {
			t.Errorf("write: %v", err)
		}
		if err := r.delete(t.Context(), tool); err == nil || err.Error() != "any user is using config?" {
			t.Errorf("delete: %v", err)
		}
	})
}

func ptr(s string) *string { return &s }

func TestMisuse(t *testing.T) {
	x := newTool(t)
	tests := []struct {
		args   []string
		code   int
		stdout string // begins with
		stderr string // begins with
	}{
		{args: nil, stderr: "usage: jubaconfig --cmd=string [options] ... \n"},
		{args: []string{"-t", "stat"}, code: 1, stderr: "need option: --cmd\nusage: "},
		{args: []string{"-c", "list"}, code: 1, stdout: "can't get ZK location: set 'ZK' environment or specify '-z <somezkaddrs>\n"},
		{args: []string{"-c", "list", "-z", "a", "--cluster", "b"}, code: 1, stdout: "can't use both zookeeper and cluster location\nusage: "},
		{args: []string{"-c", "read", "-z", "a", "-t", "stat"}, code: 1, stdout: "can't excute read without type and name specified\ntype: stat name: \nusage: "},
		{args: []string{"-c", "read", "-z", "a", "-t", "stat", "-n", "a/b"}, code: 1, stdout: "neither type nor name"},
		{args: []string{"-c", "fly", "-z", "a"}, code: 1, stdout: "unknown cmd: fly\nusage: "},
	}
	for _, test := range tests {
		code, stdout, stderr := x.run(test.args...)
		if code != test.code || !strings.HasPrefix(stdout, test.stdout) || !strings.HasPrefix(stderr, test.stderr) {
			t.Errorf("%q: code %d, stdout %q, stderr %q", test.args, code, stdout, stderr)
		}
	}
}

const usage = `usage: jubaconfig --cmd=string [options] ... 
options:
  -c, --cmd          command to operate config (write|read|delete|list) (string)
  -f, --file         [write] config file to set (string [=])
  -t, --type         [write|read|delete] learning machine type (string [=])
  -n, --name         [write|read|delete] learning machine name (string [=])
  -z, --zookeeper    ZooKeeper location environment: 'ZK' is available instead (string [=])
  -d, --debug        debug mode (obsolete)
      --cluster      cluster location, instead of zookeeper: every node's host:port,... (string [=])
  -?, --help         print this message
`

// Scripts read this text.
func TestUsage(t *testing.T) {
	code, stdout, stderr := newTool(t).run("--help")
	if code != 0 || stdout != "" {
		t.Errorf("code %d, stdout %q", code, stdout)
	}
	if diff := cmp.Diff(usage, stderr); diff != "" {
		t.Error(diff)
	}
}

func TestEnvironment(t *testing.T) {
	for _, variable := range []string{coordination.ClusterVariable, coordination.ZooKeeperVariable} {
		x := newTool(t)
		t.Setenv(variable, "localhost:1")
		x.want(0, "", "-c", "list")
	}
}

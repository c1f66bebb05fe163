package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	tables "github.com/jubatus/jubatus-go/learner/service"
)

// nodeClient installs the Node.js client as npm has it, and what its tests
// need, and returns the folder.
func nodeClient(t *testing.T) string {
	t.Helper()
	need(t, "npm", "node")
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "check.js"} {
		text, err := os.ReadFile(filepath.Join("npm", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		missing(t, "npm could not install the client: "+err.Error()+"\n"+string(out))
	}
	return dir
}

// The Node.js client trains, classifies, saves, loads and reads the status.
func TestNodeClient(t *testing.T) {
	t.Parallel()
	dir := nodeClient(t)
	s := serve(t, "jubaclassifier", linear)
	_, port, _ := strings.Cut(s.addr, ":")
	check := exec.CommandContext(t.Context(), "node", "check.js", port)
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	s.stop(t)
}

// The Node.js client's own tests pass: they start a server of each type and
// call every method.
func TestNodeClientsOwnTests(t *testing.T) {
	t.Parallel()
	dir := nodeClient(t)
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, s := range tables.Services() {
		// They do not say where to listen.
		script := fmt.Sprintf("#!/bin/sh\nexec %q juba%s --listen_addr 127.0.0.1 \"$@\"\n", binary(t), s.Type)
		if err := os.WriteFile(filepath.Join(bin, "juba"+s.Type), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "node_modules/jubatus/test/*.js"))
	if err != nil || len(files) < len(tables.Services()) {
		t.Fatalf("the client has %d files of tests, %v", len(files), err)
	}
	_, port, _ := strings.Cut(freeAddr(t), ":")
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".js")
		if name == "util" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			mocha := exec.CommandContext(t.Context(), "node", filepath.Join(dir, "node_modules/mocha/bin/_mocha"), "--timeout", "30000", file)
			mocha.Dir = dir
			mocha.Env = append(os.Environ(),
				"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
				"npm_package_config_test_port="+port)
			out, err := mocha.CombinedOutput()
			if err != nil || !strings.Contains(string(out), " passing") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The Node.js client as npm has it trains, classifies, saves, loads and reads
// the status.
func TestNodeClient(t *testing.T) {
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
	s := serve(t, "jubaclassifier", linear)
	_, port, _ := strings.Cut(s.addr, ":")
	check := exec.CommandContext(t.Context(), "node", "check.js", port)
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	s.stop(t)
}

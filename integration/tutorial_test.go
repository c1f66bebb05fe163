package integration

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/jubatus/jubatus-go/coord/zookeeper/zktest"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// The distributed tutorial, typed word for word from the README on a machine
// of its own where the addresses are free: with nothing but our program, and
// with ZooKeeper in its place.
func TestTutorial(t *testing.T) {
	const cluster, zookeeper = "--cluster=localhost:2379", "--zookeeper=localhost:2181"
	for _, location := range []string{cluster, zookeeper} {
		name, _, _ := strings.Cut(location, "=")
		t.Run(strings.Trim(name, "-"), func(t *testing.T) {
			if !ownNetwork(t) {
				return
			}
			shell := newShell(t)
			commands := console(t, "../README.md", "jubaclassifier_proxy")
			if location == zookeeper {
				zktest.StartAt(t, 2181)
				for i := range commands {
					commands[i].text = strings.ReplaceAll(commands[i].text, cluster, zookeeper)
				}
			} else {
				need(t, "etcdctl")
			}
			for _, c := range commands {
				switch {
				case strings.Contains(c.text, "etcdctl") && location == zookeeper:
					shell.lists(t)
				case c.output == "":
					shell.enter(t, c.text)
				default:
					var said string
					eventually(t, c.text+"says\n"+c.output, func() bool {
						said = shell.enter(t, c.text)
						return said == c.output
					})
				}
			}
			client(t)
		})
	}
}

// console is the commands of that ```console block of a document which
// mentions a word.
func console(t testing.TB, document, word string) (entries []entry) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(block[1], word) {
			continue
		}
		for line := range strings.Lines(block[1]) {
			if command, typed := strings.CutPrefix(line, "$ "); typed {
				entries = append(entries, entry{text: command})
			} else {
				entries[len(entries)-1].output += line
			}
		}
		return entries
	}
	t.Fatalf("%s has no console block with %q", document, word)
	return nil
}

// shell is where a user types commands, on the machine 192.168.0.1.
type shell struct{ dir, bin string }

func newShell(t *testing.T) *shell {
	t.Helper()
	s := &shell{dir: t.TempDir(), bin: plug(t, 0).bin}
	if err := os.WriteFile(filepath.Join(s.dir, "config.json"), []byte(tutorial), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// enter types a command. What ends in & goes on in the background until the
// test ends; anything else must succeed, and what it prints is returned.
func (s *shell) enter(t *testing.T, text string) string {
	t.Helper()
	text, background := strings.CutSuffix(strings.TrimSpace(text), "&")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	cmd := exec.CommandContext(ctx, "bash", "-euc", text)
	if background {
		cmd = exec.Command("bash", "-euc", "exec "+text) // the test's end is not its end
	}
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "PATH="+s.bin+":"+os.Getenv("PATH"), "HOME="+s.dir, "XDG_STATE_HOME="+s.dir)
	var out, diag lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	if !background {
		defer cancel()
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v\n%s%s", text, err, &out, &diag)
		}
		return out.String()
	}
	cancel()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // that it lives is seen by the exit code
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s%s", text, err, &out, &diag)
		}
	})
	return ""
}

// lists looks at the tree through ZooKeeper's own client.
func (s *shell) lists(t *testing.T) {
	t.Helper()
	const cli = "/usr/share/zookeeper/bin/zkCli.sh"
	if _, err := os.Stat(cli); err != nil {
		missing(t, err.Error())
	}
	ids := "[192.168.0.1_9180, 192.168.0.1_9181, 192.168.0.1_9182]"
	want := map[string]string{
		"/jubatus":                                        "[actors, config, jubaproxies, supervisors]",
		"/jubatus/actors/classifier/tutorial":             "[actives, config_lock, master_lock, nodes]",
		"/jubatus/jubaproxies/classifier":                 "[192.168.0.1_9198]",
		"/jubatus/actors/classifier/tutorial/nodes":       ids,
		"/jubatus/actors/classifier/tutorial/actives":     ids,
		"/jubatus/actors/classifier/tutorial/config_lock": "[rlock_0000000001, rlock_0000000002, rlock_0000000003]",
	}
	var script string
	for path := range want {
		script += "ls " + path + "\n"
	}
	script += "get /jubatus/config/classifier/tutorial\n"
	var out []byte
	eventually(t, "zkCli shows the tree", func() bool {
		cmd := exec.CommandContext(t.Context(), cli, "-server", "localhost:2181")
		cmd.Stdin = strings.NewReader(script)
		cmd.Dir = s.dir
		cmd.Env = append(os.Environ(), "ZOO_LOG_DIR="+s.dir)
		var err error
		if out, err = cmd.CombinedOutput(); err != nil {
			t.Fatalf("zkCli: %v\n%s", err, out)
		}
		for _, line := range want {
			if !bytes.Contains(out, []byte("\n"+line+"\n")) {
				t.Logf("%s", out)
				return false
			}
		}
		return true
	})
	if !bytes.Contains(out, []byte(tutorial)) {
		t.Errorf("the configuration is not what was written:\n%s", out)
	}
}

// client is the tutorial's client, in short: documents of two newsgroups, and
// the question where others belong.
func client(t *testing.T) {
	t.Helper()
	var proxy *rpc.Client
	eventually(t, "the proxy answers", func() bool {
		var err error
		proxy, err = rpc.Dial(t.Context(), "localhost:9198", patience)
		return err == nil
	})
	defer proxy.Close()
	eventually(t, "all servers are active", func() bool {
		status, err := proxy.CallArgs(t.Context(), "get_status", "tutorial")
		if err != nil {
			return false // nobody is yet
		}
		r := mpack.NewReader(status)
		n, err := r.MapHeader()
		return err == nil && n == 3
	})
	documents := map[string]string{
		"rec.motorcycles": "the bike has a new helmet and an engine",
		"sci.space":       "the rocket left its orbit around the moon",
	}
	for range 6 { // so that every server gets some of each
		for label, text := range documents {
			if _, err := proxy.Call(t.Context(), "train", renamed(t, "tutorial", labeled(label, []byte(text)))); err != nil {
				t.Fatal(err)
			}
		}
	}
	server, err := rpc.Dial(t.Context(), "localhost:9180", patience)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := server.CallArgs(t.Context(), "do_mix"); err != nil {
		t.Fatal(err)
	}
	for range 6 { // whichever server it is
		for label, text := range map[string]string{"rec.motorcycles": "<b>helmet</b>", "sci.space": "orbit of a rocket"} {
			answer, err := proxy.Call(t.Context(), "classify", renamed(t, "tutorial", unlabeled([]byte(text))))
			if err != nil {
				t.Fatal(err)
			}
			if got := best(t, answer); got != label {
				t.Errorf("%q belongs to %s, says the cluster", text, got)
			}
		}
	}
}

// renamed puts the name of a cluster into params that have none.
func renamed(t testing.TB, name string, params []byte) []byte {
	t.Helper()
	rest, found := bytes.CutPrefix(params, []byte{0x92, 0xa0})
	if !found {
		t.Fatalf("% x is not for a cluster without a name", params)
	}
	return append(mpack.AppendRaw([]byte{0x92}, name), rest...)
}

package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/coord/zookeeper/zktest"
	"github.com/jubatus/jubatus-go/rpc"
)

const (
	visorPort = 9198
	proxyPort = 9190
)

// installation is three machines that coordinate one way or the other.
type installation struct {
	*switchboard
	location []string // the options that say where the coordination service is
}

// coordinations are the two ways, each made by a function that is called in
// the test's own network.
var coordinations = map[string]func(t *testing.T, s *switchboard) []string{
	"cluster": func(_ *testing.T, s *switchboard) []string {
		var slots []string
		for _, m := range s.machines {
			slots = append(slots, m.ip+":2379")
		}
		return []string{"--cluster", strings.Join(slots, ",")}
	},
	"zookeeper": func(t *testing.T, _ *switchboard) []string {
		return []string{"--zookeeper", forward(t, zktest.Start(t).Addr())}
	},
}

// install makes machines with an agent and a proxy each, as the documentation
// says.
func install(t *testing.T, coordination func(*testing.T, *switchboard) []string) *installation {
	t.Helper()
	x := &installation{switchboard: plug(t, 3)}
	x.location = coordination(t, x.switchboard)
	for _, m := range x.machines {
		for _, c := range x.console(t, 0) {
			m.daemon(t, "bash", "-euc", c.text)
		}
	}
	eventually(t, "agents and proxies are registered", func() bool {
		s, err := x.status(t)
		return err == nil && len(s.Visors) == len(x.machines) && len(s.Proxies) == len(x.machines)
	})
	return x
}

// configure gives the cluster named tutorial a configuration.
func (x *installation) configure(t testing.TB) {
	t.Helper()
	x.must(t, "jubaconfig", "-c", "write", "-f", writeFile(t, "config.json", clusterConfig), "-t", "classifier", "-n", "tutorial")
}

// entry is a command and what it prints.
type entry struct{ text, output string }

// console is what the nth block of docs/operations.md types. Every entry says
// by itself where the coordination service is.
func (x *installation) console(t testing.TB, n int) (entries []entry) {
	t.Helper()
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) <= n {
		t.Fatalf("%d blocks in docs/operations.md", len(blocks))
	}
	variable := map[string]string{"--cluster": "JUBATUS_CLUSTER", "--zookeeper": "ZK"}[x.location[0]]
	exported := false
	for line := range strings.Lines(blocks[n][1]) {
		command, typed := strings.CutPrefix(line, "$ ")
		switch {
		case typed && strings.HasPrefix(command, "export JUBATUS_CLUSTER="):
			exported = true
			if variable == "JUBATUS_CLUSTER" && !strings.Contains(line, strings.ReplaceAll(x.location[1], ":2379", "")) {
				t.Fatalf("the machines are others than in %q", line)
			}
		case typed:
			entries = append(entries, entry{text: fmt.Sprintf("export %s=%s\n%s", variable, x.location[1], command)})
		default:
			entries[len(entries)-1].output += line
		}
	}
	if !exported {
		t.Fatal("the block does not say where the cluster is")
	}
	return entries
}

// tool runs a tool from outside of the machines.
func (x *installation) tool(t testing.TB, name string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), x.bin+"/"+name, append(args, x.location...)...)
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), diag.String()
}

// enter types a command outside of the machines, which must succeed, and
// returns what it prints.
func (x *installation) enter(t testing.TB, text string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euc", text)
	cmd.Dir = filepath.Dir(writeFile(t, "classifier.json", clusterConfig))
	cmd.Env = append(os.Environ(), "PATH="+x.bin+":"+os.Getenv("PATH"))
	var diag bytes.Buffer
	cmd.Stderr = &diag
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", text, err, out, &diag)
	}
	return string(out)
}

// must runs a tool that must succeed and returns what it prints.
func (x *installation) must(t testing.TB, name string, args ...string) string {
	t.Helper()
	code, stdout, stderr := x.tool(t, name, args...)
	if code != 0 {
		t.Fatalf("%s %s: exit code %d\n%s%s", name, strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

// ctl runs a command of jubactl about the tutorial that must succeed.
func (x *installation) ctl(t testing.TB, args ...string) string {
	t.Helper()
	return x.must(t, "jubactl", append(args, "-s", "jubaclassifier", "-t", "classifier", "-n", "tutorial")...)
}

// clusterStatus is jubactl's status as JSON.
type clusterStatus struct{ Proxies, Visors, Servers, Actives []string }

func (x *installation) status(t testing.TB) (s clusterStatus, err error) {
	t.Helper()
	code, stdout, stderr := x.tool(t, "jubactl", "-c", "status", "-s", "jubaclassifier", "-t", "classifier", "-n", "tutorial", "--format", "json")
	if code != 0 {
		return s, errors.New(stdout + stderr)
	}
	return s, json.Unmarshal([]byte(stdout), &s)
}

// await waits for a number of active servers, and that there are no others.
func (x *installation) await(t testing.TB, n int) (s clusterStatus) {
	t.Helper()
	eventually(t, fmt.Sprint(n, " active servers"), func() bool {
		var err error
		s, err = x.status(t)
		return err == nil && len(s.Servers) == n && len(s.Actives) == n
	})
	return s
}

// proxies are the addresses for clients.
func (x *installation) proxies() (addrs []string) {
	for _, m := range x.machines {
		addrs = append(addrs, fmt.Sprintf("%s:%d", m.ip, proxyPort))
	}
	return addrs
}

// The tutorial's second half: agents on every machine, one controller, clients
// of all proxies at once.
func TestClusterManagement(t *testing.T) {
	for name, coordination := range coordinations {
		t.Run(name, func(t *testing.T) {
			if !ownNetwork(t) {
				return
			}
			x := install(t, coordination)

			for _, c := range x.console(t, 1) {
				if strings.Contains(c.text, "-c status") {
					x.await(t, 6)
				}
				if got := x.enter(t, c.text); got != c.output {
					t.Errorf("%s\nsaid\n%swant\n%s", c.text, got, c.output)
				}
			}
			status := x.await(t, 6)
			for _, m := range x.machines {
				if n := len(m.running(t, "jubaclassifier")); n != 2 {
					t.Errorf("%d servers at %s", n, m.ip)
				}
			}
			if name == "cluster" {
				x.verifyMembers(t)
			}

			var clients []*traffic
			for _, proxy := range x.proxies() {
				clients = append(clients, startTraffic(t, proxy, "tutorial", 2))
			}
			for _, c := range clients {
				c.more(t, 50)
			}
			for _, c := range clients {
				c.end()
			}
			one := status.Servers[0]
			server, err := rpc.Dial(t.Context(), strings.Replace(one, "_", ":", 1), patience)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			if _, err := server.CallArgs(t.Context(), "do_mix"); err != nil {
				t.Fatal(err)
			}
			verify(t, clients, x.proxies()[0], "tutorial")

			x.ctl(t, "-c", "stop", "--server-id", one)
			if s := x.await(t, 5); s.Servers[0] == one {
				t.Errorf("%s is still there: %v", one, s.Servers)
			}
			x.ctl(t, "-c", "save", "-i", "kept")
			x.ctl(t, "-c", "load", "-i", "kept")
			var sent string
			for _, m := range x.machines {
				sent += fmt.Sprintf("sending stop / jubaclassifier/tutorial to %s_%d...ok.\n", m.ip, visorPort)
			}
			if got := x.ctl(t, "-c", "stop"); got != sent {
				t.Errorf("stop said\n%swant\n%s", got, sent)
			}
			x.await(t, 0)
			for _, m := range x.machines {
				if pids := m.running(t, "jubaclassifier"); len(pids) > 0 {
					t.Errorf("%s still runs servers: %v", m.ip, pids)
				}
			}
			if code, _, stderr := x.tool(t, "jubactl", "-c", "save", "-s", "jubaclassifier", "-t", "classifier", "-n", "tutorial"); code == 0 {
				t.Errorf("saving nothing succeeds: %s", stderr)
			}
		})
	}
}

// verifyMembers demands that every slot has a host, on its machine, and that
// one of them leads.
func (x *installation) verifyMembers(t testing.TB) {
	t.Helper()
	var all []struct {
		Slot   string
		Host   struct{ Program string }
		Leader bool
		Size   int64 `json:"db_size"`
	}
	text := x.must(t, "jubactl", "-c", "members", "--format", "json")
	if err := json.Unmarshal([]byte(text), &all); err != nil || len(all) != len(x.machines) {
		t.Fatalf("members said %s: %v", text, err)
	}
	leaders := 0
	for i, m := range all {
		if m.Slot != x.machines[i].ip+":2379" || !strings.HasPrefix(m.Host.Program, "juba") || m.Size == 0 {
			t.Errorf("member %+v", m)
		}
		if m.Leader {
			leaders++
		}
	}
	if leaders != 1 {
		t.Errorf("%d leaders in %s", leaders, text)
	}
}

// A rolling restart while clients train and classify: no call fails, and
// nothing that was acknowledged is lost.
func TestRollingRestart(t *testing.T) {
	for name, coordination := range coordinations {
		t.Run(name, func(t *testing.T) {
			if !ownNetwork(t) {
				return
			}
			x := install(t, coordination)
			x.configure(t)
			x.ctl(t, "-c", "start", "-N", "3", "-S", "2")
			status := x.await(t, 3)
			before := x.pids(t)
			clients := []*traffic{startTraffic(t, x.proxies()[0], "tutorial", 4)}
			clients[0].more(t, 100)
			var want string
			for _, id := range status.Servers {
				machine, _, _ := strings.Cut(id, "_")
				want += fmt.Sprintf("restarting %s / jubaclassifier/tutorial by %s_%d...ok.\n", id, machine, visorPort)
			}
			if got := x.ctl(t, "-c", "restart"); got != want {
				t.Errorf("restart said\n%swant\n%s", got, want)
			}
			clients[0].more(t, 100)
			after := x.pids(t)
			for pid := range after {
				if before[pid] {
					t.Errorf("process %d has not been restarted", pid)
				}
			}
			if len(after) != 3 {
				t.Errorf("processes %v", after)
			}
			verify(t, clients, x.proxies()[0], "tutorial")
			x.ctl(t, "-c", "stop")
		})
	}
}

// pids are all server processes.
func (x *installation) pids(t testing.TB) map[int]bool {
	t.Helper()
	pids := make(map[int]bool)
	for _, m := range x.machines {
		for _, pid := range m.running(t, "jubaclassifier") {
			pids[pid] = true
		}
	}
	return pids
}

// An agent that cannot be reached is told, and does not keep the others from
// being called.
func TestUnreachableAgent(t *testing.T) {
	if !ownNetwork(t) {
		return
	}
	x := install(t, coordinations["cluster"])
	x.configure(t)
	x.cut(t, 1)
	code, stdout, stderr := x.tool(t, "jubactl", "-c", "start", "-s", "jubaclassifier", "-t", "classifier", "-n", "tutorial", "-N", "3")
	x.mend(t, 1)
	var want string
	for i, m := range x.machines {
		outcome := "ok."
		if i == 1 {
			outcome = "failed."
		}
		want += fmt.Sprintf("sending start / jubaclassifier/tutorial to %s_%d...%s\n", m.ip, visorPort, outcome)
	}
	if code != 1 || stdout != want || !strings.Contains(stderr, "can't do 'start jubaclassifier/tutorial' in "+x.machines[1].ip) {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	x.await(t, 2)
}

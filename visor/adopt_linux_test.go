package visor

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/rpc"
)

// remote calls an agent that is another process.
func remote(t *testing.T, s settings) *machine {
	m := &machine{T: t, settings: s}
	m.client = rpc.NewClient(fmt.Sprintf("127.0.0.1:%d", s.Port), rpc.ClientOptions{Timeout: 20 * time.Second})
	t.Cleanup(m.client.Close)
	return m
}

// hit kills an agent.
func hit(t *testing.T, agent *exec.Cmd) {
	t.Helper()
	if err := agent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	agent.Wait() //nolint:errcheck // it was killed
}

func TestKilledAgentIsSucceeded(t *testing.T) {
	for _, kept := range []bool{false, true} {
		t.Run(fmt.Sprint("logdir ", kept), func(t *testing.T) {
			s := settings{Port: freePorts(t), StateDir: t.TempDir()}
			if kept {
				s.LogDir = t.TempDir()
			}
			first := startAgent(t, s)
			m := remote(t, s)
			if code := m.start("a", 3); code != 0 {
				t.Fatal(code)
			}
			before := m.list()
			for _, c := range before {
				served(t, c.Port)
			}
			hit(t, first)
			for _, c := range before {
				if a := ask(c.Port); a == nil || a.PID != c.PID {
					t.Errorf("without an agent: %+v", c)
				}
			}

			second := newMachine(t, s)
			after := second.list()
			for i := range after {
				if !after[i].Adopted {
					t.Errorf("not adopted: %+v", after[i])
				}
				after[i].Adopted = false
			}
			if !slices.Equal(before, after) {
				t.Fatalf("before %+v\nafter  %+v", before, after)
			}
			// They are children as all others.
			if code := second.start("a", 4); code != 0 {
				t.Errorf("start of one more: %d", code)
			}
			syscall.Kill(before[0].PID, syscall.SIGKILL)
			eventually(t, "one that was killed is back", func() bool {
				a := ask(before[0].Port)
				return a != nil && a.PID != before[0].PID
			})
			if code := second.call(MethodRestartServer, AppendServer(nil, before[1].ID)); code != 0 {
				t.Errorf("restart: %d", code)
			}
			if code := second.stopAll("a"); code != 0 {
				t.Errorf("stop: %d", code)
			}
			for _, c := range before {
				if !gone(c.PID) || !usable("127.0.0.1", c.Port) {
					t.Errorf("left: %+v", c)
				}
			}
			if list := second.list(); len(list) != 0 {
				t.Errorf("left: %+v", list)
			}
		})
	}
}

func TestServersThatDiedWithTheAgent(t *testing.T) {
	s := settings{Port: freePorts(t), StateDir: t.TempDir()}
	first := startAgent(t, s)
	m := remote(t, s)
	m.start("a", 2)
	before := m.list()
	for _, c := range before {
		served(t, c.Port)
	}
	hit(t, first)
	syscall.Kill(before[0].PID, syscall.SIGKILL)
	eventually(t, "it is dead", func() bool { return gone(before[0].PID) })

	second := newMachine(t, s)
	eventually(t, "it is back", func() bool { a := ask(before[0].Port); return a != nil && a.PID != before[0].PID })
	list := second.list()
	if len(list) != 2 || list[0].Restarts != 1 || list[1].PID != before[1].PID {
		t.Errorf("%+v", list)
	}
}

func TestOutputGoesOn(t *testing.T) {
	s := settings{Port: freePorts(t), StateDir: t.TempDir()}
	first := startAgent(t, s)
	m := remote(t, s)
	m.start("a", 1)
	c := m.child()
	served(t, c.Port)
	path := filepath.Join(s.StateDir, fmt.Sprintf("127.0.0.1_%d.%d.out", s.Port, c.Port))
	write := func(text string) {
		f, err := openAppend(path, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	write("while there was an agent\n")
	eventually(t, "the agent has read it", func() bool {
		text, err := os.ReadFile(path)
		return err == nil && strings.Trim(string(text), "\x00") == ""
	})
	hit(t, first)
	write("while there was none\n")
	second := newMachine(t, s)
	eventually(t, "the next agent has read it", func() bool { return second.log.has("while there was none") })
	if second.log.has("while there was an agent") || second.log.has("hello from") {
		t.Error("it reads again what the first has read")
	}
}

// TestStrangersAreNotAdopted writes what an agent before might have left.
func TestStrangersAreNotAdopted(t *testing.T) {
	stranger := exec.Command("sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stranger.Process.Kill(); stranger.Wait() })
	pid := stranger.Process.Pid
	ticks, err := startTicks(pid)
	if err != nil {
		t.Fatal(err)
	}
	port := freePorts(t)
	args := func(port int) []string {
		return []string{"jubastat", "-z", "nowhere:2181", "-n", "a", "-p", fmt.Sprint(port), "-b", "127.0.0.1"}
	}
	record := func(n int) *child {
		return &child{
			server: server{Program: "jubastat", Type: "stat", Name: "a", Host: "127.0.0.1", Port: port + n, Args: args(port + n)},
			State:  Running, PID: pid, Ticks: ticks, Started: noon,
		}
	}
	sameID := record(1) // the process is another by now
	early := record(2)  // the same id, of which even the start is another
	early.Ticks--
	shell := record(3)
	shell.Program, shell.Type, shell.Args = "sh", "", []string{"sh", "-c", "touch " + filepath.Join(t.TempDir(), "x")}
	odd := record(4)
	odd.Name = "../../x"
	failed := record(5)
	failed.State, failed.PID = Failed, 0

	where := []string{"-z", "nowhere:2181"}
	for name, test := range map[string]struct {
		left remembered
		want []int // ports of what runs then
	}{
		"others have their ids":  {remembered{bootID(), where, []*child{sameID, early, shell, odd, nil, failed}}, []int{1, 2}},
		"the machine is another": {remembered{"before", where, []*child{sameID, failed}}, nil},
		"the cluster is another": {remembered{bootID(), []string{"-z", "elsewhere"}, []*child{sameID, failed}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings{Port: port, StateDir: t.TempDir()}
			text, err := json.Marshal(test.left)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(s.StateDir, fmt.Sprintf("127.0.0.1_%d.json", port)), text, 0o600); err != nil {
				t.Fatal(err)
			}
			m := newMachine(t, s)
			running := func() (ports []int) {
				for _, c := range m.list() {
					if c.State == Running {
						ports = append(ports, c.Port-port)
					}
				}
				return ports
			}
			eventually(t, "those that died are back", func() bool { return slices.Equal(running(), test.want) })
			for _, n := range test.want {
				if a := served(t, port+n); a.PID == pid {
					t.Errorf("port %d: %+v", n, a)
				}
			}
			m.end()
			if gone(pid) {
				t.Fatal("it was killed")
			}
		})
	}
}

func TestIdThatWasNotNoted(t *testing.T) {
	s := settings{Port: freePorts(t), StateDir: t.TempDir()}
	first := startAgent(t, s)
	m := remote(t, s)
	m.start("a", 1)
	c := m.child()
	served(t, c.Port)
	hit(t, first)
	path := filepath.Join(s.StateDir, fmt.Sprintf("127.0.0.1_%d.json", s.Port))
	memory := memory{path: path}
	left, err := memory.load()
	if err != nil {
		t.Fatal(err)
	}
	left.Children[0].PID, left.Children[0].Ticks, left.Children[0].State = 0, 0, Backoff
	if err := memory.save(left); err != nil {
		t.Fatal(err)
	}
	second := newMachine(t, s)
	if got := second.child(); got.PID != c.PID || got.State != Running {
		t.Errorf("%+v", got)
	}
}

func TestMemoryThatCannotBeRead(t *testing.T) {
	s := settings{Port: freePorts(t), StateDir: t.TempDir()}
	path := filepath.Join(s.StateDir, fmt.Sprintf("127.0.0.1_%d.json", s.Port))
	if err := os.WriteFile(path, []byte(`{"children": 7`), 0o600); err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, s)
	if code := m.start("a", 1); code != 0 {
		t.Error(code)
	}
	if text, err := os.ReadFile(path + ".bad"); err != nil || string(text) != `{"children": 7` {
		t.Errorf("%v: %q", err, text)
	}
}

package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// networkVariable marks a test process that has a network of its own, and
// binaryVariable tells it where the program is.
const (
	networkVariable = "JUBATUS_TEST_NETWORK"
	binaryVariable  = "JUBATUS_TEST_BINARY"
)

// ownNetwork runs the test in a process with a network of its own, where it
// may make machines as it likes. It returns true in that process, and false
// once that has ended.
func ownNetwork(t *testing.T) bool {
	t.Helper()
	if os.Getenv(networkVariable) != "" {
		run(t, "ip", "link", "set", "lo", "up")
		return true
	}
	need(t, "ip", "unshare", "nsenter")
	isolate := []string{"unshare", "--net", "--mount"}
	if os.Geteuid() != 0 {
		isolate = append(isolate, "--user", "--map-root-user")
	}
	if out, err := exec.Command(isolate[0], append(isolate[1:], "true")...).CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("network namespaces cannot be made here: %v: %s", err, out))
	}
	var pattern []string
	for _, name := range strings.Split(t.Name(), "/") {
		pattern = append(pattern, "^"+name+"$")
	}
	args := append(isolate[1:], os.Args[0], "-test.run="+strings.Join(pattern, "/"), "-test.count=1", "-test.v")
	cmd := exec.CommandContext(t.Context(), isolate[0], args...)
	cmd.Env = append(os.Environ(), networkVariable+"=1", binaryVariable+"="+binary(t))
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skip(string(out))
	default:
		t.Logf("%s", out)
	}
	return false
}

// run runs a tool that must succeed.
func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// links is a folder with a link for each of the program's names.
func links(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	run(t, binary(t), "link", dir)
	return dir
}

// switchboard is the network that machines are in, and this process too.
type switchboard struct {
	bin      string
	machines []*machine
}

// outside is this process's address. The network is nobody else's, so that the
// addresses can be those of the documentation.
const outside = "192.168.0.1"

// machine is a network namespace with an address of its own.
type machine struct {
	ip    string
	dir   string // its disk
	bin   string
	inner int    // a process in it
	space string // the namespace as /proc names it
}

// plug makes a network of n machines.
func plug(t *testing.T, n int) *switchboard {
	t.Helper()
	s := &switchboard{bin: links(t)}
	run(t, "ip", "link", "add", "jubatus0", "type", "bridge")
	run(t, "ip", "addr", "add", outside+"/24", "dev", "jubatus0")
	run(t, "ip", "link", "set", "jubatus0", "up")
	for i := range n {
		m := &machine{ip: fmt.Sprint("192.168.0.", 11+i), dir: t.TempDir(), bin: s.bin}
		holder := exec.Command("unshare", "--net", "sleep", "infinity")
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = holder.Process.Kill()
			_ = holder.Wait()
		})
		m.inner = holder.Process.Pid
		own := namespace(os.Getpid())
		eventually(t, "the namespace", func() bool {
			m.space = namespace(m.inner)
			return m.space != "" && m.space != own
		})
		t.Cleanup(func() {
			for _, pid := range m.processes(t) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		})
		port, cable := fmt.Sprint("port", i), fmt.Sprint("cable", i)
		pid := strconv.Itoa(m.inner)
		run(t, "ip", "link", "add", port, "type", "veth", "peer", "name", cable)
		run(t, "ip", "link", "set", port, "master", "jubatus0", "up")
		run(t, "ip", "link", "set", cable, "netns", pid)
		m.run(t, "ip", "link", "set", "lo", "up")
		m.run(t, "ip", "addr", "add", m.ip+"/24", "dev", cable)
		m.run(t, "ip", "link", "set", cable, "up")
		s.machines = append(s.machines, m)
	}
	return s
}

// namespace is the network namespace of a process, empty if it has gone.
func namespace(pid int) string {
	name, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return ""
	}
	return name
}

// processes are the machine's, without the one that holds the namespace.
func (m *machine) processes(t testing.TB) (pids []int) {
	t.Helper()
	all, err := os.ReadDir("/proc")
	if err != nil {
		t.Error(err)
	}
	for _, entry := range all {
		pid, err := strconv.Atoi(entry.Name())
		if err == nil && pid != m.inner && namespace(pid) == m.space {
			pids = append(pids, pid)
		}
	}
	return pids
}

// running is how many processes of a program the machine has.
func (m *machine) running(t testing.TB, program string) (pids []int) {
	t.Helper()
	for _, pid := range m.processes(t) {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue
		}
		args := strings.Split(string(line), "\x00")
		if filepath.Base(args[0]) == program || len(args) > 1 && filepath.Base(args[0]) == "jubatus" && args[1] == program {
			pids = append(pids, pid)
		}
	}
	return pids
}

// command is a command on the machine.
func (m *machine) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if strings.HasPrefix(name, "juba") {
		name = filepath.Join(m.bin, name)
	}
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"-t", strconv.Itoa(m.inner), "--net", name}, args...)...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), "PATH="+m.bin+":"+os.Getenv("PATH"), "XDG_STATE_HOME="+m.dir, "HOME="+m.dir, networkVariable+"=")
	return cmd
}

// run runs a command that must succeed, and returns what it says.
func (m *machine) run(t testing.TB, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := m.command(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %s %s: %v\n%s", m.ip, name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// daemon starts a program that detaches itself. What it says goes to a file.
func (m *machine) daemon(t testing.TB, name string, args ...string) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(m.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := m.command(t.Context(), name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %s %s: %v", m.ip, name, strings.Join(args, " "), err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			m.report(t)
		}
	})
}

// report logs what the programs of the machine have said.
func (m *machine) report(t testing.TB) {
	files, _ := filepath.Glob(filepath.Join(m.dir, "*.log*"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || len(text) == 0 {
			continue
		}
		if len(text) > 8000 {
			text = text[len(text)-8000:]
		}
		t.Logf("%s: %s:\n%s", m.ip, filepath.Base(file), text)
	}
}

// cut takes the machine off the network, mend brings it back.
func (s *switchboard) cut(t testing.TB, i int) {
	run(t, "ip", "link", "set", fmt.Sprint("port", i), "down")
}
func (s *switchboard) mend(t testing.TB, i int) {
	run(t, "ip", "link", "set", fmt.Sprint("port", i), "up")
}

// forward makes a server of the loopback interface one that machines reach.
func forward(t testing.TB, to string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(outside, "0"))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	keep := func(c net.Conn) {
		mu.Lock()
		defer mu.Unlock()
		open = append(open, c)
	}
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.DialTimeout("tcp", to, time.Second)
			if err != nil {
				in.Close()
				continue
			}
			keep(in)
			keep(out)
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				all.Go(func() {
					_, err := io.Copy(way[0], way[1])
					if err != nil && !errors.Is(err, net.ErrClosed) {
						t.Log("forwarding: ", err)
					}
					way[0].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return l.Addr().String()
}

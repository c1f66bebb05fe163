// Package zktest runs private ZooKeeper servers for tests: Debian's package
// or any jar it can find, on a free port of the loopback interface, with data
// in the test's temporary directory.
package zktest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patient is how long a server may take to start, on a busy machine.
const patient = 60 * time.Second

// TickTime is the unit of the servers' session timeouts. They grant from
// MinSessionTimeout up to a minute.
const (
	TickTime          = 200 * time.Millisecond
	MinSessionTimeout = time.Second
)

// jars are where a ZooKeeper may be. JUBATUS_TEST_ZOOKEEPER_CLASSPATH names
// another.
var jars = []string{
	"/usr/share/java/zookeeper.jar",
	"/usr/share/zookeeper/lib/zookeeper.jar",
	"/opt/zookeeper/lib/zookeeper.jar",
}

// Server is a ZooKeeper server of one test.
type Server struct {
	dir, classpath string
	port           int
	cmd            *exec.Cmd
	output         *os.File
}

// Start runs a server until the test ends. Without Java or ZooKeeper it skips
// the test, or fails it where JUBATUS_TEST_ALL=1 says that nothing may be
// skipped.
func Start(t testing.TB) *Server {
	t.Helper()
	return StartAt(t, freePort(t))
}

// StartAt is Start for a port of the loopback interface that the test chooses.
func StartAt(t testing.TB, port int) *Server {
	t.Helper()
	classpath, err := find()
	if err != nil {
		if os.Getenv("JUBATUS_TEST_ALL") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	s := &Server{dir: t.TempDir(), classpath: classpath, port: port}
	conf := strings.Join([]string{
		"tickTime=" + strconv.FormatInt(TickTime.Milliseconds(), 10),
		"minSessionTimeout=" + strconv.FormatInt(MinSessionTimeout.Milliseconds(), 10),
		"maxSessionTimeout=60000",
		"dataDir=" + filepath.Join(s.dir, "data"),
		"clientPort=" + strconv.Itoa(s.port),
		"clientPortAddress=127.0.0.1",
		"maxClientCnxns=0",
		"admin.enableServer=false",
		"4lw.commands.whitelist=*",
		"",
	}, "\n")
	if err := os.WriteFile(s.config(), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	s.output, err = os.Create(filepath.Join(s.dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.end()
		s.output.Close()
	})
	s.run(t)
	return s
}

// find returns the class path of an installed ZooKeeper.
func find() (string, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return "", fmt.Errorf("ZooKeeper tests need Java: %w", err)
	}
	if path := os.Getenv("JUBATUS_TEST_ZOOKEEPER_CLASSPATH"); path != "" {
		return path, nil
	}
	for _, jar := range jars {
		if _, err := os.Stat(jar); err == nil {
			return jar, nil
		}
	}
	return "", fmt.Errorf("ZooKeeper tests need ZooKeeper (Debian: apt install zookeeper): no %s", strings.Join(jars, ", "))
}

func freePort(t testing.TB) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Addr is the host:port that clients connect to.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Kill ends the server without warning. It keeps its data.
func (s *Server) Kill(testing.TB) { s.end() }

// Restart starts a killed server again on its data.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.run(t)
}

// Pause stops the server in its tracks, connections open, until Continue.
func (s *Server) Pause(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// Continue lets a paused server go on.
func (s *Server) Continue(t testing.TB) { s.signal(t, syscall.SIGCONT) }

// Ask sends one of ZooKeeper's four-letter words and returns the answer.
func (s *Server) Ask(word string) (string, error) {
	conn, err := net.DialTimeout("tcp", s.Addr(), time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write([]byte(word)); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

func (s *Server) config() string { return filepath.Join(s.dir, "zoo.cfg") }

// run starts the server and waits until it serves.
func (s *Server) run(t testing.TB) {
	t.Helper()
	s.cmd = exec.Command("java",
		"-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", // a small, quickly started JVM
		"-Dzookeeper.forceSync=no", // a killed process loses nothing by it
		"-cp", s.dir+string(os.PathListSeparator)+s.classpath,
		"org.apache.zookeeper.server.quorum.QuorumPeerMain", s.config())
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	s.cmd.SysProcAttr = dieWithParent()
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patient)
	for {
		answer, err := s.Ask("srvr")
		if err == nil && strings.Contains(answer, "Mode:") {
			return
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(s.output.Name())
			t.Fatalf("ZooKeeper does not serve after %v: %q, %v\n%s", patient, answer, err, bytes.TrimSpace(log))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *Server) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if s.cmd == nil {
		t.Fatal("the ZooKeeper server does not run")
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// end kills the server, even a paused one, and waits for it.
func (s *Server) end() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.cmd = nil
}

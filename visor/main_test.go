package visor

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
)

// agentVariable tells the test binary to be an agent, and where.
const agentVariable = "VISOR_TEST_AGENT"

// TestMain makes the test binary what agents make of the real one: a server,
// if it is called like one. Called as an agent it is one that can be killed.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); {
	case name == "jubastat" || name == "jubaweight":
		syscall.Exit(fakeServer(os.Args)) // os.Exit takes its time under the race detector
	case name == "jubavisor":
		os.Exit(agentProcess(os.Getenv(agentVariable)))
	}
	goleak.VerifyTestMain(m)
}

// about is what a fake server tells about itself to whoever connects.
type about struct {
	PID  int
	Args []string
	Env  []string
	Dir  string
	FDs  []string
}

// fakeServer behaves as the name of its cluster says.
func fakeServer(args []string) int {
	value := func(option string) string {
		if i := slices.Index(args, option); i >= 0 {
			return args[i+1]
		}
		return ""
	}
	name := value("-n")
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	fmt.Println("hello from", name)
	switch name {
	case "crash":
		fmt.Fprintln(os.Stderr, "crashing")
		return 3
	case "chatty":
		fmt.Printf("\x1b[31mred\n%s\nno end", strings.Repeat("x", maxLine+5))
	}
	l, err := net.Listen("tcp4", net.JoinHostPort(value("-b"), value("-p")))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	self := about{PID: os.Getpid(), Args: args, Env: os.Environ()}
	self.Dir, _ = os.Getwd()
	entries, _ := filepath.Glob("/proc/self/fd/*")
	for _, entry := range entries {
		if target, err := os.Readlink(entry); err == nil {
			self.FDs = append(self.FDs, target)
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			json.NewEncoder(c).Encode(self)
			c.Close()
		}
	}()
	for {
		<-signals
		if name != "deaf" {
			return 0
		}
	}
}

// settings are what agents in tests differ by.
type settings struct {
	Port             int
	LogDir, StateDir string
}

func (s settings) options() Options {
	return Options{
		Host: "127.0.0.1", Bind: "127.0.0.1", Port: s.Port, HandDown: "127.0.0.1",
		Programs:    map[string]string{"jubastat": "stat", "jubaweight": "weight"},
		Executable:  "/proc/self/exe",
		Where:       []string{"-z", "nowhere:2181"},
		Address:     func(name string) (string, error) { return "", fmt.Errorf("no interface %s", name) },
		Environment: append(os.Environ(), "ZK=elsewhere", "LD_PRELOADED=no", "TZ=Asia/Tokyo"),
		LogDir:      s.LogDir, StateDir: s.StateDir,
		Grace: 5 * time.Second,
	}
}

// agentProcess runs an agent that may be killed.
func agentProcess(setup string) int {
	var s settings
	if err := json.Unmarshal([]byte(setup), &s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	o := s.options()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	fake := coordtest.NewFake()
	o.Open = func(context.Context) (coord.Coordinator, error) { return fake.Open(), nil }
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := New(o).Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// eventually polls until something is true.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	const patience = 10 * time.Second
	for deadline := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

package visor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jubatus/jubatus-go/rpc"
)

// TestNothingElseIsRun asks for everything but servers.
func TestNothingElseIsRun(t *testing.T) {
	m := newMachine(t, settings{})
	mark := filepath.Join(t.TempDir(), "mark")
	program := filepath.Join(t.TempDir(), "jubastat")
	if err := os.WriteFile(program, []byte("#!/bin/sh\ntouch "+mark+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(program))
	t.Setenv("PATH", filepath.Dir(program)+":"+os.Getenv("PATH"))
	for _, target := range []string{
		"", "/", "jubastat/", "/a", " jubastat/a", "jubastat/a b", "jubastat /a", "jubastat\t/a", "jubastat\n/a",
		program + "/a", "./jubastat/a", "../jubastat/a", "/bin/sh", "sh/a", "sh", "touch/" + mark,
		"jubavisor/a", "jubactl/a", "jubastat_proxy/a", "jubatus/a", "Jubastat/a", "jubastat\x00/a", "jubastat;sh/a", "$(sh)/a", "`sh`/a",
		"jubastat/..", "jubastat/.", "jubastat/../../x", "jubastat/a/b", "jubastat/\x00", "jubastat/a\x1b", "jubastat/\xff",
		"jubastat/" + strings.Repeat("n", maxName+1), strings.Repeat("x", 100_000) + "/a",
	} {
		if code := m.call(MethodStart, AppendStart(nil, target, 1, DefaultStartOptions())); code != -1 {
			t.Errorf("%.80q: %d", target, code)
		}
	}
	for name, change := range map[string]func(*StartOptions){
		"an interface that is none":  func(o *StartOptions) { o.BindInterface = "--daemon" },
		"a text that ends early":     func(o *StartOptions) { o.DataDir = "/tmp\x00-x" },
		"a text without end":         func(o *StartOptions) { o.LogConfig = strings.Repeat("x", maxText+1) },
		"a number that is no number": func(o *StartOptions) { o.Threads = -5 },
	} {
		o := DefaultStartOptions()
		change(&o)
		if code := m.call(MethodStart, AppendStart(nil, "jubastat/a", 1, o)); code != -1 {
			t.Errorf("%s: %d", name, code)
		}
	}
	if code := m.call(MethodStart, AppendStart(nil, "jubastat/a", 1<<32-1, DefaultStartOptions())); code != -1 {
		t.Errorf("four billion: %d", code)
	}
	if list := m.list(); len(list) != 0 {
		t.Errorf("%+v", list)
	}

	// What looks like options stays the value of one, and nothing is a shell's.
	o := DefaultStartOptions()
	o.DataDir, o.LogDir, o.Mixer, o.LogConfig = "--daemon", "$(touch "+mark+")", "-x; touch "+mark, "`touch "+mark+"`"
	o.BindAddress, o.ProgramName, o.Type, o.ZooKeeper, o.Daemon = "8.8.8.8", "/bin/sh", "/bin/sh", "evil:2181", true
	if code := m.call(MethodStart, AppendStart(nil, "jubastat/-D", 1, o)); code != 0 {
		t.Fatal(code)
	}
	a := served(t, m.child().Port)
	want := fmt.Sprintf("%q", []string{
		"jubastat", "-z", "nowhere:2181", "-n", "-D", "-p", fmt.Sprint(m.child().Port), "-B", "", "-c", "2", "-t", "10", "-Z", "10", "-I", "10",
		"-d", o.DataDir, "-l", o.LogDir, "-g", o.LogConfig, "-s", "16", "-i", "512", "-x", o.Mixer, "-b", "127.0.0.1",
	})
	if got := fmt.Sprintf("%q", a.Args); got != want {
		t.Errorf("arguments %s\nwant      %s", got, want)
	}
	if _, err := os.Stat(mark); !os.IsNotExist(err) {
		t.Errorf("something was run: %v", err)
	}
}

func TestCallsThatAreNone(t *testing.T) {
	m := newMachine(t, settings{})
	for _, method := range []string{MethodStart, MethodStop, MethodStopServer, MethodRestartServer, MethodList} {
		for _, params := range [][]byte{
			{0xc0}, {0x07}, {0x80}, {0x94, 1, 2, 3, 4}, {0x91, 0xc0}, {0x92, 0xc0, 0xc0}, {0x93, 1, 2, 3},
			{0x93, 0xa1, 'a', 0xff, 0x90}, {0x93, 0xa1, 'a', 1, 0xa0}, {0x93, 0xa1, 'a', 1, 0x91, 0xc0},
		} {
			if _, err := m.client.Call(t.Context(), method, params); !errors.Is(err, rpc.ErrArgument) {
				t.Errorf("%s of % x: %v", method, params, err)
			}
		}
	}
	if _, err := m.client.Call(t.Context(), "shutdown", []byte{0x90}); !errors.Is(err, rpc.ErrMethodNotFound) {
		t.Errorf("an unknown method: %v", err)
	}
}

// TestEverythingAtOnce has several controllers, and servers that die.
func TestEverythingAtOnce(t *testing.T) {
	m := newMachine(t, settings{}, func(a *Agent) { a.plan.backoff = backoff{1, 1, 1, 1, 1} })
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			name := []string{"a", "b", "deafish"}[worker%3]
			for range 25 {
				var err error
				switch random.IntN(5) {
				case 0, 1:
					_, err = m.client.Call(context.Background(), MethodStart,
						AppendStart(nil, "jubastat/"+name, uint32(random.IntN(5)), DefaultStartOptions()))
				case 2:
					_, err = m.client.Call(context.Background(), MethodStop, AppendStop(nil, "jubastat/"+name, 0))
				case 3:
					_, err = m.client.Call(context.Background(), MethodRestartServer,
						AppendServer(nil, fmt.Sprintf("127.0.0.1_%d", m.settings.Port+1+random.IntN(16))))
				default:
					var result []byte
					if result, err = m.client.Call(context.Background(), MethodList, []byte{0x90}); err != nil {
						break
					}
					var children []Child
					if children, err = ReadChildren(result); len(children) > 0 {
						if c := children[random.IntN(len(children))]; c.PID > 0 && !gone(c.PID) {
							syscall.Kill(c.PID, syscall.SIGKILL)
						}
					}
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	seen := map[int]bool{}
	for _, c := range m.list() {
		if seen[c.Port] {
			t.Errorf("two on port %d", c.Port)
		}
		seen[c.Port] = true
	}
	for _, name := range []string{"a", "b", "deafish"} {
		if code := m.stopAll(name); code != 0 {
			t.Errorf("stop %s: %d", name, code)
		}
	}
	if list := m.list(); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	for port := m.settings.Port + 1; port <= m.settings.Port+maxChildren; port++ {
		if !usable("127.0.0.1", port) {
			t.Errorf("port %d is taken", port)
		}
	}
}

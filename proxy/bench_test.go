package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// proxyFor makes the test program a proxy: it names the port of the server
// behind it. proxyThreads is its -c, 4 if unset; of no more use than to see
// what connections to the server cost.
const (
	proxyFor     = "JUBATUS_TEST_PROXY_FOR"
	proxyThreads = "JUBATUS_TEST_PROXY_THREADS"
)

// TestProxyProcess is the proxy of BenchmarkProxyClassify, in a process of
// its own. It tells its address and runs until its input ends.
func TestProxyProcess(t *testing.T) {
	port, err := strconv.Atoi(os.Getenv(proxyFor))
	if err != nil {
		t.Skip("this is for the benchmark")
	}
	threads, err := strconv.Atoi(os.Getenv(proxyThreads))
	if err != nil {
		threads = 4
	}
	view := &fakeView{}
	view.set("classifier", "c", coord.Identity{Host: "127.0.0.1", Port: port})
	svc, _ := service.Lookup("classifier")
	p := New(Options{Service: svc, View: view, Threads: threads, PoolExpire: time.Minute})
	fmt.Println("proxy at", start(t, p))
	io.Copy(io.Discard, os.Stdin)
}

// BenchmarkProxyClassify measures a proxy's CPU time for a call of classify
// of one datum on each of four connections, with a server that answers at
// once: one call at a time, and 16 pipelined. The proxy is a process of its
// own, whose time the system tells; clients and server are not in it. Beside
// it there is the time of a process that does nothing but pass bytes on, on a
// connection to the server for each client: what the system takes.
func BenchmarkProxyClassify(b *testing.B) {
	backend := rpc.NewServer(rpc.Options{})
	result := []byte("\x91\x92\x92\xa1A\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00\x92\xa1B\xcb\x00\x00\x00\x00\x00\x00\x00\x00")
	backend.Handle("classify", func(_ context.Context, _ *rpc.Request, out []byte) ([]byte, error) {
		return append(out, result...), nil
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- backend.Serve(l) }()
	b.Cleanup(func() { backend.Close(); <-ended })
	port := l.Addr().(*net.TCPAddr).Port

	request := mpack.AppendRaw([]byte{0x94, 0, 1}, "classify")
	request = append(request, "\x92\xa1c\x91\x93\x91\x92\xa3txt\xa5hello\x91\x92\xa1x\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\x90"...)
	reply := append([]byte{0x94, 1, 1, 0xc0}, result...)

	for _, run := range []struct {
		name    string
		depth   int
		process string
	}{
		{"passing-bytes-unary", 1, "TestPassingProcess"},
		{"unary", 1, "TestProxyProcess"},
		{"pipelined-16", 16, "TestProxyProcess"},
	} {
		b.Run(run.name, func(b *testing.B) {
			pid, addr := startProcess(b, run.process, port)
			const connections = 4
			calls := func(n int) {
				var wg sync.WaitGroup
				for range connections {
					nc, err := net.Dial("tcp", addr)
					if err != nil {
						b.Fatal(err)
					}
					wg.Go(func() {
						defer nc.Close()
						send := []byte(strings.Repeat(string(request), run.depth))
						got := make([]byte, len(reply)*run.depth)
						r := bufio.NewReaderSize(nc, len(got))
						for range (n + connections*run.depth - 1) / (connections * run.depth) {
							nc.Write(send)
							if _, err := io.ReadFull(r, got); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
			}
			calls(1000)
			user, system := cpuTime(b, pid)
			b.ResetTimer()
			calls(b.N)
			b.StopTimer()
			user2, system2 := cpuTime(b, pid)
			each := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) / float64(b.N) }
			b.ReportMetric(each(user2-user), "user-µs/call")
			b.ReportMetric(each(user2-user+system2-system), "cpu-µs/call")
		})
	}
}

// TestPassingProcess is what BenchmarkProxyClassify compares with.
func TestPassingProcess(t *testing.T) {
	if os.Getenv(proxyFor) == "" {
		t.Skip("this is for the benchmark")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("proxy at", l.Addr())
	var wg sync.WaitGroup
	pass := func(to, from net.Conn) {
		defer to.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			to.Write(buf[:n])
		}
	}
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", "127.0.0.1:"+os.Getenv(proxyFor))
			if err != nil {
				t.Error(err)
				return
			}
			wg.Go(func() { pass(server, client) })
			wg.Go(func() { pass(client, server) })
		}
	})
	io.Copy(io.Discard, os.Stdin)
	l.Close()
	wg.Wait()
}

// startProcess runs a test of this program as a process of its own and
// returns its id and the address that it prints.
func startProcess(b *testing.B, test string, port int) (pid int, addr string) {
	b.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), proxyFor+"="+strconv.Itoa(port))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for addr == "" && lines.Scan() {
		_, addr, _ = strings.Cut(lines.Text(), "proxy at ")
	}
	drained := make(chan struct{})
	go func() {
		io.Copy(io.Discard, out)
		close(drained)
	}()
	b.Cleanup(func() {
		in.Close()
		<-drained
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	if addr == "" {
		b.Fatal("the process tells no address")
	}
	return cmd.Process.Pid, addr
}

// cpuTime is a process's user and system time so far.
func cpuTime(b *testing.B, pid int) (user, system time.Duration) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skip("the system does not tell processes' times")
	}
	// The name, in parentheses, may contain anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	ticks := func(field int) time.Duration {
		n, err := strconv.Atoi(fields[field])
		if err != nil {
			b.Fatal(err)
		}
		return time.Duration(n) * 10 * time.Millisecond
	}
	return ticks(11), ticks(12)
}

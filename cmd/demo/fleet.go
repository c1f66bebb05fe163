package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// fleet is the processes of a cluster. They are this program.
type fleet struct {
	dir     string
	self    string // the program
	cluster string // the address of its coordination
	proxy   string // the proxy's address
	servers []string
	silence *slog.Logger

	processes []*process
}

// process is one of them.
type process struct {
	*exec.Cmd
	log  string
	done chan struct{}
	err  error // how it ended, once done is closed
}

// newFleet chooses ports. One that is kept outlives this process, and perhaps
// its executable, which "go run" removes: it gets a copy.
func newFleet(dir string, keep bool) (*fleet, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own executable: %w", err)
	}
	if keep {
		if self, err = install(self, dir); err != nil {
			return nil, err
		}
	}
	f := &fleet{dir: dir, self: self, silence: slog.New(slog.DiscardHandler)}
	if f.cluster, err = freePair(); err != nil {
		return nil, err
	}
	addrs, err := freeAddrs(1 + servers)
	if err != nil {
		return nil, err
	}
	f.proxy, f.servers = addrs[0], addrs[1:]
	return f, nil
}

// install copies the program into a folder.
func install(program, dir string) (path string, err error) {
	path = filepath.Join(dir, "jubatus")
	from, err := os.Open(program)
	if err != nil {
		return "", fmt.Errorf("copy the program: %w", err)
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return "", fmt.Errorf("copy the program: %w", err)
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err != nil {
		return "", fmt.Errorf("copy the program: %w", err)
	}
	return path, nil
}

// start starts the proxy, which hosts the cluster's coordination as the first
// one there, stores the configuration, and starts the servers.
func (f *fleet) start(ctx context.Context) error {
	if err := f.launch("jubaclassifier_proxy", f.proxy); err != nil {
		return err
	}
	config := filepath.Join(f.dir, "config.json")
	if err := os.WriteFile(config, []byte(configuration), 0o600); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	write := exec.CommandContext(ctx, f.self)
	write.Args = []string{"jubaconfig", "-c", "write", "--cluster", f.cluster, "-t", typ, "-n", name, "-f", config}
	if said, err := write.CombinedOutput(); err != nil {
		return fmt.Errorf("store the configuration: %w\n%s", err, said)
	}
	for _, addr := range f.servers {
		// They share what they learn when they are told to, to show the effect.
		if err := f.launch("jubaclassifier", addr, "-n", name, "-d", f.dir, "-s", "0", "-i", "0"); err != nil {
			return err
		}
	}
	for _, addr := range append([]string{f.proxy}, f.servers...) {
		if err := f.await(ctx, addr); err != nil {
			return err
		}
	}
	return nil
}

// launch starts a program at an address.
func (f *fleet) launch(program, addr string, args ...string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("start %s: %w", program, err)
	}
	p := &process{log: filepath.Join(f.dir, program+"_"+port+".log"), done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return fmt.Errorf("start %s: %w", program, err)
	}
	defer log.Close() // the process has its own
	p.Cmd = &exec.Cmd{
		Path: f.self,
		Args: append([]string{
			program, "-b", host, "-p", port,
			"--cluster", f.cluster, "--coord_dir", filepath.Join(f.dir, "coord"),
		}, args...),
		Dir:    f.dir,
		Stdout: log,
		Stderr: log,
		// A ^C on the terminal is for us, who end the others in order.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := p.Start(); err != nil {
		return fmt.Errorf("start %s: %w", program, err)
	}
	go func() {
		p.err = p.Wait()
		close(p.done)
	}()
	f.processes = append(f.processes, p)
	return nil
}

// await waits until an address answers.
func (f *fleet) await(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", addr)
		if err == nil {
			return conn.Close()
		}
		if err := f.broken(); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s does not answer: %w", addr, err)
		}
		time.Sleep(pause)
	}
}

// broken says which process has ended, if one has.
func (f *fleet) broken() error {
	for _, p := range f.processes {
		select {
		case <-p.done:
			text, _ := os.ReadFile(p.log) // the error is told without it
			return fmt.Errorf("%s has ended: %w\n%s", p.Args[0], p.err, text)
		default:
		}
	}
	return nil
}

// stop ends all processes, the servers first.
func (f *fleet) stop() error {
	var failures []error
	for i := len(f.processes) - 1; i >= 0; i-- {
		p := f.processes[i]
		_ = p.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		select {
		case <-p.done:
		case <-time.After(patience):
			failures = append(failures, fmt.Errorf("%s does not end", p.Args[0]), p.Process.Kill())
			<-p.done
			continue
		}
		if p.err != nil {
			failures = append(failures, fmt.Errorf("stop %s: %w", p.Args[0], p.err))
		}
	}
	return errors.Join(failures...)
}

func (f *fleet) pids() []string {
	var pids []string
	for _, p := range f.processes {
		pids = append(pids, strconv.Itoa(p.Process.Pid))
	}
	return pids
}

// freeAddrs returns addresses of 127.0.0.1 with different free ports.
func freeAddrs(n int) ([]string, error) {
	var addrs []string
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("choose a port: %w", err)
		}
		defer l.Close() // held until all are chosen
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}

// freePair returns an address of 127.0.0.1 whose port and the next are free,
// as a slot of a cluster needs.
func freePair() (string, error) {
	for range 100 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return "", fmt.Errorf("choose a port: %w", err)
		}
		addr := l.Addr().(*net.TCPAddr)
		next, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: addr.IP, Port: addr.Port + 1})
		closed := l.Close()
		if err == nil {
			return addr.String(), errors.Join(closed, next.Close())
		}
	}
	return "", errors.New("no two ports in a row are free")
}

package visor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// watchPeriod is how often a process is looked at where the system cannot tell
// when it ends.
const watchPeriod = 50 * time.Millisecond

// process is a running child: one that we started, or one of an agent before
// us, of which we are not the parent.
type process struct {
	pid   int
	ticks uint64
	own   *exec.Cmd // nil for one of another agent
	sense *sensor   // nil where the system has none
}

// run starts a server. It shares nothing with us but its output: not the
// session, so that what ends us does not end it, and no descriptor.
func run(executable string, s *server, env []string, out *os.File) (*process, error) {
	cmd := &exec.Cmd{
		Path: executable, Args: s.Args, Env: env,
		Stdout: out, Stderr: out,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.label(), err)
	}
	p := &process{pid: cmd.Process.Pid, own: cmd, sense: newSensor(cmd.Process.Pid)}
	// Until we reap it there is nobody else with its id.
	p.ticks, _ = startTicks(p.pid)
	return p, nil
}

// find returns the process that an agent before us started, or nil if it does
// not live any more: somebody else may have its id by now.
func find(c *child) *process {
	pid := c.PID
	if pid == 0 {
		// The agent may have ended between starting it and noting its id.
		pid = search(c.Args)
	}
	if pid <= 0 {
		return nil
	}
	p := &process{pid: pid, sense: newSensor(pid)} // first, so that it is the one we look at
	ticks, err := startTicks(pid)
	if err != nil || c.PID != 0 && ticks != c.Ticks || !runs(pid, c.Args) {
		p.release()
		return nil
	}
	p.ticks = ticks
	return p
}

// wait waits until the process has ended and tells how, or until ctx ends. It
// is called once.
func (p *process) wait(ctx context.Context) (exit, error) {
	if err := p.ended(ctx); err != nil {
		return exit{}, err
	}
	if p.own == nil {
		return exit{text: "ended, of which only its parent knows how"}, nil
	}
	err := p.own.Wait()
	var failed *exec.ExitError
	switch {
	case err == nil:
		return exit{clean: true, text: p.own.ProcessState.String()}, nil
	case errors.As(err, &failed):
		return exit{text: failed.String()}, nil
	default:
		return exit{text: err.Error()}, nil
	}
}

// ended waits until there is nothing to wait for any more.
func (p *process) ended(ctx context.Context) error {
	if p.sense != nil {
		return p.sense.wait(ctx)
	}
	ticker := time.NewTicker(watchPeriod)
	defer ticker.Stop()
	for {
		if !lives(p.pid, p.ticks) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// signal sends a signal. A process that has ended is fine.
func (p *process) signal(s syscall.Signal) error {
	var err error
	switch {
	case p.sense != nil:
		err = p.sense.signal(s)
	case p.own != nil:
		err = p.own.Process.Signal(s)
	case lives(p.pid, p.ticks):
		err = syscall.Kill(p.pid, s)
	}
	if errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// release gives up what we hold of the process, which may go on.
func (p *process) release() {
	if p.sense != nil {
		p.sense.close()
	}
	if p.own != nil {
		p.own.Process.Release() //nolint:errcheck // it only forgets
	}
}

// passed are the variables of the environment that servers get. None of them
// says what to run or where a cluster is.
var passed = []string{
	"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LANGUAGE",
	"GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GODEBUG", "GOTRACEBACK", "GOCOVERDIR",
}

// passedPrefixes are those of further ones.
var passedPrefixes = []string{"XDG_", "LC_"}

// environment picks from an environment what servers get.
func environment(all []string) []string {
	var env []string
	for _, entry := range all {
		name, _, _ := strings.Cut(entry, "=")
		for _, prefix := range passedPrefixes {
			if strings.HasPrefix(name, prefix) {
				env = append(env, entry)
			}
		}
		for _, other := range passed {
			if name == other {
				env = append(env, entry)
			}
		}
	}
	return env
}

package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/jubatus/jubatus-go/cmd/coordination"
	"github.com/jubatus/jubatus-go/cmd/option"
	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/member"
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/visor"
)

const (
	// visorPatience is how long an agent waits for ZooKeeper: it may be
	// started together with the machine, and before ZooKeeper is.
	visorPatience = 1024 * time.Second
	// visorPause is how long it waits before it tries again.
	visorPause = time.Second
)

// Visor is the command of the process agent.
type Visor struct {
	Types          []string // of the servers that this program can be
	Called         string   // how the user called it, for the usage text
	Stdout, Stderr io.Writer
}

// visorSettings is what only the command line of an agent says.
type visorSettings struct {
	leave    *bool
	stateDir *string
}

// declareVisor lists the options in the order of the usage text.
func declareVisor(o *option.Set) (*common, *visorSettings) {
	c, s := &common{}, &visorSettings{}
	c.port = o.Int("rpc-port", 'p', "port number; processes get the next ones", 9198, option.Range(1, 65534))
	c.listenAddr = o.String("listen_addr", 'b', "bind IP address, also of processes", "")
	c.listenIf = o.String("listen_if", 'B', "bind network interface, also of processes", "")
	c.zookeeper = o.String("zookeeper", 'z', "zookeeper location", "")
	c.logDir = o.String("logdir", 'l', "directory to keep the output of processes, a file each (instead of the agent's log)", "")
	c.logConfig = o.String("log_config", 'g', "log4cxx XML configuration file", "")
	o.Int("timeout", 't', "time out (sec); not used", 10, nil)
	c.daemon = o.Bool("daemon", 'd', "launch in daemon mode")
	s.leave = o.Bool("leave-children", 0, "let processes go on when the agent is stopped")
	s.stateDir = o.String("state_dir", 0, "directory to note the processes in", "")
	c.version = o.Bool("version", 'v', "version")
	c.coordination = coordination.Declare(o)
	c.zookeeperTimeout, c.interconnectTimeout = new(int), new(int)
	*c.zookeeperTimeout, *c.interconnectTimeout = 10, 10
	return c, s
}

// visorRun is one execution of the command.
type visorRun struct {
	process
	*visorSettings
	types []string
}

// Run executes the command and returns its exit code.
func (v Visor) Run(args []string) int {
	o := option.New(v.Called)
	all, own := declareVisor(o)
	r := &visorRun{
		process:       newProcess(all, "jubavisor", o, v.Stdout, v.Stderr),
		visorSettings: own, types: v.Types,
	}
	if len(args) == 0 && environment() == (coordination.Environment{}) {
		fmt.Fprint(v.Stderr, o.Usage()) // as for everything that needs an option
		return exitOK
	}
	return r.execute(args, r.check, r.main)
}

// check refuses settings that cannot work and makes all paths absolute.
func (r *visorRun) check() error {
	if err := r.locate(environment(), coordination.Location{}); err != nil {
		return err
	}
	if r.location.IsZero() {
		return misuse(r.options, "need option: --zookeeper or --cluster")
	}
	if err := r.checkCluster(); err != nil {
		return err
	}
	if err := r.settleStateDir(); err != nil {
		return fatal(err)
	}
	return r.checkLogDir()
}

// settleStateDir finds the folder of the agent's state: beside the slots if it
// was said where those are.
func (r *visorRun) settleStateDir() error {
	dir := r.stateDir
	var err error
	switch {
	case *dir != "":
		*dir, err = filepath.Abs(*dir)
	case *r.coordination.Dir != "":
		*dir = filepath.Join(*r.coordination.Dir, "visor")
	default:
		*dir, err = visor.DefaultStateDir()
	}
	return err
}

// main is the agent's work.
func (r *visorRun) main() error {
	if *r.daemon {
		return r.background()
	}
	executable, err := os.Executable()
	if err != nil {
		return fatal(fmt.Errorf("find own executable: %w", err))
	}
	return r.untilSignal(func(ctx context.Context) error { return r.serve(ctx, executable) })
}

// background starts the agent again as a daemon.
func (r *visorRun) background() error {
	args := r.options.Args()
	if *r.leave {
		args = append(args, "--leave-children")
	}
	if *r.logConfig == "" && term.IsTerminal(int(os.Stderr.Fd())) {
		r.logger.Warn("logs will be lost because started in daemon mode without log config specified")
	}
	r.logger.Info(fmt.Sprintf("starting with daemon mode on port %d", *r.port))
	env := []string{pidVariable + "=" + strconv.Itoa(os.Getpid())}
	if err := detach(r.program, args, env); err != nil {
		return fatal(err)
	}
	return nil
}

// where are the options that tell servers where the coordination service is,
// and which part of it they may host when the agent does not.
func (r *visorRun) where() []string {
	if r.location.Cluster == "" {
		return []string{"-z", r.location.ZooKeeper}
	}
	args := []string{"--cluster", r.location.Cluster}
	if dir := *r.coordination.Dir; dir != "" {
		args = append(args, "--coord_dir", dir)
	}
	if slot := *r.coordination.Slot; slot != "" {
		args = append(args, "--coord_slot", slot)
	}
	return args
}

// openPatiently connects to the coordination service, which may be started
// later than the agent. failed is told if it turns out that the agent has the
// wrong list.
func (r *visorRun) openPatiently(ctx context.Context, failed func(error)) (coord.Coordinator, error) {
	deadline := time.Now().Add(visorPatience)
	for {
		c, err := coordination.Open(ctx, coordination.Options{
			Location:       r.location,
			Dir:            *r.coordination.Dir,
			Slot:           *r.coordination.Slot,
			Host:           true,
			SessionTimeout: time.Duration(*r.zookeeperTimeout) * time.Second,
			Failed:         func(err error) { failed(err); r.broken <- err },
			Log:            r.logger,
		})
		var other *member.DisagreementError
		switch {
		case err == nil || ctx.Err() != nil:
			return c, err
		case errors.As(err, &other):
			return nil, err
		case time.Now().After(deadline):
			e := config.RuntimeError(fmt.Sprintf("cannot connect zk in %d sec: %s", int(visorPatience.Seconds()), r.location))
			e.Messages = []string{err.Error()}
			return nil, errors.New(e.Diagnostic())
		}
		r.logger.Warn("cannot connect yet: " + err.Error())
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(visorPause):
		}
	}
}

// serve runs the agent until ctx ends.
func (r *visorRun) serve(ctx context.Context, executable string) error {
	programs := make(map[string]string, len(r.types))
	for _, typ := range r.types {
		programs["juba"+typ] = typ
	}
	handDown := ""
	if r.bind != "0.0.0.0" {
		handDown = r.bind
	}
	o := visor.Options{
		Host: r.addr, Bind: r.bind, Port: *r.port,

		Programs:    programs,
		Executable:  executable,
		Where:       r.where(),
		HandDown:    handDown,
		Address:     interfaceAddr,
		Environment: os.Environ(),

		LogDir:   *r.logDir,
		StateDir: *r.stateDir,
		Log:      r.logger,
	}
	var agent *visor.Agent
	o.Open = func(ctx context.Context) (coord.Coordinator, error) {
		// A list that others disagree with is no reason to end the servers.
		return r.openPatiently(ctx, func(error) { agent.LeaveChildren() })
	}
	agent = visor.New(o)
	if *r.leave {
		agent.LeaveChildren()
	}
	r.logger.Info(fmt.Sprintf(" starting with interactive mode on port %d", *r.port))
	r.logger.Info("servers that can be started: " + strings.Join(slices.Sorted(maps.Keys(programs)), " "))
	err := agent.Run(ctx)
	var failed *visor.StartError
	if errors.As(err, &failed) {
		r.logger.Error(failed.Message)
		return &refusal{code: exitEarly}
	}
	return err
}

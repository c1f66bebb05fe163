// Package jubactl is the tool of that name: it starts, stops and restarts the
// servers of clusters through the process agents of their machines, lets them
// save and load, and tells who is there.
//
// Results go to standard output, where scripts read them, and log lines, which
// say why something failed, to standard error.
package jubactl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jubatus/jubatus-go/cmd/coordination"
	"github.com/jubatus/jubatus-go/cmd/logging"
	"github.com/jubatus/jubatus-go/cmd/option"
	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/visor/control"
)

const (
	// sessionTimeout is also how long the tool tries to connect.
	sessionTimeout = 10 * time.Second
	// callTimeout is for calls that are answered at once.
	callTimeout = 10 * time.Second
)

// Exit codes. The original has 0 for nearly everything.
const (
	exitFailure = 1
	exitNobody  = 255 // no agent to start or stop anything
)

// Tool is the command.
type Tool struct {
	Called         string // how the user called it, for the usage text
	Stdout, Stderr io.Writer

	// Open connects to the coordination service; nil: as the location says.
	Open func(ctx context.Context, l coordination.Location) (coord.Coordinator, error)
}

// run is one execution.
type run struct {
	Tool
	*settings
	options  *option.Set
	location coordination.Location
	logger   *slog.Logger
}

// Run executes the command and returns its exit code. A signal ends it.
func (t Tool) Run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	o, s, err := parse(t.Called, args)
	r := &run{Tool: t, settings: s, options: o, logger: logging.New(t.Stderr).Logger()}
	switch {
	case errors.Is(err, option.ErrHelp):
		fmt.Fprint(t.Stderr, o.Usage())
		return 0
	case err != nil:
		fmt.Fprintf(t.Stderr, "%v\n%s", err, o.Usage())
		return exitFailure
	}
	if r.Open == nil {
		r.Open = r.connect
	}
	if text := r.incomplete(); text != "" {
		return r.misuse(text)
	}
	r.location, err = coordination.Locate(
		coordination.Location{ZooKeeper: *r.zookeeper, Cluster: *r.coordination.Cluster},
		coordination.Environment{
			Cluster:   os.Getenv(coordination.ClusterVariable),
			ZooKeeper: os.Getenv(coordination.ZooKeeperVariable),
		}, coordination.Location{})
	if err != nil {
		return r.misuse(err.Error())
	}
	if r.location.IsZero() {
		return r.misuse("can't get ZK location: set 'ZK' environment or specify '-z <somezkaddrs>\n" +
			"(or 'JUBATUS_CLUSTER' or '--cluster <nodes>' for a cluster without ZooKeeper)")
	}
	return r.end(commands[*r.command].do(r, ctx))
}

// end tells of an error that has not been told and returns the exit code.
func (r *run) end(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, control.ErrNobody):
		return commands[*r.command].nobody
	case errors.Is(err, control.ErrFailed):
		return exitFailure
	}
	var e *config.Error
	if !errors.As(err, &e) {
		e = config.RuntimeError(err.Error())
	}
	fmt.Fprintf(r.Stdout, "%s\n\n", e.Diagnostic())
	return exitFailure
}

// misuse tells what is wrong with the command line.
func (r *run) misuse(text string) int {
	fmt.Fprintf(r.Stdout, "%s\n%s\n", text, r.options.Usage())
	return exitFailure
}

// incomplete says what is wrong with the command line, if anything.
func (r *run) incomplete() string {
	c, ok := commands[*r.command]
	switch {
	case !ok:
		return "unknown cmd: " + *r.command
	case *r.serverID != "" && *r.command != "stop":
		return "server-id is for stop"
	case *r.serverID != "":
		if _, err := coord.ParseIdentity(*r.serverID); err != nil {
			return "server-id: " + err.Error()
		}
	case *r.format != formatText && !c.listing:
		return "only listings have a format: status, list and members"
	}
	if c.cluster && *r.serverID == "" && (!coord.ValidName(*r.typ) || !coord.ValidName(*r.name)) {
		return fmt.Sprintf("type and name can neither be empty nor hold a slash\ntype: %s name: %s", *r.typ, *r.name)
	}
	return ""
}

// connect is the real Open.
func (r *run) connect(ctx context.Context, l coordination.Location) (coord.Coordinator, error) {
	c, err := coordination.Open(ctx, coordination.Options{
		Location: l, SessionTimeout: sessionTimeout,
		// Of the connection only trouble is of interest here.
		Log: slog.New(atLeast{r.logger.Handler(), slog.LevelWarn}),
	})
	if err != nil {
		e := config.RuntimeError(fmt.Sprintf("cannot connect zk in %d sec: %s", int(sessionTimeout.Seconds()), l))
		e.Messages = []string{err.Error()}
		return nil, e
	}
	return c, nil
}

// atLeast drops lines below a level.
type atLeast struct {
	slog.Handler
	level slog.Level
}

// Enabled implements slog.Handler.
func (h atLeast) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.level && h.Handler.Enabled(ctx, level)
}

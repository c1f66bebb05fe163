// Package jubaconfig is the tool of that name: it puts the configurations of
// clusters into the coordination service and gets them out again.
//
// What was asked for goes to standard output and nothing else does, so that
// "jubaconfig -c read" can be redirected into a file. What the tool has to say
// about it goes to standard error as log lines, errors to standard output as
// they ever did, where scripts look for them.
package jubaconfig

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
)

// sessionTimeout is also how long the tool tries to connect.
const sessionTimeout = 10 * time.Second

// Tool is the command.
type Tool struct {
	Called         string // how the user called it, for the usage text
	Stdout, Stderr io.Writer

	// Open connects to the coordination service; nil: as the location says.
	Open func(ctx context.Context, l coordination.Location) (coord.Coordinator, error)
}

// settings is what the command line says.
type settings struct {
	command, file, typ, name, zookeeper *string
	coordination                        *coordination.Flags
}

// run is one execution.
type run struct {
	Tool
	*settings
	options *option.Set
	logger  *slog.Logger
}

// Run executes the command and returns its exit code. A signal ends it, which
// gives its locks back.
func (t Tool) Run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	o := option.New(t.Called)
	r := &run{Tool: t, settings: declare(o), options: o, logger: logging.New(t.Stderr).Logger()}
	switch err := o.Parse(args); {
	case errors.Is(err, option.ErrHelp):
		fmt.Fprint(t.Stderr, o.Usage())
		return 0
	case err != nil:
		fmt.Fprintf(t.Stderr, "%v\n%s", err, o.Usage())
		return 1
	}
	if r.Open == nil {
		r.Open = r.connect
	}
	location, err := coordination.Locate(
		coordination.Location{ZooKeeper: *r.zookeeper, Cluster: *r.coordination.Cluster},
		coordination.Environment{
			Cluster:   os.Getenv(coordination.ClusterVariable),
			ZooKeeper: os.Getenv(coordination.ZooKeeperVariable),
		}, coordination.Location{})
	if err != nil {
		return r.misuse(err.Error())
	}
	if location.IsZero() {
		return r.misuse("can't get ZK location: set 'ZK' environment or specify '-z <somezkaddrs>\n" +
			"(or 'JUBATUS_CLUSTER' or '--cluster <nodes>' for a cluster without ZooKeeper)")
	}
	if text := r.incomplete(); text != "" {
		return r.misuse(text)
	}
	if err := r.execute(ctx, location); err != nil {
		var e *config.Error
		if !errors.As(err, &e) {
			e = config.RuntimeError(err.Error())
		}
		fmt.Fprintf(t.Stdout, "%s\n\n", e.Diagnostic())
		return 1
	}
	return 0
}

// declare lists the options in the order of the usage text.
func declare(o *option.Set) *settings {
	s := &settings{
		command:   o.Required("cmd", 'c', "command to operate config (write|read|delete|list)"),
		file:      o.String("file", 'f', "[write] config file to set", ""),
		typ:       o.String("type", 't', "[write|read|delete] learning machine type", ""),
		name:      o.String("name", 'n', "[write|read|delete] learning machine name", ""),
		zookeeper: o.String("zookeeper", 'z', "ZooKeeper location environment: 'ZK' is available instead", ""),
	}
	o.Bool("debug", 'd', "debug mode (obsolete)")
	s.coordination = coordination.DeclareClient(o)
	return s
}

// misuse tells what is wrong with the command line.
func (r *run) misuse(text string) int {
	fmt.Fprintf(r.Stdout, "%s\n%s\n", text, r.options.Usage())
	return 1
}

// incomplete says what the command line lacks.
func (r *run) incomplete() string {
	switch *r.command {
	case "write", "read", "delete":
		if *r.typ == "" || *r.name == "" {
			return fmt.Sprintf("can't excute %s without type and name specified\ntype: %s name: %s", *r.command, *r.typ, *r.name)
		}
		if !coord.ValidName(*r.typ) || !coord.ValidName(*r.name) {
			return fmt.Sprintf("neither type nor name can hold a slash\ntype: %s name: %s", *r.typ, *r.name)
		}
		return ""
	case "list":
		return ""
	default:
		return "unknown cmd: " + *r.command
	}
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

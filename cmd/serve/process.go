package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/term"

	"github.com/jubatus/jubatus-go/cmd/coordination"
	"github.com/jubatus/jubatus-go/cmd/logging"
	"github.com/jubatus/jubatus-go/cmd/option"
	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner"
	"github.com/jubatus/jubatus-go/learner/config"
)

// common is what the command lines of servers and proxies both say, and what
// follows from it.
type common struct {
	port                 *int
	listenAddr, listenIf *string
	logDir, logConfig    *string
	daemon               *bool
	zookeeper            *string
	zookeeperTimeout     *int
	interconnectTimeout  *int
	version              *bool
	coordination         *coordination.Flags

	addr     string // what the process calls itself, without the port
	bind     string // the address it listens on
	location coordination.Location
}

// process is one execution of a command that runs until it is stopped.
type process struct {
	*common
	program        string
	options        *option.Set
	stdout, stderr io.Writer
	log            *logging.Log
	logger         *slog.Logger
	broken         chan error // why the process must not go on; has room for it
}

func newProcess(c *common, program string, o *option.Set, stdout, stderr io.Writer) process {
	return process{common: c, program: program, options: o, stdout: stdout, stderr: stderr, broken: make(chan error, 1)}
}

// execute is the life of a process from its command line to its exit code.
// check refuses settings that cannot work, work does what the process is for.
func (p *process) execute(args []string, check, work func() error) int {
	switch err := p.options.Parse(args); {
	case errors.Is(err, option.ErrHelp):
		fmt.Fprint(p.stderr, p.options.Usage())
		return exitOK
	case err != nil:
		fmt.Fprintf(p.stderr, "%v\n%s", err, p.options.Usage())
		return exitFailure
	case *p.version:
		fmt.Fprintf(p.stdout, "jubatus-%s (%s)\n", Version, p.program)
		return exitOK
	}
	err := p.identify()
	if err == nil {
		err = p.openLog()
	}
	if err == nil {
		err = check()
	}
	if err == nil {
		err = work()
	}
	return p.end(err)
}

// end tells why the process does not run any more and returns the exit code.
func (p *process) end(err error) int {
	code := exitOK
	var refused *refusal
	var exit *learner.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit): // the node has logged it
		code = exit.Code
	case errors.As(err, &refused):
		code = refused.code
		if refused.fatal {
			p.logger.Log(context.Background(), learner.LevelFatal, refused.text)
		} else {
			fmt.Fprint(p.stderr, refused.text)
		}
	default:
		code = exitFailure
		p.logger.Log(context.Background(), learner.LevelFatal, "error in main thread: "+err.Error())
	}
	if p.log != nil {
		if err := p.log.Close(); err != nil {
			fmt.Fprintln(p.stderr, err)
		}
	}
	return code
}

// openLog starts the log, on stdout if no configuration says otherwise.
func (p *process) openLog() error {
	if *p.logConfig == "" {
		p.log = logging.New(p.stdout)
		p.logger = p.log.Logger()
		return nil
	}
	if err := resolve(p.logConfig); err != nil {
		return early(err)
	}
	var err error
	switch p.log, err = logging.Open(*p.logConfig, p.logVariable); {
	case errors.Is(err, logging.ErrEmpty):
		return early(&located{err: config.RuntimeError(logging.ErrEmpty.Error()), file: *p.logConfig})
	case err != nil:
		return &refusal{text: logging.ErrNoAppender.Error() + "\n" + err.Error() + "\n", code: exitFailure}
	}
	p.logger = p.log.Logger()
	return nil
}

// pidVariable hands the first process's id to the one that detach starts.
const pidVariable = "JUBATUS_PID"

// logVariable is what ${NAME} stands for in a log configuration.
func (p *process) logVariable(name string) string {
	switch name {
	case pidVariable:
		if pid := os.Getenv(pidVariable); pid != "" {
			return pid
		}
		return strconv.Itoa(os.Getpid())
	case "JUBATUS_PROCESS":
		return p.program
	case "JUBATUS_HOST":
		return p.addr
	case "JUBATUS_PORT":
		return strconv.Itoa(*p.port)
	default:
		return os.Getenv(name)
	}
}

// background starts the process again as a daemon.
func (p *process) background() error {
	if *p.logConfig == "" && term.IsTerminal(int(os.Stderr.Fd())) {
		p.logger.Warn("server logs will be lost because started in daemon mode without log config specified")
	}
	env := []string{pidVariable + "=" + strconv.Itoa(os.Getpid())}
	if err := detach(p.program, p.options.Args(), env); err != nil {
		return fatal(err)
	}
	return nil
}

// untilSignal runs the work until a signal ends it.
func (p *process) untilSignal(work func(context.Context) error) error {
	return untilSignal(work, p.broken, p.log, p.logger, *p.logConfig)
}

// locate settles where the coordination service is.
func (p *process) locate(env coordination.Environment, fallback coordination.Location) error {
	given := coordination.Location{Cluster: *p.coordination.Cluster}
	if p.options.Given("zookeeper") {
		given.ZooKeeper = *p.zookeeper
	}
	location, err := coordination.Locate(given, env, fallback)
	if err != nil {
		return misuse(p.options, err.Error())
	}
	p.location = location
	if dir := p.coordination.Dir; *dir != "" {
		// The folder need not exist yet, so there may be no real path.
		if *dir, err = filepath.Abs(*dir); err != nil {
			return fatal(err)
		}
	}
	return nil
}

// checkCluster refuses settings that do not work in a cluster.
func (p *process) checkCluster() error {
	self := coord.Identity{Host: p.addr, Port: *p.port}
	switch parsed, err := coord.ParseIdentity(self.String()); {
	case *p.zookeeperTimeout < 1:
		return misuse(p.options, "can't start with zookeeper_timeout less than 1")
	case *p.interconnectTimeout < 1:
		return misuse(p.options, "can't start with interconnect_timeout less than 1")
	case err != nil || parsed != self || net.ParseIP(p.addr).IsUnspecified():
		return misuse(p.options, "can't register the address "+p.addr+
			": say by listen_addr or listen_if where others reach this process")
	}
	return nil
}

// environment is what the environment says about the cluster.
func environment() coordination.Environment {
	return coordination.Environment{
		Cluster:   os.Getenv(coordination.ClusterVariable),
		ZooKeeper: os.Getenv(coordination.ZooKeeperVariable),
	}
}

// open connects to the coordination service. As a host the process may become
// a part of it.
func (p *process) open(ctx context.Context, host bool) (coord.Coordinator, error) {
	return coordination.Open(ctx, coordination.Options{
		Location:       p.location,
		Dir:            *p.coordination.Dir,
		Slot:           *p.coordination.Slot,
		Host:           host,
		SessionTimeout: time.Duration(*p.zookeeperTimeout) * time.Second,
		Failed:         func(err error) { p.broken <- err },
		Log:            p.logger,
	})
}

// checkLogDir refuses a folder for logs that nothing can be written to.
func (p *process) checkLogDir() error {
	if err := resolve(p.logDir); err != nil {
		return fatal(err)
	}
	if err := writable(*p.logDir); err != nil {
		return &refusal{text: "can't write to the ZooKeeper log directory: " + err.Error() + "\n", code: exitFailure}
	}
	return nil
}

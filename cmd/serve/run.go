package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"time"

	"golang.org/x/term"

	"github.com/jubatus/jubatus-go/cmd/logging"
	"github.com/jubatus/jubatus-go/cmd/option"
	"github.com/jubatus/jubatus-go/learner"
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
)

// Version is the version of the original that the servers are.
const Version = "1.1.1"

// Server is the command of one type of server.
type Server struct {
	Type           string // of the service
	Factory        engine.Factory
	Called         string // how the user called it, for the usage text
	Stdout, Stderr io.Writer
}

// run is one execution of the command.
type run struct {
	Server
	*settings
	program string
	options *option.Set
	log     *logging.Log
	logger  *slog.Logger
}

// Run executes the command and returns its exit code.
func (s Server) Run(args []string) int {
	o := option.New(s.Called)
	r := &run{Server: s, settings: declare(o), options: o, program: "juba" + s.Type}
	switch err := o.Parse(args); {
	case errors.Is(err, option.ErrHelp):
		fmt.Fprint(s.Stderr, o.Usage())
		return exitOK
	case err != nil:
		fmt.Fprintf(s.Stderr, "%v\n%s", err, o.Usage())
		return exitFailure
	case *r.version:
		fmt.Fprintf(s.Stdout, "jubatus-%s (%s)\n", Version, r.program)
		return exitOK
	}
	err := r.prepare()
	if err == nil {
		err = r.main()
	}
	return r.end(err)
}

// end tells why the server does not run any more and returns the exit code.
func (r *run) end(err error) int {
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
			r.logger.Log(context.Background(), learner.LevelFatal, refused.text)
		} else {
			fmt.Fprint(r.Stderr, refused.text)
		}
	default:
		code = exitFailure
		r.logger.Log(context.Background(), learner.LevelFatal, "error in main thread: "+err.Error())
	}
	if r.log != nil {
		if err := r.log.Close(); err != nil {
			fmt.Fprintln(r.Stderr, err)
		}
	}
	return code
}

// prepare does everything that comes before the server's work begins.
func (r *run) prepare() error {
	if err := r.identify(); err != nil {
		return err
	}
	if err := r.openLog(); err != nil {
		return err
	}
	return r.check(r.options)
}

// openLog starts the log, on stdout if no configuration says otherwise.
func (r *run) openLog() error {
	if *r.logConfig == "" {
		r.log = logging.New(r.Stdout)
		r.logger = r.log.Logger()
		return nil
	}
	if err := resolve(r.logConfig); err != nil {
		return early(err)
	}
	var err error
	switch r.log, err = logging.Open(*r.logConfig, r.logVariable); {
	case errors.Is(err, logging.ErrEmpty):
		return early(&located{err: config.RuntimeError(logging.ErrEmpty.Error()), file: *r.logConfig})
	case err != nil:
		return &refusal{text: logging.ErrNoAppender.Error() + "\n" + err.Error() + "\n", code: exitFailure}
	}
	r.logger = r.log.Logger()
	return nil
}

// pidVariable hands the first process's id to the one that detach starts.
const pidVariable = "JUBATUS_PID"

// logVariable is what ${NAME} stands for in a log configuration.
func (r *run) logVariable(name string) string {
	switch name {
	case pidVariable:
		if pid := os.Getenv(pidVariable); pid != "" {
			return pid
		}
		return strconv.Itoa(os.Getpid())
	case "JUBATUS_PROCESS":
		return r.program
	case "JUBATUS_HOST":
		return r.addr
	case "JUBATUS_PORT":
		return strconv.Itoa(*r.port)
	default:
		return os.Getenv(name)
	}
}

// main is the server's work.
func (r *run) main() error {
	switch {
	case *r.configTest:
		return r.test()
	case *r.daemon:
		return r.background()
	default:
		return r.serve()
	}
}

// test goes as far as the configuration.
func (r *run) test() error {
	if err := r.checkMixer(); err != nil {
		return &refusal{text: "Configuration error:\n" + diagnostic(err) + "\n", code: exitFailure}
	}
	n, err := r.node()
	if err != nil {
		return fatal(err)
	}
	return n.Test(context.Background(), r.Stderr)
}

// serve answers calls until a signal ends it.
func (r *run) serve() error {
	if err := r.checkMixer(); err != nil {
		return fatal(err)
	}
	n, err := r.node()
	if err != nil {
		return fatal(err)
	}
	return untilSignal(n.Run, r.log, r.logger, *r.logConfig)
}

// node makes the node that the settings describe.
func (r *run) node() (*learner.Node, error) {
	return learner.New(learner.Options{
		Type:    r.Type,
		Program: r.program,
		Version: Version,

		Addr: r.addr,
		Bind: r.bind,
		Port: *r.port,

		Threads: *r.threads,
		Timeout: time.Duration(*r.timeout) * time.Second,

		DataDir:    *r.dataDir,
		LogDir:     *r.logDir,
		LogConfig:  *r.logConfig,
		ConfigPath: *r.configPath,
		ModelPath:  *r.modelPath,

		Coordinator:         *r.zookeeper,
		Name:                *r.name,
		Mixer:               *r.mixer,
		IntervalSec:         *r.intervalSec,
		IntervalCount:       *r.intervalCount,
		ZooKeeperTimeout:    *r.zookeeperTimeout,
		InterconnectTimeout: *r.interconnectTimeout,

		Log: r.logger,
	}, r.Factory)
}

// background starts the server again as a daemon.
func (r *run) background() error {
	if *r.logConfig == "" && term.IsTerminal(int(os.Stderr.Fd())) {
		r.logger.Warn("server logs will be lost because started in daemon mode without log config specified")
	}
	env := []string{pidVariable + "=" + strconv.Itoa(os.Getpid())}
	if err := detach(r.program, r.options.Args(), env); err != nil {
		return fatal(err)
	}
	return nil
}

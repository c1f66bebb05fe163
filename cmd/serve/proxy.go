package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/jubatus/jubatus-go/cmd/coordination"
	"github.com/jubatus/jubatus-go/cmd/option"
	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/proxy"
)

// Proxy is the command of the proxy for one type of server.
type Proxy struct {
	Service        *service.Service
	Called         string // how the user called it, for the usage text
	Stdout, Stderr io.Writer
}

// proxySettings is what only the command line of a proxy says.
type proxySettings struct {
	threads, timeout     *int
	poolExpire, poolSize *int
}

// declareProxy lists the options in the order of the usage text.
func declareProxy(o *option.Set) (*common, *proxySettings) {
	c, s := &common{}, &proxySettings{}
	c.port = o.Int("rpc-port", 'p', "port number", 9199, option.Range(1, 65535))
	c.listenAddr = o.String("listen_addr", 'b', "bind IP address", "")
	c.listenIf = o.String("listen_if", 'B', "bind network interfance", "")
	s.threads = o.Int("thread", 'c', "concurrency = thread number", 4, option.Min(1))
	s.timeout = o.Int("timeout", 't', "time out (sec)", 10, option.Min(0))
	c.zookeeperTimeout = o.Int("zookeeper_timeout", 'Z', "zookeeper time out (sec)", 10, nil)
	c.interconnectTimeout = o.Int("interconnect_timeout", 'I', "interconnect time out between servers (sec)", 10, nil)
	c.daemon = o.Bool("daemon", 'D', "launch in daemon mode")
	c.zookeeper = o.String("zookeeper", 'z', "zookeeper location", coordination.DefaultZooKeeper)
	s.poolExpire = o.Int("pool_expire", 'E', "session-pool expire time (sec)", 60, option.Min(0))
	s.poolSize = o.Int("pool_size", 'S', "session-pool maximum size", 0, option.Min(0))
	c.logDir = o.String("logdir", 'l', "directory to output ZooKeeper logs (instead of stderr)", "")
	c.logConfig = o.String("log_config", 'g', "log4cxx XML configuration file", "")
	c.version = o.Bool("version", 'v', "version")
	c.coordination = coordination.Declare(o)
	return c, s
}

// proxyRun is one execution of the command.
type proxyRun struct {
	process
	*proxySettings
	service *service.Service
}

// Run executes the command and returns its exit code.
func (p Proxy) Run(args []string) int {
	o := option.New(p.Called)
	all, own := declareProxy(o)
	r := &proxyRun{
		process:       newProcess(all, "juba"+p.Service.Type+"_proxy", o, p.Stdout, p.Stderr),
		proxySettings: own, service: p.Service,
	}
	return r.execute(args, r.check, r.main)
}

// check refuses settings that cannot work and makes all paths absolute.
func (r *proxyRun) check() error {
	if err := r.locate(environment(), coordination.Location{ZooKeeper: coordination.DefaultZooKeeper}); err != nil {
		return err
	}
	if err := r.checkCluster(); err != nil {
		return err
	}
	return r.checkLogDir()
}

// main is the proxy's work.
func (r *proxyRun) main() error {
	if *r.daemon {
		return r.background()
	}
	r.boot()
	return r.untilSignal(r.serve)
}

// boot tells the log who starts.
func (r *proxyRun) boot() {
	name := strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	var b strings.Builder
	fmt.Fprintf(&b, "starting %s %s RPC server at %s:%d", r.program, Version, r.addr, *r.port)
	for _, line := range []struct {
		name  string
		value any
	}{
		{"pid", os.Getpid()},
		{"user", name},
		{"timeout", *r.timeout},
		{"zookeeper timeout", *r.zookeeperTimeout},
		{"interconnect timeout", *r.interconnectTimeout},
		{"thread", *r.threads},
		{"logdir", *r.logDir},
		{"log config", *r.logConfig},
		{"zookeeper", r.location},
		{"pool expire", *r.poolExpire},
		{"pool size", *r.poolSize},
	} {
		fmt.Fprintf(&b, "\n    %-21s: %v", line.name, line.value)
	}
	r.logger.Info(b.String())
}

// serve answers calls until ctx ends.
func (r *proxyRun) serve(ctx context.Context) (err error) {
	coordinator, err := r.open(ctx, true)
	if ctx.Err() != nil {
		return &refusal{code: exitFailure} // stopped while it started
	}
	if err != nil {
		e := config.RuntimeError(fmt.Sprintf("cannot connect zk in %d sec: %s", *r.zookeeperTimeout, r.location))
		e.Messages = []string{err.Error()}
		return r.failed(e)
	}
	defer func() {
		if closing := coordinator.Close(); closing != nil {
			r.logger.Warn("the session was not closed: " + closing.Error())
		}
	}()
	if err := coord.Prepare(ctx, coordinator, r.service.Type, ""); err != nil {
		return r.failed(err)
	}
	view := coord.NewView(coordinator, r.logger)
	defer view.Close()
	p := proxy.New(proxy.Options{
		Service: r.service,
		View:    view,

		Program: r.program,
		Version: Version,

		Addr: r.addr,
		Bind: r.bind,
		Port: *r.port,

		Threads:             *r.threads,
		Timeout:             time.Duration(*r.timeout) * time.Second,
		InterconnectTimeout: time.Duration(*r.interconnectTimeout) * time.Second,
		PoolExpire:          time.Duration(*r.poolExpire) * time.Second,
		PoolSize:            *r.poolSize,

		LogDir:           *r.logDir,
		LogConfig:        *r.logConfig,
		ZooKeeper:        r.location.String(),
		ZooKeeperTimeout: *r.zookeeperTimeout,

		Coordinator: coordinator,
		Log:         r.logger,
	})
	var failed *proxy.StartError
	err = p.Run(ctx)
	if errors.As(err, &failed) {
		return &refusal{text: failed.Message, code: exitFailure, fatal: true}
	}
	return err
}

// failed is err as the log tells it.
func (r *proxyRun) failed(err error) error {
	if err == nil {
		return nil
	}
	return &refusal{text: "exception in proxy main thread: " + diagnostic(err), code: exitFailure, fatal: true}
}

package serve

import (
	"context"
	"io"
	"time"

	"github.com/jubatus/jubatus-go/cmd/coordination"
	"github.com/jubatus/jubatus-go/cmd/option"
	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner"
	"github.com/jubatus/jubatus-go/learner/cluster"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/mix"
)

// Version is the version of the original that the servers are.
const Version = "1.1.1"

// farewell is how long a server that leaves its cluster may take beside its
// last MIX: to be forgotten by proxies, and to finish what it was sent.
const farewell = 3 * time.Second

// Server is the command of one type of server.
type Server struct {
	Type           string // of the service
	Factory        engine.Factory
	Called         string // how the user called it, for the usage text
	Stdout, Stderr io.Writer
}

// run is one execution of the command.
type run struct {
	process
	*settings
	typ     string
	factory engine.Factory
}

// Run executes the command and returns its exit code.
func (s Server) Run(args []string) int {
	o := option.New(s.Called)
	all, own := declare(o)
	r := &run{
		process:  newProcess(all, "juba"+s.Type, o, s.Stdout, s.Stderr),
		settings: own, typ: s.Type, factory: s.Factory,
	}
	return r.execute(args, r.check, r.main)
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
	if err := mix.Known(*r.mixer); err != nil {
		return &refusal{text: "Configuration error:\n" + diagnostic(err) + "\n", code: exitFailure}
	}
	n, err := r.node()
	if err != nil {
		return fatal(err)
	}
	return n.Test(context.Background(), r.stderr)
}

// serve answers calls until a signal ends it.
func (r *run) serve() error {
	if err := mix.Known(*r.mixer); err != nil {
		return fatal(err)
	}
	n, err := r.node()
	if err != nil {
		return fatal(err)
	}
	return r.untilSignal(n.Run)
}

// node makes the node that the settings describe.
func (r *run) node() (*learner.Node, error) {
	o := learner.Options{
		Type:    r.typ,
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

		Coordinator:         r.location.String(),
		Name:                *r.name,
		Mixer:               *r.mixer,
		IntervalSec:         *r.intervalSec,
		IntervalCount:       *r.intervalCount,
		ZooKeeperTimeout:    *r.zookeeperTimeout,
		InterconnectTimeout: *r.interconnectTimeout,

		Log: r.logger,
	}
	if !r.location.IsZero() {
		c, err := r.cluster()
		if err != nil {
			return nil, err
		}
		o.Cluster = c
	}
	return learner.New(o, r.factory)
}

// cluster makes the node's place in its cluster.
func (r *run) cluster() (*cluster.Cluster, error) {
	return cluster.New(cluster.Options{
		Type: r.typ,
		Name: *r.name,
		Self: coord.Identity{Host: r.addr, Port: *r.port},

		// A test looks at the cluster and is no part of it.
		Open:           func(ctx context.Context) (coord.Coordinator, error) { return r.open(ctx, !*r.configTest) },
		Hosts:          r.location.String(),
		SessionTimeout: *r.zookeeperTimeout,

		Mixer:               *r.mixer,
		IntervalSec:         *r.intervalSec,
		IntervalCount:       *r.intervalCount,
		InterconnectTimeout: *r.interconnectTimeout,
		Farewell:            farewell + time.Duration(*r.interconnectTimeout)*time.Second,

		Log: r.logger,
	})
}

// check refuses settings that cannot work and makes all paths absolute. It
// comes after identify and after the log has been opened.
func (r *run) check() error {
	ownModel := *r.configPath != "" || *r.modelPath != ""
	env := coordination.ServerEnvironment(environment(), *r.name, ownModel)
	if err := r.locate(env, coordination.Location{}); err != nil {
		return err
	}
	standalone := r.location.IsZero()
	if !standalone && *r.name == "" {
		return misuse(r.options, "can't start multinode mode without name specified")
	}
	if standalone && !ownModel {
		return misuse(r.options, "config path or model file must be specified for standalone mode")
	}
	for _, path := range []*string{r.configPath, r.modelPath} {
		if err := resolve(path); err != nil {
			return fatal(err)
		}
	}
	if !standalone {
		if err := r.checkCluster(); err != nil {
			return err
		}
	}
	if err := resolve(r.dataDir); err != nil {
		return fatal(err)
	}
	if err := writable(*r.dataDir); err != nil {
		return misuse(r.options, "can't use datadir: "+err.Error())
	}
	return r.checkLogDir()
}

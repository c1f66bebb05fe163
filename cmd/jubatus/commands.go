package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"github.com/jubatus/jubatus-go/cmd/call"
	"github.com/jubatus/jubatus-go/cmd/demo"
	"github.com/jubatus/jubatus-go/cmd/jubaconfig"
	"github.com/jubatus/jubatus-go/cmd/jubactl"
	"github.com/jubatus/jubatus-go/cmd/link"
	"github.com/jubatus/jubatus-go/cmd/serve"
	"github.com/jubatus/jubatus-go/learner/anomaly"
	"github.com/jubatus/jubatus-go/learner/bandit"
	"github.com/jubatus/jubatus-go/learner/burst"
	"github.com/jubatus/jubatus-go/learner/classifier"
	"github.com/jubatus/jubatus-go/learner/clustering"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/graph"
	"github.com/jubatus/jubatus-go/learner/nearestneighbor"
	"github.com/jubatus/jubatus-go/learner/recommender"
	"github.com/jubatus/jubatus-go/learner/regression"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/learner/stat"
	"github.com/jubatus/jubatus-go/learner/weight"
)

// version is the version of the original whose behaviour this is.
const version = serve.Version

// Kinds of commands, as the help groups them.
const (
	servers = "servers"
	proxies = "proxies"
	agents  = "agents"
	tools   = "tools"
)

// commands is every command there is; a new one is one more entry. called
// tells how the user called the command of that name.
func commands(called func(name string) string, stdout, stderr io.Writer) []*cli.Command {
	r := &registry{called: called, stdout: stdout, stderr: stderr}
	r.server("classifier", "learn to put data under labels", classifier.New)
	r.server("recommender", "find similar rows, and what they lack", recommender.New)
	r.server("nearest_neighbor", "find the rows nearest to a datum", nearestneighbor.New)
	r.server("regression", "learn to estimate a number for data", regression.New)
	r.server("clustering", "find groups of data that are alike", clustering.New)
	r.server("bandit", "choose among arms, and learn which are worth it", bandit.New)
	r.server("weight", "weigh the features of data, and count them for that", weight.New)
	r.server("stat", "keep statistics of the last values under keys", stat.New)
	r.server("graph", "tell how central nodes are, and the ways between them", graph.New)
	r.server("anomaly", "tell which data are unlike all others", anomaly.New)
	r.server("burst", "tell when keywords become frequent in a stream of documents", burst.New)

	for _, s := range service.Services() {
		r.proxy(s)
	}

	r.program("jubavisor", agents, "run servers on this machine for jubactl", func(called string, args []string) int {
		return serve.Visor{Types: r.types, Called: called, Stdout: stdout, Stderr: stderr}.Run(args)
	})
	r.program("jubaconfig", tools, "write, read, list and delete the configurations of clusters", func(called string, args []string) int {
		return jubaconfig.Tool{Called: called, Stdout: stdout, Stderr: stderr}.Run(args)
	})
	r.program("jubactl", tools, "start, stop and restart the servers of clusters, and tell who is there", func(called string, args []string) int {
		return jubactl.Tool{Called: called, Stdout: stdout, Stderr: stderr}.Run(args)
	})
	r.program("jubaconv", tools, "convert JSON to a datum or a feature vector", func(_ string, args []string) int {
		return jubaconv(args, stdout, stderr)
	})
	r.add(tools, call.Command())
	r.add(tools, demo.Command())
	r.add(tools, link.Command(func() []string { return r.programs }))
	return r.commands
}

// registry collects commands.
type registry struct {
	called         func(name string) string
	stdout, stderr io.Writer

	commands []*cli.Command
	programs []string // the commands that have been programs of their own
	types    []string // of the servers
}

// add adds a command that the cli package parses.
func (r *registry) add(kind string, c *cli.Command) {
	c.Category = kind
	r.commands = append(r.commands, c)
}

// program adds one of the original's programs, which parse their command line
// in their own way.
func (r *registry) program(name, kind, about string, main func(called string, args []string) int) {
	r.programs = append(r.programs, name)
	r.add(kind, &cli.Command{
		Name:            name,
		Usage:           about,
		SkipFlagParsing: true,
		HideHelp:        true,
		HideHelpCommand: true,
		Action: func(c *cli.Context) error {
			if code := main(r.called(name), c.Args().Slice()); code != 0 {
				return cli.Exit("", code)
			}
			return nil
		},
	})
}

// server adds the server program of an engine.
func (r *registry) server(typ, about string, factory engine.Factory) {
	r.types = append(r.types, typ)
	r.program("juba"+typ, servers, about, func(called string, args []string) int {
		s := serve.Server{Type: typ, Factory: factory, Called: called, Stdout: r.stdout, Stderr: r.stderr}
		return s.Run(args)
	})
}

// proxy adds the proxy program of a service. It needs no engine.
func (r *registry) proxy(s *service.Service) {
	r.program("juba"+s.Type+"_proxy", proxies, "spread calls over the servers of clusters of type "+s.Type, func(called string, args []string) int {
		p := serve.Proxy{Service: s, Called: called, Stdout: r.stdout, Stderr: r.stderr}
		return p.Run(args)
	})
}

package learner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/modelfile"
)

// boot tells the log who starts.
func (n *Node) boot() {
	o := &n.opts
	var b strings.Builder
	fmt.Fprintf(&b, "starting %s %s RPC server at %s:%d", o.Program, o.Version, o.Addr, o.Port)
	mode := "standalone mode"
	if o.Cluster != nil {
		mode = "multinode mode"
	}
	count := func(n int) string {
		if n == 0 {
			return "disabled"
		}
		return strconv.Itoa(n)
	}
	for _, line := range [][2]string{
		{"pid", strconv.Itoa(os.Getpid())},
		{"user", userName()},
		{"mode", mode},
		{"timeout", n.timeout()},
		{"thread", strconv.Itoa(o.Threads)},
		{"datadir", o.DataDir},
		{"logdir", o.LogDir},
		{"log config", o.LogConfig},
		{"zookeeper", o.Coordinator},
		{"name", o.Name},
		{"interval sec", count(o.IntervalSec)},
		{"interval count", count(o.IntervalCount)},
		{"zookeeper timeout", strconv.Itoa(o.ZooKeeperTimeout)},
		{"interconnect timeout", strconv.Itoa(o.InterconnectTimeout)},
	} {
		fmt.Fprintf(&b, "\n    %-21s: %s", line[0], line[1])
	}
	n.log.Info(b.String())
}

// timeout is the idle timeout in seconds.
func (n *Node) timeout() string { return strconv.Itoa(int(n.opts.Timeout.Seconds())) }

// userName is the login name of who runs this process, or the number where
// there is no name.
func userName() string {
	uid := strconv.Itoa(os.Getuid())
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return uid
}

// prepare does everything that comes before the port is opened. Errors that
// have been logged are *ExitError.
func (n *Node) prepare(ctx context.Context) error {
	if c := n.opts.Cluster; c != nil {
		n.joined = true
		if err := c.Join(ctx); err != nil {
			return err
		}
		n.log.Info("joining to the cluster " + n.opts.Name)
	}
	if err := n.interrupted(ctx); err != nil {
		return err
	}
	if err := n.configure(ctx); err != nil {
		return err
	}
	if err := n.register(); err != nil {
		return err
	}
	if c := n.opts.Cluster; c != nil {
		if err := c.Attach(n); err != nil {
			return err
		}
	}
	return n.interrupted(ctx)
}

// configure finds the configuration and builds the engine.
func (n *Node) configure(ctx context.Context) error {
	o := &n.opts
	n.configPath = o.ConfigPath
	switch {
	case o.Cluster != nil:
		return n.configureFromCluster(ctx)
	case o.ModelPath != "":
		if o.ConfigPath != "" {
			n.log.Info("both model file and configuration are specified; using configuration from model file")
		}
		return n.startFrom(o.ModelPath)
	default:
		text, err := n.readConfig()
		if err != nil {
			return err
		}
		return n.build(text, o.ConfigPath)
	}
}

// readConfig reads the local file.
func (n *Node) readConfig() (string, error) {
	path := n.opts.ConfigPath
	n.log.Info("load config from local file: " + path)
	text, err := os.ReadFile(path)
	if err != nil {
		err = &fileError{err: config.RuntimeError("can not read config file"), path: path, cause: err}
		return "", n.refuse("exception when loading config file: "+diagnostic(err), err)
	}
	n.log.Info("config loaded: " + string(text))
	return string(text), nil
}

// configureFromCluster builds the engine that the cluster's configuration
// describes. A node that brings its own gives it to a cluster without one,
// and must have the same as a cluster that has one.
func (n *Node) configureFromCluster(ctx context.Context) error {
	o := &n.opts
	var own string
	var ownValue *config.Value
	if o.ConfigPath != "" {
		var err error
		if own, err = n.readConfig(); err != nil {
			return err
		}
		// Nothing that an engine cannot be built from must get into the tree.
		if err := n.build(own, o.ConfigPath); err != nil {
			return err
		}
		ownValue = n.config
	}
	offer := own
	if n.testing {
		offer = ""
	}
	n.log.Info("load config from zookeeper: " + o.Coordinator)
	text, path, err := o.Cluster.Config(ctx, offer)
	n.configPath = path
	if errors.Is(err, ErrNoConfig) {
		if own != "" {
			return nil // it is only a test, and it is fine
		}
		text := config.RuntimeError(ErrNoConfig.Error() + ": " + path).Diagnostic()
		return n.refuse("exception when loading config file: "+text, err)
	}
	if err != nil {
		return err
	}
	n.log.Info("get config from zookeeper: " + path)
	n.log.Info("config loaded: " + text)
	if err := n.build(text, "<zookeeper>"); err != nil {
		return err
	}
	if ownValue != nil && !config.Equal(ownValue, n.config) {
		err := config.RuntimeError("config file differs from the cluster's config")
		err.Messages = []string{o.ConfigPath + ": " + own, path + ": " + text}
		return n.refuse("exception when loading config file: "+err.Diagnostic(), err)
	}
	return nil
}

// build builds the engine that a configuration describes. The source is what
// to call the text in the log.
func (n *Node) build(text, source string) error {
	v, err := config.Parse([]byte(text))
	var syntax *config.SyntaxError
	if errors.As(err, &syntax) {
		return n.refuse("syntax error in configuration: "+source+":"+syntax.Error(), err)
	}
	if err != nil {
		return &fileError{err: err, path: source}
	}
	env := engine.Env{ID: n.opts.id(), Now: n.opts.Now, Log: n.log}
	if c := n.opts.Cluster; c != nil {
		env.Cluster, env.Peers = true, c.Peers()
	}
	e, err := n.factory(v, env)
	if err != nil {
		return &fileError{err: err, path: source}
	}
	n.config, n.configText, n.engine = v, text, e
	return nil
}

// startFrom builds the engine that a model file describes and gives it the
// model.
func (n *Node) startFrom(path string) error {
	n.log.Info("starting load from " + path)
	f, err := modelfile.Read(path)
	if err != nil {
		return err
	}
	if err := n.build(f.System.Config, path); err != nil {
		return err
	}
	if err := f.CheckType(n.opts.Type); err != nil {
		return err
	}
	return n.adopt(f, path)
}

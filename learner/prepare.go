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
		n.log.Info("load config from zookeeper: " + o.Coordinator)
		text, path, err := o.Cluster.Config(ctx)
		if errors.Is(err, ErrNoConfig) {
			text := config.RuntimeError(ErrNoConfig.Error() + ": " + path).Diagnostic()
			return n.refuse("exception when loading config file: "+text, err)
		}
		if err != nil {
			return err
		}
		n.configPath = path
		n.log.Info("get config from zookeeper: " + path)
		n.log.Info("config loaded: " + text)
		return n.build(text, "<zookeeper>")
	case o.ModelPath != "":
		if o.ConfigPath != "" {
			n.log.Info("both model file and configuration are specified; using configuration from model file")
		}
		return n.startFrom(o.ModelPath)
	default:
		n.log.Info("load config from local file: " + o.ConfigPath)
		text, err := os.ReadFile(o.ConfigPath)
		if err != nil {
			err = &fileError{err: config.RuntimeError("can not read config file"), path: o.ConfigPath, cause: err}
			return n.refuse("exception when loading config file: "+diagnostic(err), err)
		}
		n.log.Info("config loaded: " + string(text))
		return n.build(string(text), o.ConfigPath)
	}
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
	e, err := n.factory(v, engine.Env{
		ID:      n.opts.id(),
		Cluster: n.opts.Cluster != nil,
		Now:     n.opts.Now,
		Log:     n.log,
	})
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

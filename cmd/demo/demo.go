// Package demo is the command "jubatus demo": it starts a whole cluster on one
// machine, three servers behind a proxy, teaches it through the proxy, lets the
// servers share what they have learned, and shows what that changes.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/etcd"
	"github.com/jubatus/jubatus-go/rpc"
)

const configuration = `{
  "method": "AROW",
  "parameter": {"regularization_weight": 1.0},
  "converter": {
    "string_rules": [{"key": "*", "type": "space", "sample_weight": "bin", "global_weight": "bin"}],
    "num_rules": [{"key": "*", "type": "num"}]
  }
}
`

const (
	typ         = "classifier"
	name        = "demo" // of the cluster
	servers     = 3
	patience    = 10 * time.Second // with whatever should take no time
	callTimeout = 10 * time.Second
	pause       = 10 * time.Millisecond // between two looks at the same thing
)

// Command returns the command.
func Command() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "start a cluster of classifiers, teach it and ask it",
		Description: "Starts three servers and a proxy on free ports of 127.0.0.1, with their files in a\n" +
			"temporary folder. Trains them through the proxy with sentences and with Fisher's irises,\n" +
			"so that each server sees a third, and counts how often each is right about data that\n" +
			"none has seen: before and after they share what they have learned.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "keep", Usage: "leave the cluster running, and tell how to talk to it"},
		},
		Action: func(c *cli.Context) error {
			ctx, stop := signal.NotifyContext(c.Context, syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			if err := run(ctx, c.App.Writer, c.Bool("keep")); err != nil {
				return cli.Exit("jubatus demo: "+err.Error(), 1)
			}
			return nil
		},
	}
}

// run is the whole demonstration.
func run(ctx context.Context, out io.Writer, keep bool) (err error) {
	dir, err := os.MkdirTemp("", "jubatus-demo-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	f, err := newFleet(dir, keep)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	kept := false
	defer func() {
		if !kept {
			err = errors.Join(err, f.stop(), os.RemoveAll(dir))
		}
	}()
	if err := f.start(ctx); err != nil {
		return err
	}
	if err := introduce(ctx, out, f); err != nil {
		return err
	}
	lessons, err := lessons()
	if err != nil {
		return err
	}
	c := &class{out: out}
	if err := c.connect(ctx, f); err != nil {
		return err
	}
	defer c.close()
	for _, l := range lessons {
		if err := c.hold(ctx, &l); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	if keep {
		kept = true
		f.explain(out)
	}
	return nil
}

// introduce waits until all servers are in the tree and shows it.
func introduce(ctx context.Context, out io.Writer, f *fleet) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := etcd.Open(ctx, etcd.Config{Endpoints: []string{f.cluster}, Logger: f.silence})
	if err != nil {
		return fmt.Errorf("connect to the cluster: %w", err)
	}
	defer c.Close()
	for {
		actives, err := c.Children(ctx, coord.ActivesPath(typ, name))
		if err != nil {
			return fmt.Errorf("the servers do not become active: %w", err)
		}
		if len(actives) == servers {
			break
		}
		if err := f.broken(); err != nil {
			return err
		}
		time.Sleep(pause)
	}
	fmt.Fprintf(out, "A cluster of %d servers behind a proxy, and nothing else, as its own tree shows:\n\n", servers)
	if err := printTree(ctx, out, c, coord.Root, "  "); err != nil {
		return err
	}
	fmt.Fprintln(out)
	return nil
}

// printTree prints a directory of the coordination tree and all below it.
func printTree(ctx context.Context, out io.Writer, c coord.Coordinator, path, indent string) error {
	fmt.Fprintln(out, indent+path)
	return printChildren(ctx, out, c, path, indent+"  ")
}

func printChildren(ctx context.Context, out io.Writer, c coord.Coordinator, path, indent string) error {
	names, err := c.Children(ctx, path)
	if err != nil {
		return fmt.Errorf("show the tree: %w", err)
	}
	for _, name := range names {
		fmt.Fprintln(out, indent+name)
		if err := printChildren(ctx, out, c, path+"/"+name, indent+"  "); err != nil {
			return err
		}
	}
	return nil
}

// explain tells how to talk to a cluster that is left running.
func (f *fleet) explain(out io.Writer) {
	fmt.Fprintf(out, `
The cluster goes on. Ask it:
  %[1]s call %[2]s %[3]s classify '[[[["text", "stormcloud in the forecast"]]]]'
  %[1]s call %[2]s %[3]s get_status
  %[1]s jubaconfig -c read -t %[4]s -n %[3]s --cluster %[5]s
  ETCDCTL_API=3 etcdctl --endpoints %[5]s get --prefix /jubatus --keys-only
Its logs are in %[6]s. End it:
  kill %[7]s && rm -r %[6]s
`, filepath.Join(f.dir, "jubatus"), f.proxy, name, typ, f.cluster, f.dir, strings.Join(f.pids(), " "))
}

// class is a connection to the proxy, through which everything is taught, and
// one to each server, to see what it knows.
type class struct {
	out     io.Writer
	proxy   *rpc.Client
	servers []*rpc.Client
}

func (c *class) connect(ctx context.Context, f *fleet) (err error) {
	if c.proxy, err = rpc.Dial(ctx, f.proxy, callTimeout); err != nil {
		return fmt.Errorf("connect to the proxy: %w", err)
	}
	for _, addr := range f.servers {
		server, err := rpc.Dial(ctx, addr, callTimeout)
		if err != nil {
			c.close()
			return fmt.Errorf("connect to server %s: %w", addr, err)
		}
		c.servers = append(c.servers, server)
	}
	return nil
}

func (c *class) close() {
	c.proxy.Close()
	for _, s := range c.servers {
		s.Close()
	}
}

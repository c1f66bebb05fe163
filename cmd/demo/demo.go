// Package demo is the command "jubatus demo": it starts a server, teaches it
// and asks it, as an application would over the network.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
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
	startPatience = 10 * time.Second
	callTimeout   = 10 * time.Second
)

// Command returns the command.
func Command() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "start a classifier, teach it and ask it",
		Description: "Starts a server on a free port of 127.0.0.1 with its files in a temporary folder,\n" +
			"trains it with sentences and with Fisher's irises, one datum a call, and counts how\n" +
			"often it is right about data that it has not seen.",
		Action: func(c *cli.Context) error {
			if err := run(c.Context, c.App.Writer); err != nil {
				return cli.Exit("jubatus demo: "+err.Error(), 1)
			}
			return nil
		},
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "jubatus-demo-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	addr, stop, err := start(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	client, err := connect(ctx, addr)
	if err != nil {
		return err
	}
	defer client.Close()
	fmt.Fprintf(out, "jubaclassifier listens on %s\n", addr)
	lessons, err := lessons()
	if err != nil {
		return err
	}
	for _, l := range lessons {
		right, err := l.teach(ctx, client)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		fmt.Fprintf(out, "%s: trained with %d data, right about %d of %d new ones (%.0f %%)\n",
			l.name, len(l.train), right, len(l.test), 100*float64(right)/float64(len(l.test)))
	}
	return nil
}

// start runs this program as a server and returns its address and what ends it.
func start(dir string) (addr string, stop func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, fmt.Errorf("find own executable: %w", err)
	}
	addr, err = freeAddr()
	if err != nil {
		return "", nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", nil, fmt.Errorf("choose a port: %w", err)
	}
	config := filepath.Join(dir, "config.json")
	if err := os.WriteFile(config, []byte(configuration), 0o600); err != nil {
		return "", nil, fmt.Errorf("write configuration: %w", err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return "", nil, fmt.Errorf("write log: %w", err)
	}
	defer log.Close() // the server has its own
	server := &exec.Cmd{
		Path:   self,
		Args:   []string{"jubaclassifier", "-b", host, "-p", port, "-d", dir, "-f", config},
		Stdout: log,
		Stderr: log,
	}
	if err := server.Start(); err != nil {
		return "", nil, fmt.Errorf("start server: %w", err)
	}
	stop = func() error {
		if err := server.Process.Signal(syscall.SIGTERM); err != nil {
			return fmt.Errorf("stop server: %w", err)
		}
		if err := server.Wait(); err != nil {
			return fmt.Errorf("stop server: %w", err)
		}
		return nil
	}
	return addr, stop, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("choose a port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// connect waits for the server.
func connect(ctx context.Context, addr string) (*rpc.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		client, err := rpc.Dial(ctx, addr, callTimeout)
		if err == nil {
			return client, nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("the server does not answer: %w", err)
		}
	}
}

// teach trains the server, which forgets everything before, and returns how
// many of the test data it is right about.
func (l *lesson) teach(ctx context.Context, client *rpc.Client) (right int, err error) {
	if _, err := client.CallArgs(ctx, "clear", ""); err != nil {
		return 0, fmt.Errorf("clear: %w", err)
	}
	for range l.rounds {
		for _, e := range l.train {
			if _, err := client.Call(ctx, "train", params(&e.datum, e.label)); err != nil {
				return 0, fmt.Errorf("train: %w", err)
			}
		}
	}
	for _, e := range l.test {
		result, err := client.Call(ctx, "classify", params(&e.datum, ""))
		if err != nil {
			return 0, fmt.Errorf("classify: %w", err)
		}
		label, err := best(result)
		if err != nil {
			return 0, fmt.Errorf("classify: read result: %w", err)
		}
		if label == e.label {
			right++
		}
	}
	return right, nil
}

// params is the cluster's name and a list of one datum, with a label for train
// and without for classify.
func params(d *datum.Datum, label string) []byte {
	b := mpack.AppendArrayHeader(nil, 2)
	b = mpack.AppendRaw(b, "")
	b = mpack.AppendArrayHeader(b, 1)
	if label != "" {
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendRaw(b, label)
	}
	return d.Append(b)
}

// best is the label with the highest score in the result of classify.
func best(result []byte) (label string, err error) {
	r := mpack.NewReader(result)
	if err := r.Tuple(1); err != nil {
		return "", err
	}
	n, err := r.ArrayHeader()
	if err != nil {
		return "", err
	}
	var top float64
	for i := range n {
		if err := r.Tuple(2); err != nil {
			return "", err
		}
		name, err := r.String()
		if err != nil {
			return "", err
		}
		score, err := r.Float64()
		if err != nil {
			return "", err
		}
		if i == 0 || score > top {
			label, top = name, score
		}
	}
	return label, nil
}

package call

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Exit codes.
const (
	exitUsage  = 1 // the command line or its JSON is wrong
	exitRemote = 2 // the server answered an error
	exitAnswer = 3 // no answer: not reachable, too slow, connection lost
)

// Command returns the command.
func Command() *cli.Command {
	return &cli.Command{
		Name:      "call",
		Usage:     "call a method of a server or proxy, with JSON in and out",
		UsageText: "jubatus call [OPTION...] ADDR NAME METHOD [JSON...]\njubatus call [OPTION...] ADDR NAME METHOD -\njubatus call --no-name [OPTION...] ADDR METHOD [JSON...]",
		Description: `Calls METHOD with the cluster's NAME ("" will do without a cluster) and the
arguments, and prints the result:

   jubatus call localhost:9199 "" classify '[[[["text","hello"]],[["x",1.0]]]]'

A number with a point or an exponent is a double, others are integers. Bytes
that are not UTF-8 are {"$b64":"..."}, doubles that JSON lacks {"$f64":"NaN"}.

With - for arguments each line of standard input is a JSON array of them. The
calls are sent without waiting for answers and executed in order, one result a
line.

Exit codes: 0 success, 1 wrong usage or JSON, 2 an error from the server,
3 no answer.`,
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "timeout", Value: 10 * time.Second, Usage: "how long connecting and each call may take; 0 for ever"},
			&cli.BoolFlag{Name: "no-name", Usage: "leave out NAME, for internal methods such as do_mix and get_diff"},
		},
		Action: action,
	}
}

func action(c *cli.Context) error {
	request, args, err := parse(c)
	if err != nil {
		return fail(err, exitUsage)
	}
	timeout := c.Duration("timeout")
	if len(args) == 1 && args[0] == "-" {
		s := stream{request: request, timeout: timeout, in: c.App.Reader, out: c.App.Writer, diag: c.App.ErrWriter}
		return s.run(c.Context)
	}
	client, err := rpc.Dial(c.Context, request.addr, timeout)
	if err != nil {
		return fail(fmt.Errorf("%s: %w", request.addr, err), exitAnswer)
	}
	defer client.Close()
	result, err := request.once(c.Context, client, args)
	if err != nil {
		return fail(err, code(err))
	}
	if _, err := fmt.Fprintf(c.App.Writer, "%s\n", result); err != nil {
		return fail(fmt.Errorf("print result: %w", err), exitUsage)
	}
	return nil
}

func fail(err error, code int) error { return cli.Exit("jubatus call: "+err.Error(), code) }

// code is the exit code for an error of a call.
func code(err error) int {
	var remote *rpc.RemoteError
	var lost *rpc.CallError
	switch {
	case errors.As(err, &remote):
		return exitRemote
	case errors.As(err, &lost):
		return exitAnswer
	default:
		return exitUsage
	}
}

// request is what is the same for all calls of one command.
type request struct {
	addr, name, method string
	named              bool
}

func parse(c *cli.Context) (request, []string, error) {
	args := c.Args().Slice()
	r := request{named: !c.Bool("no-name")}
	switch {
	case r.named && len(args) < 3:
		return r, nil, errors.New("ADDR, NAME and METHOD are needed; see jubatus call --help")
	case r.named:
		r.addr, r.name, r.method = args[0], args[1], args[2]
		return r, args[3:], nil
	case len(args) < 2:
		return r, nil, errors.New("ADDR and METHOD are needed; see jubatus call --help")
	default:
		r.addr, r.method = args[0], args[1]
		return r, args[2:], nil
	}
}

// once makes one call and returns its result as JSON.
func (r request) once(ctx context.Context, client *rpc.Client, args []string) ([]byte, error) {
	params := r.header(len(args))
	var err error
	for i, text := range args {
		if params, err = AppendJSON(params, []byte(text)); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	result, err := client.Call(ctx, r.method, params)
	if err != nil {
		return nil, err
	}
	return render(result)
}

// header begins params with n arguments after the name.
func (r request) header(n int) []byte {
	if !r.named {
		return mpack.AppendArrayHeader(nil, n)
	}
	return mpack.AppendRaw(mpack.AppendArrayHeader(nil, n+1), r.name)
}

// params turns a line, a JSON array of arguments, into params.
func (r request) params(line []byte) ([]byte, error) {
	list, err := AppendJSON(nil, line)
	if err != nil {
		return nil, err
	}
	reader := mpack.NewReader(list)
	n, err := reader.ArrayHeader()
	if err != nil {
		return nil, errors.New("not a JSON array")
	}
	return append(r.header(n), reader.Rest()...), nil
}

func render(result []byte) ([]byte, error) {
	reader := mpack.NewReader(result)
	text, err := AppendValue(nil, &reader)
	if err != nil {
		return nil, fmt.Errorf("the answer cannot be shown: %w", err)
	}
	return text, nil
}

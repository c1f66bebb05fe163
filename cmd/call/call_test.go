package call

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"github.com/jubatus/jubatus-go/rpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo serves a method that returns its params and one that fails.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := rpc.NewServer(rpc.Options{})
	s.Handle("echo", func(_ context.Context, r *rpc.Request, out []byte) ([]byte, error) {
		return append(out, r.Params...), nil
	})
	s.Handle("fail", func(_ context.Context, _ *rpc.Request, out []byte) ([]byte, error) {
		return out, errors.New("on purpose")
	})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; !errors.Is(err, rpc.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func TestCall(t *testing.T) {
	addr := echo(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args        string
		stdin       string
		code        int
		stdout      string
		stderr      string
		description string
	}{
		{args: addr + " n echo 1 2.0 [\"x\",null]", stdout: `["n",1,2.0,["x",null]]` + "\n"},
		{args: addr + " n echo -1", stdout: `["n",-1]` + "\n"},
		{args: addr + " n echo", stdout: `["n"]` + "\n"},
		{args: "--no-name " + addr + " echo 1", stdout: "[1]\n"},
		{args: "--no-name " + addr + " echo", stdout: "[]\n"},
		{args: addr + " n fail", code: 2, stderr: "on purpose"},
		{args: addr + " n nosuch", code: 2, stderr: "no method error"},
		{args: nobody + " n echo", code: 3, stderr: "connect failed"},
		{args: addr + " n echo {", code: 1, stderr: "argument 1: not JSON"},
		{args: addr + " n", code: 1, stderr: "are needed"},
		{args: addr + " n echo -", stdin: "[1]\n\n[2.5,\"x\"]\n[]", stdout: "[\"n\",1]\n[\"n\",2.5,\"x\"]\n[\"n\"]\n"},
		{args: addr + " n echo -", stdin: "", stdout: ""},
		{args: addr + " n echo -", stdin: "[1]\nx\n{}\n[2]\n", code: 2, stdout: "[\"n\",1]\n[\"n\",2]\n", stderr: "line 2: not JSON"},
		{args: addr + " n fail -", stdin: "[1]\n[2]\n", code: 2, stderr: "2 of 2 calls failed"},
		{args: nobody + " n echo -", stdin: "[1]\n", code: 3, stderr: "line 1: " + nobody + ": connect failed"},
	}
	for _, test := range tests {
		var stdout, stderr bytes.Buffer
		app := &cli.App{
			Name: "jubatus", Reader: strings.NewReader(test.stdin), Writer: &stdout, ErrWriter: &stderr,
			Commands: []*cli.Command{Command()}, ExitErrHandler: func(*cli.Context, error) {},
		}
		err := app.Run(append([]string{"jubatus", "call"}, strings.Fields(test.args)...))
		code := 0
		var exit cli.ExitCoder
		if errors.As(err, &exit) {
			code = exit.ExitCode()
			stderr.WriteString(exit.Error())
		} else if err != nil {
			t.Errorf("call %s: %v", test.args, err)
		}
		if code != test.code || stdout.String() != test.stdout || !strings.Contains(stderr.String(), test.stderr) {
			t.Errorf("call %s: code %d, stdout %q, stderr %q", test.args, code, stdout.String(), stderr.String())
		}
	}
}

// Many more calls than the window holds come back in order.
func TestStreamOrder(t *testing.T) {
	addr := echo(t)
	var in, want strings.Builder
	for i := range 5000 {
		line := "[" + strings.Repeat("7", i%18+1) + "]\n"
		in.WriteString(line)
		want.WriteString(line)
	}
	var out bytes.Buffer
	s := stream{request: request{addr: addr, method: "echo"}, in: strings.NewReader(in.String()), out: &out, diag: t.Output()}
	if err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out.String() != want.String() {
		t.Error("the answers are not what was sent, in order")
	}
}

package control

import (
	"context"
	"fmt"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Launch is what agents are told about the servers to start.
type Launch struct {
	ListenIf            string
	Timeout             int
	ZooKeeperTimeout    int
	InterconnectTimeout int
	Threads             int
	Location            string // of the coordination service, as the caller knows it
	DataDir             string
	LogDir              string
	LogConfig           string
	IntervalSec         int
	IntervalCount       int
	Mixer               string
}

// launchPort is the port that agents are told and do not heed.
const launchPort = 9199

// append encodes the options: an array of 20 by position.
func (o *Launch) append(b []byte, c *Control) []byte {
	b = mpack.AppendArrayHeader(b, 20)
	b = mpack.AppendInt(b, launchPort)
	b = mpack.AppendRaw(b, "") // bind address
	b = mpack.AppendRaw(b, o.ListenIf)
	for _, n := range []int{o.Timeout, o.ZooKeeperTimeout, o.InterconnectTimeout, o.Threads} {
		b = mpack.AppendInt(b, int64(n))
	}
	for _, s := range []string{c.Type, "", o.Location, c.target(), o.DataDir, o.LogDir, o.LogConfig, "localhost"} {
		b = mpack.AppendRaw(b, s)
	}
	b = mpack.AppendInt(b, int64(o.IntervalSec))
	b = mpack.AppendInt(b, int64(o.IntervalCount))
	b = mpack.AppendRaw(b, o.Mixer)
	b = mpack.AppendBool(b, false) // daemon
	return mpack.AppendBool(b, false)
}

// agent is a connection to a process agent.
type agent struct{ client *rpc.Client }

// withAgent calls an agent.
func (c *Control) withAgent(id coord.Identity, do func(agent) error) error {
	client := rpc.NewClient(id.Addr(), rpc.ClientOptions{Timeout: c.Patience, ConnectTimeout: c.Timeout})
	defer client.Close()
	return do(agent{client})
}

func (a agent) start(ctx context.Context, c *Control, n int, o *Launch) error {
	params := mpack.AppendArrayHeader(nil, 3)
	params = mpack.AppendRaw(params, c.target())
	params = mpack.AppendUint(params, uint64(n))
	return a.do(ctx, "start", o.append(params, c))
}

func (a agent) stop(ctx context.Context, c *Control, n int) error {
	params := mpack.AppendArrayHeader(nil, 2)
	params = mpack.AppendRaw(params, c.target())
	return a.do(ctx, "stop", mpack.AppendUint(params, uint64(n)))
}

// do calls a method that answers 0 if all is well.
func (a agent) do(ctx context.Context, method string, params []byte) error {
	result, err := a.client.Call(ctx, method, params)
	if err != nil {
		return err
	}
	r := mpack.NewReader(result)
	switch n, err := r.Int64(); {
	case err != nil:
		return fmt.Errorf("unexpected answer: %w", err)
	case n != 0:
		return refused(n)
	}
	return nil
}

// refused is an agent's answer that something could not be done.
type refused int64

func (r refused) Error() string { return fmt.Sprint(int64(r)) }

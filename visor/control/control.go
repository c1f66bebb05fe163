// Package control directs the processes of a cluster through the process
// agents of its machines, and the servers themselves where agents have no
// part in it. It is what jubactl does; plan.go has what it decides.
package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
	"github.com/jubatus/jubatus-go/visor"
)

// Control directs one cluster.
type Control struct {
	Coordinator coord.Coordinator
	Program     string // the servers', such as jubaclassifier
	Type, Name  string // of the cluster

	// Timeout is for calls that are answered at once, Patience for those that
	// wait until processes have ended, and for a server to become active.
	Timeout, Patience time.Duration

	Out io.Writer    // what is done, and whether it worked
	Log *slog.Logger // why it did not
}

// ErrFailed says that something did not work, which has been told.
var ErrFailed = errors.New("something failed")

// ErrNobody says that there is nobody to do what was asked for.
var ErrNobody = errors.New("no server")

// target is how agents call a cluster.
func (c *Control) target() string { return c.Program + "/" + c.Name }

// Start spreads total processes over the agents. Each is called one after the
// other, with a share of nothing too; one that fails does not stop the others.
func (c *Control) Start(ctx context.Context, total int, o visor.StartOptions) error {
	if err := coord.CreateDirs(ctx, c.Coordinator, coord.ClusterPath(c.Type, c.Name), coord.NodesPath(c.Type, c.Name)); err != nil {
		c.Log.Warn(err.Error()) // whoever registers tries again
	}
	o.ProgramName, o.Name = c.Type, c.target()
	return c.eachAgent(ctx, visor.MethodStart, total, func(a agent, share int) error {
		return a.do(ctx, visor.MethodStart, visor.AppendStart(nil, c.target(), uint32(share), o))
	})
}

// Stop stops all processes of the cluster that agents run.
func (c *Control) Stop(ctx context.Context, total int) error {
	return c.eachAgent(ctx, visor.MethodStop, total, func(a agent, share int) error {
		return a.do(ctx, visor.MethodStop, visor.AppendStop(nil, c.target(), uint32(share)))
	})
}

// eachAgent does something with every agent, in the order of their names.
func (c *Control) eachAgent(ctx context.Context, verb string, total int, do func(a agent, share int) error) error {
	agents, err := coord.FetchMembers(ctx, c.Coordinator, coord.Supervisors)
	if err != nil {
		return err
	}
	if len(agents) == 0 {
		c.Log.Info("no server to " + verb + " " + c.target())
		return ErrNobody
	}
	var failed error
	shares := Spread(total, len(agents))
	for i, id := range agents {
		c.tell("sending %s / %s to %s...", verb, c.target(), id)
		err := c.withAgent(id, func(a agent) error { return do(a, shares[i]) })
		if !c.outcome(err, fmt.Sprintf("can't do '%s %s' in %s %d:", verb, c.target(), id.Host, id.Port)) {
			failed = ErrFailed
		}
	}
	return failed
}

// Save lets every registered server save its model under an id.
func (c *Control) Save(ctx context.Context, id string) error { return c.eachServer(ctx, "save", id) }

// Load lets every registered server load the model that it saved under an id.
func (c *Control) Load(ctx context.Context, id string) error { return c.eachServer(ctx, "load", id) }

func (c *Control) eachServer(ctx context.Context, method, id string) error {
	servers, err := coord.FetchMembers(ctx, c.Coordinator, coord.NodesPath(c.Type, c.Name))
	if err != nil {
		return err
	}
	if len(servers) == 0 {
		c.Log.Info("no server to " + method + " " + c.Name)
		return ErrNobody
	}
	var failed error
	for _, server := range servers {
		c.tell("sending %s / %s to %s...", method, c.Name, server)
		err := c.file(ctx, server, method, id)
		if !c.outcome(err, fmt.Sprintf("can't do '%s %s' in %s %d: ", method, c.Name, server.Host, server.Port)) {
			failed = ErrFailed
		}
	}
	return failed
}

// file calls save or load of one server.
func (c *Control) file(ctx context.Context, server coord.Identity, method, id string) error {
	client := rpc.NewClient(server.Addr(), rpc.ClientOptions{Timeout: c.Patience, ConnectTimeout: c.Timeout})
	defer client.Close()
	result, err := client.CallArgs(ctx, method, c.Name, id)
	if err != nil {
		return err
	}
	r := mpack.NewReader(result)
	if done, err := r.Bool(); err == nil && !done {
		return errors.New("the server answered false")
	}
	return nil
}

// tell writes the beginning of a line, or a whole one.
func (c *Control) tell(format string, args ...any) { fmt.Fprintf(c.Out, format, args...) }

// outcome ends the line of something that was done, and reports whether it
// worked.
func (c *Control) outcome(err error, complaint string) bool {
	if err == nil {
		c.tell("ok.\n")
		return true
	}
	c.tell("failed.\n")
	c.Log.Error(complaint + err.Error())
	return false
}

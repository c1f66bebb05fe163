package control

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/visor"
)

// askTimeout is for questions without which a command goes on.
const askTimeout = 3 * time.Second

// agent is a connection to a process agent.
type agent struct{ client *rpc.Client }

// withAgent calls an agent.
func (c *Control) withAgent(id coord.Identity, do func(agent) error) error {
	client := rpc.NewClient(id.Addr(), rpc.ClientOptions{Timeout: c.Patience, ConnectTimeout: c.Timeout})
	defer client.Close()
	return do(agent{client})
}

// do calls a method that answers 0 if all is well.
func (a agent) do(ctx context.Context, method string, params []byte) error {
	result, err := a.client.Call(ctx, method, params)
	if err != nil {
		return err
	}
	switch code, err := visor.ReadCode(result); {
	case err != nil:
		return fmt.Errorf("unexpected answer: %w", err)
	case code != 0:
		return refused(code)
	}
	return nil
}

// refused is an agent's answer that something could not be done.
type refused int

func (r refused) Error() string { return fmt.Sprint(int(r)) }

// children asks what an agent runs. One of the original's cannot tell, which
// is no error.
func (a agent) children(ctx context.Context) ([]visor.Child, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	result, err := a.client.CallArgs(ctx, visor.MethodList)
	var remote *rpc.RemoteError
	if errors.As(err, &remote) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return visor.ReadChildren(result)
}

// inventory is what one agent runs.
type inventory struct {
	agent    coord.Identity
	children []visor.Child
	err      error
}

// inventories asks all agents at once what they run.
func (c *Control) inventories(ctx context.Context) ([]inventory, error) {
	agents, err := coord.FetchMembers(ctx, c.Coordinator, coord.Supervisors)
	if err != nil {
		return nil, err
	}
	all := make([]inventory, len(agents))
	var asking sync.WaitGroup
	for i, id := range agents {
		asking.Go(func() {
			all[i].agent = id
			all[i].err = c.withAgent(id, func(a agent) (err error) {
				all[i].children, err = a.children(ctx)
				return err
			})
		})
	}
	asking.Wait()
	return all, nil
}

// owned is a child and its agent.
type owned struct {
	visor.Child
	agent coord.Identity
}

// owners finds out which agent runs which server. Agents that do not answer
// are told to the log: their servers seem to be nobody's.
func (c *Control) owners(ctx context.Context) (map[coord.Identity]owned, error) {
	all, err := c.inventories(ctx)
	if err != nil {
		return nil, err
	}
	owners := make(map[coord.Identity]owned)
	for _, inv := range all {
		if inv.err != nil {
			c.Log.Warn("what the agent " + inv.agent.String() + " runs is not known: " + inv.err.Error())
			continue
		}
		for _, child := range inv.children {
			if id, err := coord.ParseIdentity(child.ID); err == nil {
				owners[id] = owned{child, inv.agent}
			}
		}
	}
	return owners, nil
}

// failures are the processes of the cluster that agents have given up.
func (c *Control) failures(ctx context.Context) []Failure {
	failures := []Failure{}
	all, err := c.inventories(ctx)
	if err != nil {
		return failures
	}
	for _, inv := range all {
		for _, child := range inv.children {
			if child.State == visor.Failed && child.Name == c.Name && child.Type == c.Type {
				failures = append(failures, Failure{Visor: inv.agent.String(), Server: child.ID, Error: child.Error})
			}
		}
	}
	return failures
}

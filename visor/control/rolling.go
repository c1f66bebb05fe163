package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/visor"
)

// lookPeriod is how often is looked at what nobody tells.
const lookPeriod = 200 * time.Millisecond

// Restart restarts the servers one after the other, each by the agent that
// runs it, and waits for each until it is active again: whoever uses the
// cluster through proxies does not notice. It ends with the first that does not
// come back.
func (c *Control) Restart(ctx context.Context) error {
	servers, err := c.members(ctx, coord.NodesPath(c.Type, c.Name))
	if err != nil {
		return err
	}
	if len(servers) == 0 {
		c.Log.Info("no server to restart " + c.target())
		return ErrNobody
	}
	actives, err := c.members(ctx, coord.ActivesPath(c.Type, c.Name))
	if err != nil {
		return err
	}
	owners, err := c.owners(ctx)
	if err != nil {
		return err
	}
	agents := make(map[coord.Identity]coord.Identity)
	for id, o := range owners {
		if o.Type == c.Type && o.Name == c.Name {
			agents[id] = o.agent
		}
	}
	plan, err := Roll(servers, actives, agents)
	if err != nil {
		return err
	}
	for i, step := range plan {
		c.tell("restarting %s / %s by %s...", step.Server, c.target(), step.Agent)
		if !c.outcome(c.restart(ctx, step), fmt.Sprintf("can't restart %s: ", step.Server)) {
			if rest := len(plan) - i - 1; rest > 0 {
				c.Log.Error(fmt.Sprintf("%d more have not been restarted", rest))
			}
			return ErrFailed
		}
	}
	return nil
}

// restart restarts one server and waits until it is active.
func (c *Control) restart(ctx context.Context, step Step) error {
	// Between the steps everything may have changed.
	actives, err := c.members(ctx, coord.ActivesPath(c.Type, c.Name))
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(actives, func(id coord.Identity) bool { return id != step.Server }) && len(actives) > 0 {
		return errors.New("it has become the only active server")
	}
	before, err := c.owner(ctx, coord.NodePath(c.Type, c.Name, step.Server))
	if err != nil {
		return err
	}
	return c.withAgent(step.Agent, func(a agent) error {
		if err := a.do(ctx, visor.MethodRestartServer, visor.AppendServer(nil, step.Server.String())); err != nil {
			return fmt.Errorf("agent: %w", err)
		}
		return c.awaitActive(ctx, a, step.Server, before)
	})
}

// awaitActive waits until a server is active in another session than the one
// that its predecessor was registered in.
func (c *Control) awaitActive(ctx context.Context, a agent, id coord.Identity, before string) error {
	ctx, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	path := coord.ActivePath(c.Type, c.Name, id)
	changed := c.Coordinator.Watch(ctx, path)
	look := time.NewTicker(lookPeriod)
	defer look.Stop()
	for asked := time.Now(); ; {
		owner, err := c.owner(ctx, path)
		if err == nil && owner != "" && owner != before {
			return nil
		}
		if time.Since(asked) > time.Second {
			if err := c.givenUp(ctx, a, id); err != nil {
				return err
			}
			asked = time.Now()
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("it has not become active within %v; its log says why", c.Patience)
			}
			return ctx.Err()
		case _, open := <-changed:
			if !open {
				changed = nil
			}
		case <-look.C:
		}
	}
}

// givenUp is an error if the agent does not try any longer to run a server.
func (c *Control) givenUp(ctx context.Context, a agent, id coord.Identity) error {
	children, err := a.children(ctx)
	if err != nil {
		return nil //nolint:nilerr // the server may come nevertheless
	}
	for _, child := range children {
		if child.ID == id.String() && child.State == visor.Failed {
			return fmt.Errorf("its agent has given it up: %s", child.Error)
		}
	}
	return nil
}

// owner is the session that a node belongs to, empty if there is no node.
func (c *Control) owner(ctx context.Context, path string) (string, error) {
	node, err := c.Coordinator.Get(ctx, path)
	if errors.Is(err, coord.ErrNoNode) {
		return "", nil
	}
	return node.Owner, err
}

func (c *Control) members(ctx context.Context, path string) ([]coord.Identity, error) {
	return coord.FetchMembers(ctx, c.Coordinator, path)
}

// StopServer stops one server: by the agent that runs it, or, if nobody admits
// to that, by deleting its node, which every server takes as its end. Program,
// type and name may be empty; where they are not, the server has to be of that
// cluster.
func (c *Control) StopServer(ctx context.Context, id coord.Identity) error {
	owners, err := c.owners(ctx)
	if err != nil {
		return err
	}
	o, ok := owners[id]
	if !ok {
		return c.dismiss(ctx, id)
	}
	target := o.Program + "/" + o.Name
	if c.Name != "" && c.Name != o.Name || c.Program != "" && c.Program != o.Program || c.Type != "" && c.Type != o.Type {
		return fmt.Errorf("%s is a server of %s", id, target)
	}
	c.tell("sending stop / %s (%s) to %s...", target, id, o.agent)
	err = c.withAgent(o.agent, func(a agent) error {
		return a.do(ctx, visor.MethodStopServer, visor.AppendServer(nil, id.String()))
	})
	if !c.outcome(err, fmt.Sprintf("can't stop %s: ", id)) {
		return ErrFailed
	}
	return nil
}

// dismiss stops a server that no agent runs.
func (c *Control) dismiss(ctx context.Context, id coord.Identity) error {
	path, err := c.find(ctx, id)
	if err != nil {
		return err
	}
	if path == "" {
		c.Log.Info("no server to stop: " + id.String())
		return ErrNobody
	}
	c.tell("deleting %s...", path)
	err = c.Coordinator.Delete(ctx, path)
	if err == nil {
		err = c.awaitEnd(ctx, id)
	}
	if !c.outcome(err, fmt.Sprintf("can't stop %s: ", id)) {
		return ErrFailed
	}
	return nil
}

// find looks for the node of a server.
func (c *Control) find(ctx context.Context, id coord.Identity) (path string, err error) {
	all, err := List(ctx, c.Coordinator)
	if err != nil {
		return "", err
	}
	for _, cluster := range all {
		if c.Type != "" && c.Type != cluster.Type || c.Name != "" && c.Name != cluster.Name {
			continue
		}
		path := coord.NodePath(cluster.Type, cluster.Name, id)
		switch _, err := c.Coordinator.Get(ctx, path); {
		case err == nil:
			return path, nil
		case !errors.Is(err, coord.ErrNoNode):
			return "", fmt.Errorf("looking for %s: %w", path, err)
		}
	}
	return "", nil
}

// awaitEnd waits until nobody listens at a server's address.
func (c *Control) awaitEnd(ctx context.Context, id coord.Identity) error {
	ctx, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	for {
		client, err := rpc.Dial(ctx, id.Addr(), askTimeout)
		if err == nil {
			client.Close()
		}
		if ctx.Err() != nil {
			return fmt.Errorf("it has not ended within %v", c.Patience)
		}
		if err != nil {
			return nil //nolint:nilerr // that was what we waited for
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookPeriod):
		}
	}
}

package control

import (
	"context"
	"fmt"

	"github.com/jubatus/jubatus-go/coord"
)

// Status is who serves a cluster, each list in the order of its names.
type Status struct {
	Type    string    `json:"type"`
	Name    string    `json:"name"`
	Proxies []string  `json:"proxies"` // of the type
	Visors  []string  `json:"visors"`  // of all clusters
	Servers []string  `json:"servers"` // registered
	Actives []string  `json:"actives"` // of the servers: those whose model is current
	Failed  []Failure `json:"failed"`  // what agents could not keep running
}

// Failure is a process that died more often than its agent started it again.
type Failure struct {
	Visor  string `json:"visor"`
	Server string `json:"server"`
	Error  string `json:"error"` // how it ended last
}

// Count is how many processes a cluster has.
type Count struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Nodes   int    `json:"nodes"`
	Actives int    `json:"actives"`
	Proxies int    `json:"proxies"` // of the type, for all its clusters
}

// Status reads who serves the cluster. Agents that do not answer, or do not
// know the question, have no failures.
func (c *Control) Status(ctx context.Context) (Status, error) {
	s := Status{Type: c.Type, Name: c.Name, Failed: c.failures(ctx)}
	for _, part := range []struct {
		list *[]string
		path string
	}{
		{&s.Proxies, coord.ProxiesPath(c.Type)},
		{&s.Visors, coord.Supervisors},
		{&s.Servers, coord.NodesPath(c.Type, c.Name)},
		{&s.Actives, coord.ActivesPath(c.Type, c.Name)},
	} {
		names, err := c.children(ctx, part.path)
		if err != nil {
			return s, err
		}
		*part.list = names
	}
	return s, nil
}

// List counts the processes of every cluster, by type and name.
func List(ctx context.Context, c coord.Coordinator) ([]Count, error) {
	all := []Count{}
	types, err := c.Children(ctx, coord.Actors)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", coord.Actors, err)
	}
	for _, typ := range types {
		proxies, err := count(ctx, c, coord.ProxiesPath(typ))
		if err != nil {
			return nil, err
		}
		names, err := c.Children(ctx, coord.TypePath(typ))
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", coord.TypePath(typ), err)
		}
		for _, name := range names {
			nodes, err := count(ctx, c, coord.NodesPath(typ, name))
			if err != nil {
				return nil, err
			}
			actives, err := count(ctx, c, coord.ActivesPath(typ, name))
			if err != nil {
				return nil, err
			}
			all = append(all, Count{Type: typ, Name: name, Nodes: nodes, Actives: actives, Proxies: proxies})
		}
	}
	return all, nil
}

func count(ctx context.Context, c coord.Coordinator, path string) (int, error) {
	names, err := c.Children(ctx, path)
	if err != nil {
		return 0, fmt.Errorf("listing %s: %w", path, err)
	}
	return len(names), nil
}

// children is never nil, so that a listing of nobody is an empty one.
func (c *Control) children(ctx context.Context, path string) ([]string, error) {
	names, err := c.Coordinator.Children(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", path, err)
	}
	if names == nil {
		names = []string{}
	}
	return names, nil
}

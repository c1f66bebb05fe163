package jubactl

import (
	"context"
	"errors"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/member"
	"github.com/jubatus/jubatus-go/visor"
	"github.com/jubatus/jubatus-go/visor/control"
)

// command is what --cmd can say.
type command struct {
	cluster bool // it is about one cluster, whose program, type and name are given
	listing bool // it has a --format
	nobody  int  // exit code where there is nobody to do it
	do      func(*run, context.Context) error
}

var commands = map[string]command{
	"start":   {cluster: true, nobody: exitNobody, do: (*run).start},
	"stop":    {cluster: true, nobody: exitNobody, do: (*run).stop},
	"restart": {cluster: true, nobody: exitNobody, do: (*run).restart},
	"save":    {cluster: true, nobody: exitFailure, do: (*run).save},
	"load":    {cluster: true, nobody: exitFailure, do: (*run).load},
	"status":  {cluster: true, listing: true, do: (*run).status},
	"list":    {listing: true, do: (*run).list},
	"members": {listing: true, do: (*run).members},
}

// control connects to the cluster and does something there.
func (r *run) control(ctx context.Context, do func(c *control.Control) error) error {
	return r.coordinated(ctx, func(c coord.Coordinator) error {
		return do(&control.Control{
			Coordinator: c,
			Program:     *r.server, Type: *r.typ, Name: *r.name,
			Timeout: callTimeout, Patience: r.patience(),
			Out: r.Stdout, Log: r.logger,
		})
	})
}

func (r *run) coordinated(ctx context.Context, do func(c coord.Coordinator) error) (err error) {
	c, err := r.Open(ctx, r.location)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return do(c)
}

func (r *run) start(ctx context.Context) error {
	o := visor.DefaultStartOptions()
	o.BindInterface = *r.listenIf
	o.Timeout = *r.timeout
	o.ZooKeeperTimeout = *r.zookeeperTimeout
	o.InterconnectTimeout = *r.interconnectTimeout
	o.Threads = *r.threads
	o.ZooKeeper = r.location.String()
	o.DataDir, o.LogDir, o.LogConfig = *r.dataDir, *r.logDir, *r.logConfig
	o.IntervalSec, o.IntervalCount = *r.intervalSec, *r.intervalCount
	o.Mixer = *r.mixer
	return r.control(ctx, func(c *control.Control) error { return c.Start(ctx, *r.num, o) })
}

func (r *run) stop(ctx context.Context) error {
	return r.control(ctx, func(c *control.Control) error {
		if *r.serverID == "" {
			return c.Stop(ctx, *r.num)
		}
		id, err := coord.ParseIdentity(*r.serverID)
		if err != nil {
			return err
		}
		return c.StopServer(ctx, id)
	})
}

func (r *run) restart(ctx context.Context) error {
	return r.control(ctx, func(c *control.Control) error { return c.Restart(ctx) })
}

func (r *run) save(ctx context.Context) error {
	return r.control(ctx, func(c *control.Control) error { return c.Save(ctx, r.modelID()) })
}

func (r *run) load(ctx context.Context) error {
	return r.control(ctx, func(c *control.Control) error { return c.Load(ctx, r.modelID()) })
}

// modelID is what models are saved under: the cluster's name if nothing is said.
func (r *run) modelID() string {
	if *r.id == "" {
		return *r.name
	}
	return *r.id
}

func (r *run) status(ctx context.Context) error {
	return r.control(ctx, func(c *control.Control) error {
		s, err := c.Status(ctx)
		if err != nil {
			return err
		}
		return r.print(s, func() string { return statusText(s, r.coloured()) })
	})
}

func (r *run) list(ctx context.Context) error {
	return r.coordinated(ctx, func(c coord.Coordinator) error {
		all, err := control.List(ctx, c)
		if err != nil {
			return err
		}
		return r.print(all, func() string { return listText(all) })
	})
}

// members asks every slot at its own address: it works without a majority,
// when it is needed most.
func (r *run) members(ctx context.Context) error {
	if r.location.Cluster == "" {
		return errors.New("members are those of --cluster; ask ZooKeeper's with its own tools")
	}
	slots, err := member.ParseSlots(r.location.Cluster)
	if err != nil {
		return err
	}
	all, complete := ensemble(member.Inspect(ctx, slots, callTimeout/2))
	if err := r.print(all, func() string { return membersText(all) }); err != nil {
		return err
	}
	if !complete {
		return control.ErrFailed
	}
	return nil
}

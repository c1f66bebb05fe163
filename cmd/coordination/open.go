package coordination

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/etcd"
	"github.com/jubatus/jubatus-go/coord/member"
	"github.com/jubatus/jubatus-go/coord/zookeeper"
)

// waitingPeriod is how often a host says that it still waits for the others.
const waitingPeriod = 10 * time.Second

// Options say how to reach the coordination service.
type Options struct {
	Location

	Dir  string // where slots are kept; empty: the default place
	Slot string // which slot is this machine's; empty: the one with its address
	Host bool   // whether to host a slot if there is one for this machine

	SessionTimeout time.Duration // also how long a mere client waits for the service

	// Failed is called, at most once, if the process must not go on: it turns
	// out that other machines were given another list. May be nil.
	Failed func(error)

	Log *slog.Logger
}

// Open connects to the coordination service. Closing the coordinator ends the
// part that this process has in the service, too.
//
// A process that hosts a slot, or stands by for one, waits for the service
// until ctx ends: it may need machines that have not been started yet. A mere
// client gives up after the session timeout.
func Open(ctx context.Context, o Options) (coord.Coordinator, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Cluster != "" {
		return openCluster(ctx, o)
	}
	return zookeeper.Open(ctx, zookeeper.Config{Hosts: o.ZooKeeper, SessionTimeout: o.SessionTimeout, Logger: o.Log})
}

func openCluster(ctx context.Context, o Options) (coord.Coordinator, error) {
	slots, err := member.ParseSlots(o.Cluster)
	if err != nil {
		return nil, err
	}
	slot := o.Slot
	if !o.Host {
		slot = member.SlotNone
	}
	host, err := member.Start(ctx, member.Config{Slots: slots, Dir: o.Dir, SlotFlag: slot, Logger: o.Log})
	if err != nil {
		return nil, err
	}
	client, err := connect(ctx, o, slots, host)
	if err != nil {
		return nil, errors.Join(err, host.Stop())
	}
	h := &hosted{Coordinator: client, host: host}
	h.life, h.end = context.WithCancel(context.Background())
	h.watching.Go(func() { h.watch(o.Failed) })
	return h, nil
}

// connect opens the client of an ensemble of which this process may be a part.
func connect(ctx context.Context, o Options, slots []member.Slot, host *member.Host) (coord.Coordinator, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var patience <-chan time.Time // nil: endless
	if host.Local() == "" {
		patience = time.After(o.SessionTimeout)
	}
	waiting := time.NewTicker(waitingPeriod)
	defer waiting.Stop()
	type opened struct {
		client *etcd.Client
		err    error
	}
	result := make(chan opened, 1)
	go func() {
		client, err := etcd.Open(ctx, etcd.Config{
			Endpoints: member.Addrs(slots), Local: host.Local(),
			SessionTimeout: o.SessionTimeout, Logger: o.Log,
		})
		result <- opened{client, err}
	}()
	for {
		select {
		case r := <-result:
			if r.err == nil {
				return r.client, nil
			}
			if cause := context.Cause(ctx); cause != nil {
				return nil, cause
			}
			return nil, r.err
		case <-patience:
			cancel(fmt.Errorf("no majority of %s answers", o.Cluster))
		case err := <-host.Failed():
			cancel(err)
		case <-waiting.C:
			o.Log.Info("waiting until a majority of " + o.Cluster + " is up")
		}
	}
}

// hosted is a client of an ensemble together with what this process hosts.
type hosted struct {
	coord.Coordinator
	host *member.Host

	life     context.Context
	end      context.CancelFunc
	watching sync.WaitGroup
	closing  sync.Once
	err      error
}

// watch reports that the process must not go on.
func (h *hosted) watch(failed func(error)) {
	select {
	case err := <-h.host.Failed():
		if failed != nil {
			failed(err)
		}
	case <-h.life.Done():
	}
}

// Close ends the session first: this process may be the one that hosts.
func (h *hosted) Close() error {
	h.closing.Do(func() {
		h.end()
		h.watching.Wait()
		h.err = errors.Join(h.Coordinator.Close(), h.host.Stop())
	})
	return h.err
}

// Package member runs the ensemble that a cluster coordinates by: embedded
// etcd members, hosted by the cluster's own processes.
//
// A list names slots, one etcd member each. Every process on a machine whose
// address is in the list contends for that slot: the one that gets the lock of
// the slot's folder hosts the member, the others stand by and take over, from
// the same folder and under the same identity, as soon as it stops or dies. A
// machine with several slots of a list, as in experiments, hosts each of them
// in whichever process is first.
//
// The ensemble is founded by the list alone: the same list on every machine,
// in any order of start. The list is recorded in the slot's folder and holds
// from then on.
//
// The processes are clients of the ensemble, hosting or not, over the network
// (package coord/etcd).
package member

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	resolveLimit = 2 * time.Second
	askLimit     = time.Second
	askPeriod    = 2 * time.Second

	firstRetry = 100 * time.Millisecond
	lastRetry  = 3 * time.Second
)

// Config says which slots there are and where this machine keeps its own.
type Config struct {
	Slots []Slot // from ParseSlots

	// Dir holds one folder for each slot of this machine. DefaultDir if empty.
	Dir string

	// SlotFlag is the address of the slot that is this machine's, where its
	// addresses cannot tell; SlotNone to host none; empty to go by addresses.
	SlotFlag string

	// Logger gets what becomes of the slots and etcd's warnings; the default
	// logger if nil.
	Logger *slog.Logger
}

// Host is this process's part in hosting the ensemble, which may be none.
type Host struct {
	config Config
	list   string // canonical
	logger *slog.Logger
	mine   []assignment

	end    context.CancelFunc
	wg     sync.WaitGroup
	failed chan error

	mu      sync.Mutex
	hosting map[string]bool // addresses
}

// Start begins to contend for the slots of this machine and returns at once.
// It fails if the list disagrees with the one recorded, with an error that
// wraps *DisagreementError, or if it cannot be told which slots are ours. The
// context bounds only the look at names and other members.
func Start(ctx context.Context, config Config) (*Host, error) {
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	h := &Host{
		config:  config,
		list:    canonical(config.Slots),
		logger:  config.Logger,
		failed:  make(chan error, 1),
		hosting: make(map[string]bool),
	}
	if advice := Advice(config.Slots); advice != "" {
		h.logger.Warn(advice)
	}
	life, end := context.WithCancel(context.Background())
	h.end = end
	mine, err := h.assign(ctx)
	if err != nil {
		end()
		return nil, fmt.Errorf("host a slot: %w", err)
	}
	for _, a := range mine {
		f, err := h.open(ctx, a)
		if errors.Is(err, fs.ErrPermission) {
			h.logger.Info("not hosting a slot of this machine: its folder is not ours", "slot", a.String(), "error", err)
			continue
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("host slot %s: %w", a.Slot, err), h.Stop())
		}
		h.mine = append(h.mine, a)
		h.wg.Go(func() { h.contend(life, a, f) })
	}
	return h, nil
}

// Local returns the client address of a slot of this machine, empty if it has
// none: the endpoint for the processes here to prefer.
func (h *Host) Local() string {
	if len(h.mine) == 0 {
		return ""
	}
	return h.mine[0].Addr()
}

// Hosting tells whether this process hosts the slot of an address now.
func (h *Host) Hosting(addr string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hosting[addr]
}

// Failed delivers the reason if this process should not go on: a disagreement
// that only showed when other members answered.
func (h *Host) Failed() <-chan error { return h.failed }

// Stop stops hosting and standing by. A slot is free for a standby as soon as
// its database is closed.
func (h *Host) Stop() error {
	h.end()
	h.wg.Wait()
	return nil
}

func (h *Host) assign(ctx context.Context) ([]assignment, error) {
	if h.config.SlotFlag == SlotNone {
		return nil, nil
	}
	m := machine{names: make(map[string][]netip.Addr)}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("addresses of this machine: %w", err)
	}
	for _, a := range own {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			m.own = append(m.own, prefix.Addr().Unmap())
		}
	}
	ctx, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	for _, s := range h.config.Slots {
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", s.Host)
		if err != nil {
			h.logger.Warn("cannot tell whether a slot is this machine's", "slot", s.String(), "error", err)
			continue
		}
		for _, a := range addrs {
			m.names[s.Host] = append(m.names[s.Host], a.Unmap())
		}
	}
	return assign(h.config.Slots, m, h.config.SlotFlag)
}

// open opens a slot's folder and refuses a list that is not the recorded one.
func (h *Host) open(ctx context.Context, a assignment) (*folder, error) {
	dir := h.config.Dir
	if dir == "" {
		var err error
		if dir, err = DefaultDir(); err != nil {
			return nil, err
		}
	}
	f, err := openFolder(dir, a.Slot)
	if err != nil {
		return nil, err
	}
	recorded, err := f.recorded()
	if err == nil && decide(false, recorded, h.list) == refuse {
		err = &DisagreementError{Recorded: recorded, Given: h.list, Where: f.recordPath()}
	}
	if err == nil && recorded == "" {
		err = h.ask(ctx, a)
	}
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// contend waits for a slot and hosts it, again and again.
func (h *Host) contend(ctx context.Context, a assignment, f *folder) {
	logger := h.logger.With("slot", a.String())
	retry := firstRetry
	last := "" // what was logged last; once is enough
	for ctx.Err() == nil {
		began := time.Now()
		free, err := h.host(ctx, a, f, logger)
		if !free {
			// The database may still be open, and nobody else must open it
			// until the kernel takes it from this process.
			logger.Error("embedded etcd does not stop; the slot stays taken until this process is restarted, " +
				"which goes on working as a client of the others")
			return
		}
		var disagreement *DisagreementError
		if errors.As(err, &disagreement) {
			h.fail(err)
			break
		}
		if err != nil && ctx.Err() == nil {
			if time.Since(began) > time.Minute {
				retry, last = firstRetry, ""
			}
			if err.Error() != last {
				level := slog.LevelError
				if errors.Is(err, unix.EADDRINUSE) {
					level = slog.LevelWarn // an etcd of somebody else's will do
				}
				logger.Log(ctx, level, "not hosting the slot for now", "error", err)
				last = err.Error()
			}
			sleep(ctx, retry)
			retry = min(2*retry, lastRetry)
		}
	}
	if err := f.close(); err != nil {
		logger.Error("close slot", "error", err)
	}
}

// host hosts a slot once it is free, until the context ends or etcd fails. It
// tells whether the slot is free again.
func (h *Host) host(ctx context.Context, a assignment, f *folder, logger *slog.Logger) (free bool, err error) {
	if err := f.waitLock(ctx); err != nil {
		return true, err
	}
	defer func() {
		if free {
			err = errors.Join(err, f.unlock())
		}
	}()
	if err := probe(ctx, a); err != nil {
		return true, err
	}
	recorded, err := f.recorded()
	if err != nil {
		return true, err
	}
	switch decide(true, recorded, h.list) {
	case refuse:
		return true, &DisagreementError{Recorded: recorded, Given: h.list, Where: f.recordPath()}
	case found:
		if err := f.record(h.list); err != nil {
			return true, err
		}
	}
	s, err := startServer(a, h.config.Slots, f, logger)
	if err != nil {
		return true, err
	}
	h.set(a.Addr(), true)
	defer h.set(a.Addr(), false)
	logger.Info("hosting a slot of the cluster")

	limit := closeLimit
	if err = h.attend(ctx, a, s, logger); err != nil {
		logger.Error("giving the slot up", "error", err)
		limit = brokenLimit
	}
	if !s.stop(limit) {
		return false, err
	}
	logger.Info("slot handed over")
	return true, err
}

// probe tells beforehand whether the slot's ports are free.
func probe(ctx context.Context, a assignment) error {
	for _, port := range []int{a.Port, a.PeerPort} {
		var config net.ListenConfig
		l, err := config.Listen(ctx, "tcp", net.JoinHostPort(a.listen.String(), strconv.Itoa(port)))
		if err != nil {
			return fmt.Errorf("port of the slot: %w", err)
		}
		if err := l.Close(); err != nil {
			return fmt.Errorf("port of the slot: %w", err)
		}
	}
	return nil
}

// attend waits for the end of a member.
func (h *Host) attend(ctx context.Context, a assignment, s *server, logger *slog.Logger) error {
	ready := s.ready()
	tick := time.NewTicker(askPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case reason := <-s.broken:
			return fmt.Errorf("embedded etcd failed: %s", reason)
		case err := <-s.etcd.Err():
			return fmt.Errorf("embedded etcd failed: %w", err)
		case <-s.etcd.Server.StopNotify():
			return errors.New("embedded etcd stopped by itself")
		case <-ready:
			logger.Info("cluster coordination is up")
			ready = nil
			tick.Stop()
		case <-tick.C:
			if err := h.ask(ctx, a); err != nil {
				return err
			}
		}
	}
}

func (h *Host) set(addr string, hosting bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hosting[addr] = hosting
}

func (h *Host) fail(err error) {
	select {
	case h.failed <- err:
	default:
	}
}

// ask asks the other members which ensemble they are of. Those that do not
// answer are not up yet.
func (h *Host) ask(ctx context.Context, a assignment) error {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	errs := make(chan error, len(h.config.Slots))
	n := 0
	for _, s := range h.config.Slots {
		if s == a.Slot {
			continue
		}
		n++
		go func() {
			members, err := askMember(ctx, s)
			if err != nil || !differ(members, h.config.Slots) {
				errs <- nil
				return
			}
			errs <- &DisagreementError{Recorded: describe(members), Given: h.list, Where: "member " + s.Addr()}
		}()
	}
	var first error
	for range n {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// askMember returns the peer addresses of a member's ensemble.
func askMember(ctx context.Context, s Slot) ([]string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.peerAddr()+"/members", nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %s", resp.Status)
	}
	var answer []struct {
		PeerURLs []string `json:"peerURLs"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&answer); err != nil {
		return nil, err
	}
	var members []string
	for _, m := range answer {
		members = append(members, m.PeerURLs...)
	}
	return members, nil
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

package etcd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/internal/notify"
)

// revokeTimeout bounds how long Close tries to end the session.
const revokeTimeout = 2 * time.Second

// session keeps a client's lease alive and replaces it when it is lost.
type session struct {
	c       *Client
	changes notify.Group
	doubt   chan struct{} // somebody heard that the lease is gone
	expiry  *time.Timer   // tells of the moment when validity ends

	mu        sync.Mutex
	lease     clientv3.LeaseID // 0 if there is none
	ttl       time.Duration    // as granted
	confirmed time.Time        // when the last answered keepalive was sent
}

func newSession(c *Client) *session {
	s := &session{c: c, doubt: make(chan struct{}, 1)}
	s.expiry = time.AfterFunc(time.Hour, s.changes.TellAll)
	s.expiry.Stop()
	return s
}

// state returns what coord calls the session.
func (s *session) state() coord.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease == 0 {
		return coord.Session{}
	}
	return coord.Session{ID: owner(s.lease), Valid: time.Since(s.confirmed) < trusted(s.ttl), Timeout: s.ttl}
}

// trusted returns how long after a keepalive was sent the lease certainly
// lives. What is taken off covers clocks of different pace and whatever the
// holder of a lock does between looking and acting.
func trusted(ttl time.Duration) time.Duration { return ttl - ttl/5 }

// owner is how a lease is written as the owner of a node.
func owner(lease clientv3.LeaseID) string { return strconv.FormatInt(int64(lease), 16) }

// current returns the lease to hang a node on.
func (s *session) current() (clientv3.LeaseID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease == 0 {
		return 0, coord.ErrNoSession
	}
	return s.lease, nil
}

// open takes a new lease.
func (s *session) open(ctx context.Context) error {
	seconds := int64((s.c.config.SessionTimeout + time.Second - 1) / time.Second)
	return s.c.endpoints.do(ctx, func(ctx context.Context, c *clientv3.Client, _ bool) error {
		sent := time.Now()
		resp, err := c.Grant(ctx, seconds)
		if err != nil {
			return fmt.Errorf("grant lease: %w", err)
		}
		s.mu.Lock()
		s.hold(resp.ID, time.Duration(resp.TTL)*time.Second, sent)
		s.mu.Unlock()
		s.changes.TellAll()
		return nil
	})
}

// confirm records that the service had the lease at the time given or later.
func (s *session) confirm(lease clientv3.LeaseID, ttl time.Duration, sent time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease != lease || !sent.After(s.confirmed) {
		return // an answer that comes late
	}
	revived := time.Since(s.confirmed) >= trusted(s.ttl)
	s.hold(lease, ttl, sent)
	if revived {
		s.changes.TellAll()
	}
}

// hold makes a lease the present one as of a time. The caller has the lock.
func (s *session) hold(lease clientv3.LeaseID, ttl time.Duration, sent time.Time) {
	s.lease, s.ttl, s.confirmed = lease, ttl, sent
	s.expiry.Reset(time.Until(sent.Add(trusted(ttl))))
}

// lost forgets the lease.
func (s *session) lost(lease clientv3.LeaseID) {
	s.mu.Lock()
	same := s.lease == lease
	if same {
		s.lease = 0
		s.expiry.Stop()
	}
	s.mu.Unlock()
	if same {
		s.changes.TellAll()
	}
}

// suspect makes the keeper look at once whether the lease still exists.
func (s *session) suspect() {
	select {
	case s.doubt <- struct{}{}:
	default:
	}
}

// keep renews the lease until the client is closed.
func (s *session) keep() {
	ctx, logger := s.c.life, s.c.logger
	defer s.expiry.Stop()
	away := false // the service did not answer last time
	timer := time.NewTimer(s.period())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.doubt:
		case <-timer.C:
		}
		lease, err := s.current()
		if err == nil {
			limited, cancel := context.WithTimeout(ctx, max(s.period(), time.Second))
			err = s.renew(limited, lease)
			cancel()
		}
		switch {
		case errors.Is(err, rpctypes.ErrLeaseNotFound):
			logger.Error("etcd session expired", "session", owner(lease))
			s.lost(lease)
			err = s.reopen(ctx)
		case errors.Is(err, coord.ErrNoSession):
			err = s.reopen(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if !away {
				logger.Warn("etcd session lost", "error", err)
			}
			away = true
			timer.Reset(lastPause)
			continue
		case away:
			away = false
			logger.Info("etcd session recovered", "endpoint", s.c.Endpoint())
			s.c.watches.TellAll()
		}
		timer.Reset(s.period())
	}
}

// period is the time between two keepalives.
func (s *session) period() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ttl / 3
}

// reopen takes a new session in place of one that was lost.
func (s *session) reopen(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, s.c.config.SessionTimeout)
	defer cancel()
	if err := s.open(limited); err != nil {
		return err
	}
	s.c.logger.Info("etcd session established", "session", s.state().ID, "endpoint", s.c.Endpoint())
	return nil
}

// renew sends keepalives until one is answered.
func (s *session) renew(ctx context.Context, lease clientv3.LeaseID) error {
	return s.c.endpoints.do(ctx, func(ctx context.Context, c *clientv3.Client, _ bool) error {
		sent := time.Now()
		ttl, err := keepAlive(ctx, c, lease)
		if err != nil {
			return fmt.Errorf("keep lease alive: %w", err)
		}
		s.confirm(lease, ttl, sent)
		return nil
	})
}

// keepAlive renews a lease once. The library's own call for that retries
// without a pause when a member refuses connections.
func keepAlive(ctx context.Context, c *clientv3.Client, lease clientv3.LeaseID) (time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx) // also ends the stream
	defer cancel()
	stream, err := pb.NewLeaseClient(c.ActiveConnection()).LeaseKeepAlive(ctx)
	if err != nil {
		return 0, rpctypes.Error(err)
	}
	if err := stream.Send(&pb.LeaseKeepAliveRequest{ID: int64(lease)}); err != nil {
		// The reason comes with the answer.
		if _, rerr := stream.Recv(); rerr != nil {
			err = rerr
		}
		return 0, rpctypes.Error(err)
	}
	resp, err := stream.Recv()
	if err != nil {
		return 0, rpctypes.Error(err)
	}
	if resp.TTL <= 0 {
		return 0, rpctypes.ErrLeaseNotFound
	}
	return time.Duration(resp.TTL) * time.Second, nil
}

// revoke ends the session, and with it the ephemeral nodes, if the service
// answers.
func (s *session) revoke() {
	lease, err := s.current()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), revokeTimeout)
	defer cancel()
	err = s.c.endpoints.do(ctx, func(ctx context.Context, c *clientv3.Client, _ bool) error {
		_, err := c.Revoke(ctx, lease)
		return err
	})
	if err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		s.c.logger.Warn("etcd session not ended; it expires by itself", "error", err)
	}
	s.lost(lease)
}

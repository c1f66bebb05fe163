package zookeeper

import (
	"context"
	"fmt"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/jubatus/jubatus-go/coord"
)

// session is what a Client knows of its session. It is guarded by Client.mu.
type session struct {
	id        string
	timeout   time.Duration // negotiated
	connected bool
	// confirmed is when the last question was sent that the service answered
	// in this session. Counting from the answer would trust one that waited
	// in a buffer while this process was stopped.
	confirmed time.Time
	told      bool // what the last change told about validity
	timedOut  bool // it was logged that the session may be lost
}

// valid says whether the service cannot have expired the session yet. It
// waits for the whole timeout since it last heard of the client; a third is
// left for clocks that disagree and for what a lock's holder is just doing.
func (s *session) valid(now time.Time) bool {
	return s.id != "" && now.Sub(s.confirmed) < s.timeout*2/3
}

// Session implements coord.Coordinator.
func (c *Client) Session() coord.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return coord.Session{}
	}
	return coord.Session{ID: c.session.id, Valid: c.session.valid(time.Now()), Timeout: c.session.timeout}
}

// SessionChanges implements coord.Coordinator.
func (c *Client) SessionChanges(ctx context.Context) <-chan struct{} {
	return c.sessions.Subscribe(ctx, "")
}

// CheckSession implements coord.Coordinator.
func (c *Client) CheckSession(ctx context.Context) error {
	c.mu.Lock()
	id := c.session.id
	c.mu.Unlock()
	if id == "" {
		return coord.ErrNoSession
	}
	sent, err := call(ctx, c, false, func() (time.Time, error) {
		sent := time.Now()
		_, err := c.conn.Sync(c.full("/"))
		return sent, err
	})
	if err != nil {
		return err
	}
	if !c.confirmed(id, sent) {
		return coord.ErrNoSession
	}
	return nil
}

// confirmed notes that the service answered a question sent then in a
// session, and says whether that is still the present one.
func (c *Client) confirmed(id string, sent time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session.id != id {
		return false
	}
	if sent.After(c.session.confirmed) {
		c.session.confirmed = sent
	}
	return true
}

// confirm asks the service for a sign of life several times per timeout, and
// tells when the session's validity changes. The library's own pings would
// keep the session, but do not say when they were answered.
func (c *Client) confirm() {
	defer c.wg.Done()
	for {
		c.mu.Lock()
		id, timeout, connected := c.session.id, c.session.timeout, c.session.connected
		generation := c.generation
		c.mu.Unlock()
		interval := max(timeout/6, 20*time.Millisecond)
		if timeout == 0 {
			interval = time.Second
		}
		if connected {
			ctx, cancel := context.WithTimeout(c.ctx, 3*interval)
			sent, err := call(ctx, c, true, func() (time.Time, error) {
				sent := time.Now()
				_, _, err := c.conn.Exists(c.full("/"))
				return sent, err
			})
			cancel()
			if err == nil {
				c.confirmed(id, sent)
			}
		}
		c.tellValidity()
		select {
		case <-time.After(interval):
		case <-generation:
		case <-c.ctx.Done():
			return
		}
	}
}

// tellValidity tells those who wait for it if the session has become valid,
// or doubtful, since they were last told.
func (c *Client) tellValidity() {
	c.mu.Lock()
	s := &c.session
	valid := s.valid(time.Now())
	changed := valid != s.told
	s.told = valid
	log := !valid && !s.connected && s.id != "" && !s.timedOut
	s.timedOut = s.timedOut || log
	c.mu.Unlock()
	if log {
		c.log.Error("ZooKeeper session recovery timed out: state CONNECTING_STATE(1)")
	}
	if changed {
		c.sessions.Tell("")
	}
}

// onEvent follows the connection. The library calls it between its steps, so
// it must not wait for the service.
func (c *Client) onEvent(event zk.Event) {
	if event.Type != zk.EventSession {
		return
	}
	c.log.Debug("got ZooKeeper event", "state", event.State.String())
	switch event.State {
	case zk.StateHasSession:
		c.onSession()
	case zk.StateDisconnected:
		c.mu.Lock()
		lost := c.session.connected && !c.closed
		c.session.connected = false
		c.signalLocked()
		c.mu.Unlock()
		if lost {
			c.log.Warn("ZooKeeper session lost")
		}
	case zk.StateExpired:
		c.mu.Lock()
		c.session = session{}
		c.signalLocked()
		c.mu.Unlock()
		c.log.Error("ZooKeeper session expired")
		c.sessions.Tell("")
	}
}

// onSession notes the session that a new connection has.
func (c *Client) onSession() {
	id, timeout, sent := c.dialer.handshake()
	c.mu.Lock()
	before := c.session.id
	c.session = session{
		id: sessionID(id), timeout: timeout, connected: true, confirmed: sent, told: true,
	}
	c.signalLocked()
	c.mu.Unlock()
	c.log.Info(fmt.Sprintf("ZooKeeper session established: connected to %s, negotiated timeout %d ms",
		c.dialer.server(), timeout.Milliseconds()))
	if before == sessionID(id) {
		c.log.Info("ZooKeeper session recovered before timeout")
	}
	c.sessions.Tell("")
}

package proxy

import (
	"context"
	"net"
	"time"
)

// unacknowledged is how long a server's host may leave bytes unacknowledged
// before its connections count as lost. A server may take long over a call,
// but its host's kernel does not.
const unacknowledged = 3 * time.Second

// dial connects to a server.
func dial(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 3},
		Control:         control,
	}
	return d.DialContext(ctx, "tcp", addr)
}

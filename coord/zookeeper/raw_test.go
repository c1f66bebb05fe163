package zookeeper_test

import (
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

// rawClient looks at the tree with the library alone.
func rawClient(t *testing.T, addr string) *zk.Conn {
	t.Helper()
	conn, events, err := zk.Connect([]string{addr}, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		for range events {
		}
	})
	return conn
}

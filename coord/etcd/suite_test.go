package etcd

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

// TestSuite runs what every backend must do.
func TestSuite(t *testing.T) {
	m := startMember(t)
	coordtest.Run(t, func(*testing.T) coordtest.Backend { return backend{m} })
}

type backend struct{ m *member }

func (b backend) Open(t testing.TB) coord.Coordinator {
	c, err := Open(t.Context(), Config{
		Endpoints: []string{b.m.client}, SessionTimeout: 2 * time.Second, Logger: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (b backend) Expire(t testing.TB, c coord.Coordinator) {
	lease, err := strconv.ParseInt(c.Session().ID, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.m.plain().Revoke(t.Context(), clientv3.LeaseID(lease)); err != nil {
		t.Fatal(err)
	}
}

func (b backend) Interrupt(testing.TB) { b.m.stop() }

func (b backend) Resume(testing.TB) { b.m.start() }

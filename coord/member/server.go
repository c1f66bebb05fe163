package member

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"google.golang.org/grpc"

	"github.com/jubatus/jubatus-go/coord/etcd/etcdlog"
)

const (
	// leaderLimit bounds the hand-over of leadership, closeLimit all of a stop,
	// brokenLimit that of a member that broke, which often cannot be stopped.
	leaderLimit = 2 * time.Second
	closeLimit  = 15 * time.Second
	brokenLimit = 3 * time.Second

	// keepRevisions is how much history is kept; a watch that lags further
	// starts afresh. Every revision of ids and locks would otherwise stay.
	// Sessions are kept alive without revisions.
	keepRevisions = 1000

	quota = 2 << 30 // bytes on disk; a large cluster needs some megabytes
)

// server is a running etcd member.
type server struct {
	etcd     *embed.Etcd
	broken   chan string // why etcd gave itself up
	stopping atomic.Bool

	mu   sync.Mutex
	grpc []*grpc.Server // that serve clients
}

// configure returns the etcd configuration of a slot: the same for the same
// list on every machine, apart from what is the slot's own.
func configure(a assignment, slots []Slot, dir string) *embed.Config {
	list := canonical(slots)
	token := sha256.Sum256([]byte(list))
	var initial []string
	for _, s := range slots {
		initial = append(initial, s.name()+"=http://"+s.peerAddr())
	}
	c := embed.NewConfig()
	c.Name = a.name()
	c.Dir = dir
	c.InitialCluster = strings.Join(initial, ",")
	c.InitialClusterToken = "jubatus-" + hex.EncodeToString(token[:8])
	c.ListenClientUrls = []url.URL{listenURL(a, a.Port)}
	c.ListenPeerUrls = []url.URL{listenURL(a, a.PeerPort)}
	c.AdvertiseClientUrls = []url.URL{{Scheme: "http", Host: a.Addr()}}
	c.AdvertisePeerUrls = []url.URL{{Scheme: "http", Host: a.peerAddr()}}

	// A member is missed when it was silent for the election timeout. That
	// lies far above a local network's delays and a busy disk's, and still
	// lets the ensemble answer about a second after it lost its leader. An
	// ensemble of one waits for nobody when it starts again.
	c.TickMs, c.ElectionMs = 50, 500
	if len(slots) == 1 {
		c.TickMs, c.ElectionMs = 20, 100
	}
	c.PreVote = true // a host that was cut off must not depose the leader
	c.StrictReconfigCheck = true

	c.AutoCompactionMode = embed.CompactorModeRevision
	c.AutoCompactionRetention = strconv.Itoa(keepRevisions)
	c.QuotaBackendBytes = quota
	c.SnapshotCount = 10000 // also what a restart reads again at most

	c.EnableGRPCGateway = false
	c.EnablePprof = false
	c.UserHandlers = map[string]http.Handler{hostPath: hostPage()}
	return c
}

func listenURL(a assignment, port int) url.URL {
	return url.URL{Scheme: "http", Host: net.JoinHostPort(a.listen.String(), strconv.Itoa(port))}
}

// startServer starts a member. It serves once a majority of slots does.
func startServer(a assignment, slots []Slot, f *folder, logger *slog.Logger) (*server, error) {
	s := &server{broken: make(chan string, 1)}
	config := configure(a, slots, f.dataPath())
	config.ServiceRegister = func(g *grpc.Server) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.grpc = append(s.grpc, g)
	}
	zap := etcdlog.New(logger, etcdlog.Hooks{
		Fatal: func(message string) {
			select {
			case s.broken <- message:
			default:
			}
		},
		Stopping: s.stopping.Load,
	})
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap)

	// A fatal error ends the goroutine in which etcd finds it.
	err := errors.New("etcd gave up while starting")
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.etcd, err = embed.StartEtcd(config)
	}()
	<-done
	if err != nil {
		select {
		case reason := <-s.broken:
			err = fmt.Errorf("%w: %s", err, reason)
		default:
		}
		return nil, fmt.Errorf("start etcd member %s: %w", a.Slot, err)
	}
	return s, nil
}

// ready is closed when the member serves.
func (s *server) ready() <-chan struct{} { return s.etcd.Server.ReadyNotify() }

// stop hands leadership over, drops the clients, who go to another member or
// come back, and closes the database. It returns false if etcd does not come
// to an end in time, in which case the database must be thought open.
func (s *server) stop(limit time.Duration) bool {
	s.stopping.Store(true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		handed := make(chan struct{})
		go func() {
			defer close(handed)
			// Of no consequence if it fails: the others then elect one.
			_ = s.etcd.Server.TryTransferLeadershipOnShutdown()
		}()
		select {
		case <-handed:
		case <-time.After(leaderLimit):
		}
		s.mu.Lock()
		for _, g := range s.grpc {
			g.Stop() // a graceful stop would wait for watches, which never end
		}
		s.mu.Unlock()
		s.etcd.Server.HardStop()
		s.etcd.Close()
		<-handed
	}()
	select {
	case <-done:
		return true
	case <-time.After(limit):
		return false
	}
}

package member

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Report is what the member in a slot says about itself.
type Report struct {
	Slot    Slot
	Host    Process // the zero value if the member is an etcd of somebody else's
	Version string  // of etcd
	Leader  bool    // whether it leads the ensemble
	Size    int64   // of the database file, in bytes
	InUse   int64   // of Size
	Err     error   // why the member does not say anything; all else is empty then
}

// Process is a process that hosts a slot.
type Process struct {
	Program string    `json:"program"`
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"` // when it began to host the slot
}

// hostPath is where a member tells, beside etcd's own pages, whose it is.
const hostPath = "/jubatus/host"

// Inspect asks the members of all slots about themselves, each at its own
// address, so that those who answer are heard whatever the ensemble as a whole
// can do. A member has until the timeout.
func Inspect(ctx context.Context, slots []Slot, timeout time.Duration) []Report {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	reports := make([]Report, len(slots))
	var wg sync.WaitGroup
	for i, s := range slots {
		wg.Go(func() {
			r, err := inspect(ctx, s)
			if err != nil {
				r = Report{Err: fmt.Errorf("ask slot %s: %w", s, err)}
			}
			r.Slot = s
			reports[i] = r
		})
	}
	wg.Wait()
	return reports
}

func inspect(ctx context.Context, s Slot) (r Report, err error) {
	client, err := clientv3.New(clientv3.Config{
		Endpoints:   []string{s.Addr()},
		Logger:      zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())},
	})
	if err != nil {
		return r, err
	}
	defer client.Close()
	status, err := client.Status(ctx, s.Addr())
	if err != nil {
		return r, err
	}
	r.Version, r.Size, r.InUse = status.Version, status.DbSize, status.DbSizeInUse
	r.Leader = status.Leader != 0 && status.Leader == status.Header.MemberId
	if host, err := askHost(ctx, s); err == nil {
		r.Host = host
	}
	return r, nil
}

// askHost asks which process hosts a slot.
func askHost(ctx context.Context, s Slot) (Process, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr()+hostPath, nil)
	if err != nil {
		return Process{}, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return Process{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return Process{}, fmt.Errorf("status %s", resp.Status)
	}
	var p Process
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&p); err != nil {
		return Process{}, err
	}
	return p, nil
}

// hostPage answers askHost: it is this process.
func hostPage() http.Handler {
	p := Process{Program: programName(os.Args), PID: os.Getpid(), Since: time.Now()}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(p) //nolint:errcheck // who asked has gone
	})
}

// programName is what a process was called: the name of its file, or the
// command that its first argument was.
func programName(args []string) string {
	if len(args) == 0 {
		return ""
	}
	name := filepath.Base(args[0])
	if name == "jubatus" && len(args) > 1 {
		return args[1]
	}
	return name
}

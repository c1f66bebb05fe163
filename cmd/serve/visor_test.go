package serve

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/cmd/coordination"
	"github.com/jubatus/jubatus-go/cmd/option"
)

const visorUsage = `usage: jubavisor [options] ... 
options:
  -p, --rpc-port          port number; processes get the next ones (int [=9198])
  -b, --listen_addr       bind IP address, also of processes (string [=])
  -B, --listen_if         bind network interface, also of processes (string [=])
  -z, --zookeeper         zookeeper location (string [=])
  -l, --logdir            directory to keep the output of processes, a file each (instead of the agent's log) (string [=])
  -g, --log_config        log4cxx XML configuration file (string [=])
  -t, --timeout           time out (sec); not used (int [=10])
  -d, --daemon            launch in daemon mode
      --leave-children    let processes go on when the agent is stopped
      --state_dir         directory to note the processes in (string [=])
  -v, --version           version
      --cluster           cluster location, instead of zookeeper: every node's host:port,... (string [=])
      --coord_dir         directory of this machine's part of the cluster's coordination (string [=])
      --coord_slot        this machine's host:port in the cluster location, or none (string [=])
  -?, --help              print this message
`

func TestVisorCommandLine(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		args []string
		env  string // JUBATUS_CLUSTER
		code int
		out  string // the beginning of what it says on stderr
	}{
		{args: nil, code: 0, out: visorUsage},
		{args: []string{"--help"}, code: 0, out: visorUsage},
		{args: []string{"-p", "9198"}, code: 1, out: "need option: --zookeeper or --cluster\nusage: "},
		{args: []string{"-p", "65535", "-z", "x"}, code: 1, out: "option value is invalid: --rpc-port=65535\n"},
		{args: []string{"-z", "x:1", "--cluster", "y:1"}, code: 1, out: "can't use both zookeeper and cluster location\n"},
		{args: []string{"-b", "0.0.0.0", "-z", "x:1"}, code: 1, out: "can't register the address 0.0.0.0"},
		{args: []string{"-l", filepath.Join(dir, "none"), "-z", "x:1", "-b", "127.0.0.1"}, code: 1},
		{args: []string{"-b", "127.0.0.1"}, env: "h:1,h:2", code: 1, out: ""}, // ports overlap
	}
	for _, test := range tests {
		t.Setenv(coordination.ClusterVariable, test.env)
		t.Setenv(coordination.ZooKeeperVariable, "")
		var stdout, stderr bytes.Buffer
		code := Visor{Called: "jubavisor", Stdout: &stdout, Stderr: &stderr}.Run(test.args)
		if code != test.code || !strings.HasPrefix(stderr.String(), test.out) {
			t.Errorf("%q: %d\n%s%s", test.args, code, &stdout, &stderr)
		}
	}
}

func TestVisorHandsOnWhereTheClusterIs(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/state")
	t.Setenv(coordination.ClusterVariable, "")
	t.Setenv(coordination.ZooKeeperVariable, "")
	for _, test := range []struct {
		args, where []string
		state       string
	}{
		{[]string{"-z", "zk:2181"}, []string{"-z", "zk:2181"}, "/state/jubatus/visor"},
		{[]string{"--cluster", "h:2379"}, []string{"--cluster", "h:2379"}, "/state/jubatus/visor"},
		{
			[]string{"--cluster", "h:2379", "--coord_dir", "/c", "--coord_slot", "none"},
			[]string{"--cluster", "h:2379", "--coord_dir", "/c", "--coord_slot", "none"}, "/c/visor",
		},
		{[]string{"-z", "zk:2181", "--state_dir", "/s"}, []string{"-z", "zk:2181"}, "/s"},
	} {
		o := option.New("jubavisor")
		all, own := declareVisor(o)
		r := &visorRun{process: newProcess(all, "jubavisor", o, nil, nil), visorSettings: own}
		if err := o.Parse(test.args); err != nil {
			t.Fatal(err)
		}
		if err := r.locate(environment(), coordination.Location{}); err != nil {
			t.Fatal(err)
		}
		if err := r.settleStateDir(); err != nil {
			t.Fatal(err)
		}
		if got := r.where(); !slices.Equal(got, test.where) || *r.stateDir != test.state {
			t.Errorf("%q: %q, %s", test.args, got, *r.stateDir)
		}
	}
}

package serve

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/cmd/coordination"
	"github.com/jubatus/jubatus-go/cmd/logging"
	"github.com/jubatus/jubatus-go/cmd/option"
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/service"
)

const usage = `usage: jubaclassifier [options] ... 
options:
  -p, --rpc-port                port number (int [=9199])
  -b, --listen_addr             bind IP address (string [=])
  -B, --listen_if               bind network interfance (string [=])
  -c, --thread                  concurrency = thread number (int [=2])
  -t, --timeout                 time out (sec) (int [=10])
  -d, --datadir                 directory to save and load models (string [=/tmp])
  -l, --logdir                  directory to output ZooKeeper logs (instead of stderr) (string [=])
  -g, --log_config              log4cxx XML configuration file (string [=])
  -f, --configpath              config option need to specify json file when standalone mode (without ZK mode) (string [=])
  -m, --model_file              model data to load at startup (string [=])
  -D, --daemon                  launch in daemon mode
  -T, --config_test             run a configuration file syntax test and exit
  -z, --zookeeper               zookeeper location (string [=])
  -n, --name                    learning machine instance name (string [=])
  -x, --mixer                   mixer strategy (string [=linear_mixer])
  -s, --interval_sec            mix interval by seconds (int [=16])
  -i, --interval_count          mix interval by update count (int [=512])
  -Z, --zookeeper_timeout       zookeeper time out (sec) (int [=10])
  -I, --interconnect_timeout    interconnect time out between servers (sec) (int [=10])
  -v, --version                 version
      --cluster                 cluster location, instead of zookeeper: every node's host:port,... (string [=])
      --coord_dir               directory of this machine's part of the cluster's coordination (string [=])
      --coord_slot              this machine's host:port in the cluster location, or none (string [=])
  -?, --help                    print this message
`

// Scripts read this text.
func TestUsage(t *testing.T) {
	var stdout, stderr bytes.Buffer
	s := Server{Type: "classifier", Called: "jubaclassifier", Stdout: &stdout, Stderr: &stderr}
	if code := s.Run([]string{"--help"}); code != 0 || stdout.Len() > 0 {
		t.Errorf("exit code %d, stdout %q", code, &stdout)
	}
	if diff := cmp.Diff(usage, stderr.String()); diff != "" {
		t.Error(diff)
	}
}

func TestDiagnostic(t *testing.T) {
	path := "/nonexistent/file"
	err := resolve(&path)
	want := "jubatus::core::common::exception::runtime_error: Failed to get realpath\n" +
		"    (#0) File: /nonexistent/file\n" +
		"    (#0) Error: No such file or directory"
	if got := diagnostic(err); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := diagnostic(config.RuntimeError("x")); got != "jubatus::core::common::exception::runtime_error: x" {
		t.Errorf("got %q", got)
	}
}

func TestResolve(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for given, want := range map[string]string{"": "", ".": dir, "link": dir, "link/../link/.": dir, dir: dir} {
		path := given
		if err := resolve(&path); err != nil || path != want {
			t.Errorf("resolve(%q) = %q, error %v, want %q", given, path, err, want)
		}
	}
}

func TestWritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		"":                          "",
		t.TempDir():                 "",
		file:                        "Not a directory",
		filepath.Join(file, "x"):    "Not a directory",
		filepath.Join(file + "x/y"): "No such file or directory",
	} {
		got := ""
		if err := writable(dir); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("writable(%q): %q, want %q", dir, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	parse := func(args ...string) *common {
		o := option.New("x")
		s, _ := declare(o)
		if err := o.Parse(args); err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := parse("-b", "somewhere", "-B", "none0")
	if err := s.identify(); err != nil || s.addr != "somewhere" || s.bind != "somewhere" {
		t.Errorf("-b: addr %q, bind %q, error %v", s.addr, s.bind, err)
	}
	s = parse()
	if err := s.identify(); err != nil || s.bind != "0.0.0.0" || strings.Count(s.addr, ".") != 3 {
		t.Errorf("default: addr %q, bind %q, error %v", s.addr, s.bind, err)
	}
	s = parse("-B", "lo")
	if err := s.identify(); err != nil || s.addr != "127.0.0.1" || s.bind != "127.0.0.1" {
		t.Errorf("-B lo: addr %q, bind %q, error %v", s.addr, s.bind, err)
	}
	s = parse("-B", "none0")
	if err := s.identify(); err == nil || !strings.Contains(err.Error(), "Failed to get IP address from interface") {
		t.Errorf("-B none0: error %v", err)
	}
}

func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.xml")
	text := `<c><appender name="a" class="FileAppender"><param name="File" value="` + path + `.log"/></appender><root><appender-ref ref="a"/></root></c>`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := logging.Open(path, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := reload(log, log.Logger(), path); err != nil {
		t.Error(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if err := reload(log, log.Logger(), path); err == nil || err.Error() != "invalid log configuration; reload aborted" {
		t.Errorf("an emptied file: %v", err)
	}
	if err := reload(log, log.Logger(), ""); err != nil {
		t.Errorf("without a file: %v", err)
	}
}

func TestDescribe(t *testing.T) {
	if got := describe(syscall.EACCES); got != "Permission denied" {
		t.Errorf("got %q", got)
	}
}

const proxyUsage = `usage: jubastat_proxy [options] ... 
options:
  -p, --rpc-port                port number (int [=9199])
  -b, --listen_addr             bind IP address (string [=])
  -B, --listen_if               bind network interfance (string [=])
  -c, --thread                  concurrency = thread number (int [=4])
  -t, --timeout                 time out (sec) (int [=10])
  -Z, --zookeeper_timeout       zookeeper time out (sec) (int [=10])
  -I, --interconnect_timeout    interconnect time out between servers (sec) (int [=10])
  -D, --daemon                  launch in daemon mode
  -z, --zookeeper               zookeeper location (string [=localhost:2181])
  -E, --pool_expire             session-pool expire time (sec) (int [=60])
  -S, --pool_size               session-pool maximum size (int [=0])
  -l, --logdir                  directory to output ZooKeeper logs (instead of stderr) (string [=])
  -g, --log_config              log4cxx XML configuration file (string [=])
  -v, --version                 version
      --cluster                 cluster location, instead of zookeeper: every node's host:port,... (string [=])
      --coord_dir               directory of this machine's part of the cluster's coordination (string [=])
      --coord_slot              this machine's host:port in the cluster location, or none (string [=])
  -?, --help                    print this message
`

func TestProxyUsage(t *testing.T) {
	var stdout, stderr bytes.Buffer
	s, _ := service.Lookup("stat")
	p := Proxy{Service: s, Called: "jubastat_proxy", Stdout: &stdout, Stderr: &stderr}
	if code := p.Run([]string{"--help"}); code != 0 || stdout.Len() > 0 {
		t.Errorf("exit code %d, stdout %q", code, &stdout)
	}
	if diff := cmp.Diff(proxyUsage, stderr.String()); diff != "" {
		t.Error(diff)
	}
}

// What a process takes for its cluster, and what it refuses.
func TestLocation(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name        string
		proxy       bool
		args        []string
		cluster, zk string // the environment
		want        coordination.Location
		refusal     string
	}{
		{name: "standalone", args: []string{"-f", config}},
		{name: "standalone whatever the environment", args: []string{"-f", config}, cluster: "a:1"},
		{name: "standalone with a name and ZK", args: []string{"-f", config, "-n", "x"}, zk: "a:1"},
		{name: "ZK in place of a configuration", args: []string{"-n", "x"}, zk: "a:1", want: coordination.Location{ZooKeeper: "a:1"}},
		{name: "JUBATUS_CLUSTER with a name", args: []string{"-f", config, "-n", "x"}, cluster: "a:1", zk: "b:1", want: coordination.Location{Cluster: "a:1"}},
		{name: "an option", args: []string{"-n", "x", "-z", "c:1"}, cluster: "a:1", want: coordination.Location{ZooKeeper: "c:1"}},
		{name: "no name", args: []string{"--cluster", "a:1"}, refusal: "can't start multinode mode without name specified"},
		{name: "both", args: []string{"--cluster", "a:1", "-z", "b:1", "-n", "x"}, refusal: "can't use both zookeeper and cluster location"},
		{name: "neither", args: nil, refusal: "config path or model file must be specified for standalone mode"},
		{name: "no time", args: []string{"--cluster", "a:1", "-n", "x", "-Z", "0"}, refusal: "can't start with zookeeper_timeout less than 1"},
		{name: "no time for calls", args: []string{"--cluster", "a:1", "-n", "x", "-I", "0"}, refusal: "can't start with interconnect_timeout less than 1"},
		{name: "an address for nobody", args: []string{"--cluster", "a:1", "-n", "x", "-b", "0.0.0.0"}, refusal: "can't register the address 0.0.0.0"},
		{name: "an address that is no name", args: []string{"--cluster", "a:1", "-n", "x", "-b", "a_b"}, refusal: "can't register the address a_b"},
		{name: "a proxy's default", proxy: true, want: coordination.Location{ZooKeeper: "localhost:2181"}},
		{name: "a proxy in a cluster", proxy: true, args: []string{"--cluster", "a:1"}, want: coordination.Location{Cluster: "a:1"}},
		{name: "a proxy's environment", proxy: true, cluster: "a:1", want: coordination.Location{Cluster: "a:1"}},
		{name: "a proxy's default, said", proxy: true, cluster: "a:1", args: []string{"-z", "localhost:2181"}, want: coordination.Location{ZooKeeper: "localhost:2181"}},
		{name: "a proxy with both", proxy: true, args: []string{"--cluster", "a:1", "-z", "localhost:2181"}, refusal: "can't use both"},
		{name: "a proxy without time", proxy: true, args: []string{"-Z", "0"}, refusal: "can't start with zookeeper_timeout less than 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(coordination.ClusterVariable, test.cluster)
			t.Setenv(coordination.ZooKeeperVariable, test.zk)
			o := option.New("x")
			var c *common
			var check func() error
			if test.proxy {
				all, own := declareProxy(o)
				r := &proxyRun{process: newProcess(all, "x", o, nil, nil), proxySettings: own}
				c, check = all, r.check
			} else {
				all, own := declare(o)
				r := &run{process: newProcess(all, "x", o, nil, nil), settings: own}
				c, check = all, r.check
			}
			if err := o.Parse(test.args); err != nil {
				t.Fatal(err)
			}
			if err := c.identify(); err != nil {
				t.Fatal(err)
			}
			err := check()
			switch {
			case test.refusal == "" && err != nil:
				t.Error(err)
			case test.refusal != "" && (err == nil || !strings.HasPrefix(err.Error(), test.refusal)):
				t.Errorf("error %v, want %q", err, test.refusal)
			case err == nil && c.location != test.want:
				t.Errorf("%+v, want %+v", c.location, test.want)
			}
		})
	}
}

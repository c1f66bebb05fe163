package serve

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/cmd/logging"
	"github.com/jubatus/jubatus-go/cmd/option"
	"github.com/jubatus/jubatus-go/learner/config"
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

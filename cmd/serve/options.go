// Package serve is the commands that run until they are stopped: the servers,
// jubaclassifier and its kin, and the proxies in front of them. It has their
// options, the checks that come before anything is started, detaching, and the
// signals that end or rotate them.
package serve

import (
	"github.com/jubatus/jubatus-go/cmd/coordination"
	"github.com/jubatus/jubatus-go/cmd/option"
)

// settings is what only the command line of a server says. All servers have
// the same options.
type settings struct {
	threads, timeout           *int
	dataDir                    *string
	configPath, modelPath      *string
	configTest                 *bool
	name, mixer                *string
	intervalSec, intervalCount *int
}

// declare lists the options in the order of the usage text.
func declare(o *option.Set) (*common, *settings) {
	c, s := &common{}, &settings{}
	c.port = o.Int("rpc-port", 'p', "port number", 9199, option.Range(1, 65535))
	c.listenAddr = o.String("listen_addr", 'b', "bind IP address", "")
	c.listenIf = o.String("listen_if", 'B', "bind network interfance", "")
	s.threads = o.Int("thread", 'c', "concurrency = thread number", 2, option.Min(1))
	s.timeout = o.Int("timeout", 't', "time out (sec)", 10, option.Min(0))
	s.dataDir = o.String("datadir", 'd', "directory to save and load models", "/tmp")
	c.logDir = o.String("logdir", 'l', "directory to output ZooKeeper logs (instead of stderr)", "")
	c.logConfig = o.String("log_config", 'g', "log4cxx XML configuration file", "")
	s.configPath = o.String("configpath", 'f', "config option need to specify json file when standalone mode (without ZK mode)", "")
	s.modelPath = o.String("model_file", 'm', "model data to load at startup", "")
	c.daemon = o.Bool("daemon", 'D', "launch in daemon mode")
	s.configTest = o.Bool("config_test", 'T', "run a configuration file syntax test and exit")
	c.zookeeper = o.String("zookeeper", 'z', "zookeeper location", "")
	s.name = o.String("name", 'n', "learning machine instance name", "")
	s.mixer = o.String("mixer", 'x', "mixer strategy", "linear_mixer")
	s.intervalSec = o.Int("interval_sec", 's', "mix interval by seconds", 16, option.Min(0))
	s.intervalCount = o.Int("interval_count", 'i', "mix interval by update count", 512, option.Min(0))
	c.zookeeperTimeout = o.Int("zookeeper_timeout", 'Z', "zookeeper time out (sec)", 10, nil)
	c.interconnectTimeout = o.Int("interconnect_timeout", 'I', "interconnect time out between servers (sec)", 10, nil)
	c.version = o.Bool("version", 'v', "version")
	c.coordination = coordination.Declare(o)
	return c, s
}

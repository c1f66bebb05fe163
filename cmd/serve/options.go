// Package serve is the server commands, jubaclassifier and its kin: their
// options, the checks that come before anything is started, detaching, and
// the signals that end or rotate them.
package serve

import (
	"github.com/jubatus/jubatus-go/cmd/option"
)

// settings is what the command line of a server says. All servers have the
// same options.
type settings struct {
	port                       *int
	listenAddr, listenIf       *string
	threads, timeout           *int
	dataDir, logDir, logConfig *string
	configPath, modelPath      *string
	daemon, configTest         *bool
	zookeeper, name, mixer     *string
	intervalSec, intervalCount *int
	zookeeperTimeout           *int
	interconnectTimeout        *int
	version                    *bool

	addr string // what the server calls itself, without the port
	bind string // the address it listens on
}

// declare lists the options in the order of the usage text.
func declare(o *option.Set) *settings {
	return &settings{
		port:                o.Int("rpc-port", 'p', "port number", 9199, option.Range(1, 65535)),
		listenAddr:          o.String("listen_addr", 'b', "bind IP address", ""),
		listenIf:            o.String("listen_if", 'B', "bind network interfance", ""),
		threads:             o.Int("thread", 'c', "concurrency = thread number", 2, option.Min(1)),
		timeout:             o.Int("timeout", 't', "time out (sec)", 10, option.Min(0)),
		dataDir:             o.String("datadir", 'd', "directory to save and load models", "/tmp"),
		logDir:              o.String("logdir", 'l', "directory to output ZooKeeper logs (instead of stderr)", ""),
		logConfig:           o.String("log_config", 'g', "log4cxx XML configuration file", ""),
		configPath:          o.String("configpath", 'f', "config option need to specify json file when standalone mode (without ZK mode)", ""),
		modelPath:           o.String("model_file", 'm', "model data to load at startup", ""),
		daemon:              o.Bool("daemon", 'D', "launch in daemon mode"),
		configTest:          o.Bool("config_test", 'T', "run a configuration file syntax test and exit"),
		zookeeper:           o.String("zookeeper", 'z', "zookeeper location", ""),
		name:                o.String("name", 'n', "learning machine instance name", ""),
		mixer:               o.String("mixer", 'x', "mixer strategy", "linear_mixer"),
		intervalSec:         o.Int("interval_sec", 's', "mix interval by seconds", 16, option.Min(0)),
		intervalCount:       o.Int("interval_count", 'i', "mix interval by update count", 512, option.Min(0)),
		zookeeperTimeout:    o.Int("zookeeper_timeout", 'Z', "zookeeper time out (sec)", 10, nil),
		interconnectTimeout: o.Int("interconnect_timeout", 'I', "interconnect time out between servers (sec)", 10, nil),
		version:             o.Bool("version", 'v', "version"),
	}
}

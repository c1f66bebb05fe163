package jubactl

import (
	"time"

	"github.com/jubatus/jubatus-go/cmd/coordination"
	"github.com/jubatus/jubatus-go/cmd/option"
)

// How listings are written.
const (
	formatText = "text"
	formatJSON = "json"
)

// settings is what the command line says.
type settings struct {
	command, server, name, typ, zookeeper, id *string
	num                                       *int
	coordination                              *coordination.Flags

	listenIf                              *string
	threads, timeout                      *int
	dataDir, logDir, logConfig, mixer     *string
	intervalSec, intervalCount            *int
	zookeeperTimeout, interconnectTimeout *int

	serverID, format *string
	wait             *int
}

// parse reads the command line. The program, name and type are required, as
// they ever were, except by the commands that look at more than one cluster.
func parse(called string, args []string) (*option.Set, *settings, error) {
	o := option.New(called)
	s := declare(o, false)
	err := o.Parse(args)
	if c, ok := commands[*s.command]; err == nil && ok && (!c.cluster || *s.serverID != "") {
		return o, s, nil
	}
	o = option.New(called)
	s = declare(o, true)
	return o, s, o.Parse(args)
}

// declare lists the options in the order of the usage text.
func declare(o *option.Set, required bool) *settings {
	cluster := o.Required
	if !required {
		cluster = func(long string, short byte, about string, _ ...string) *string {
			return o.String(long, short, about, "")
		}
	}
	s := &settings{
		command:   o.Required("cmd", 'c', "command to perform (start|stop|restart|save|load|status|list|members)"),
		server:    cluster("server", 's', "program of the servers (jubaclassifier, ...)"),
		name:      cluster("name", 'n', "learning machine name"),
		typ:       cluster("type", 't', "learning machine type"),
		num:       o.Int("num", 'N', "[start] number of processes in the whole cluster, 0: one on each machine", 0, option.Min(0)),
		zookeeper: o.String("zookeeper", 'z', "ZooKeeper location environment: 'ZK' is available instead", ""),
		id:        o.String("id", 'i', "[save|load] id of the model file, the name if empty", ""),

		listenIf:            o.String("listen_if", 'B', "[start] bind network interfance", ""),
		threads:             o.Int("thread", 'C', "[start] concurrency = thread number", 2, nil),
		timeout:             o.Int("timeout", 'T', "[start] time out (sec)", 10, nil),
		dataDir:             o.String("datadir", 'D', "[start] directory to save and load models", "/tmp"),
		logDir:              o.String("logdir", 'L', "[start] directory to output logs", ""),
		logConfig:           o.String("log_config", 'G', "[start] log4cxx XML configuration file", ""),
		mixer:               o.String("mixer", 'X', "[start] mixer strategy", "linear_mixer"),
		intervalSec:         o.Int("interval_sec", 'S', "[start] mix interval by seconds", 16, nil),
		intervalCount:       o.Int("interval_count", 'I', "[start] mix interval by update count", 512, nil),
		zookeeperTimeout:    o.Int("zookeeper_timeout", 'Z', "[start] zookeeper time out (sec)", 10, nil),
		interconnectTimeout: o.Int("interconnect_timeout", 'R', "[start] interconnect time out between servers (sec)", 10, nil),
	}
	o.Bool("debug", 'd', "debug mode (obsolete)")
	s.coordination = coordination.DeclareClient(o)
	s.serverID = o.String("server-id", 0, "[stop] the one server to stop: ip_port", "")
	s.wait = o.Int("wait", 0, "[restart|stop] how long to wait for each server (sec)", 60, option.Min(1))
	s.format = o.String("format", 0, "[status|list|members] text or json", formatText, formatText, formatJSON)
	return s
}

// patience is how long a server may take to stop or to become active.
func (s *settings) patience() time.Duration { return time.Duration(*s.wait) * time.Second }

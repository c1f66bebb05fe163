// Package etcdlog sends etcd's log, which speaks zap, to a slog.Logger.
package etcdlog

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Hooks are called for some entries. Each may be nil.
type Hooks struct {
	// Fatal is told the message of an entry by which etcd means to end the
	// process (Panic and Fatal).
	Fatal func(message string)

	// Stopping tells that etcd is being stopped on purpose, when it complains
	// of closed connections and of little else.
	Stopping func() bool
}

const (
	period  = 10 * time.Second
	repeats = 2
)

// expected are messages that say nothing new to whoever runs a cluster, since
// they come of how the ensemble is set up or of its being young.
var expected = map[string]bool{
	"Running http and grpc server on single port. This is not recommended for production.":             true,
	"simple token is not cryptographically signed":                                                     true,
	"Failed to detect schema version":                                                                  true,
	"Failed to detect storage schema version. Please wait till wal snapshot before upgrading cluster.": true,
	"failed to update storage version":                                                                 true,
	"retrying of unary invoker failed":                                                                 true, // the caller tells
}

// New returns a zap logger whose entries of warning level and above go to
// logger; those that are expected, at debug level. One message is written at
// most twice in ten seconds: etcd repeats some with every heartbeat. An entry by which etcd means
// to end the process ends only the goroutine that wrote it: a coordination
// service that breaks must not take a server with a model in memory along.
func New(logger *slog.Logger, hooks Hooks) *zap.Logger {
	hook := end{hooks.Fatal}
	sampled := zapcore.NewSamplerWithOptions(&core{handler: logger.Handler(), stopping: hooks.Stopping}, period, repeats, 0)
	return zap.New(sampled,
		zap.AddCaller(),
		zap.WithFatalHook(hook),
		zap.WithPanicHook(hook))
}

// end is what happens after an entry that zap expects to be the last.
type end struct{ fatal func(string) }

func (e end) OnWrite(entry *zapcore.CheckedEntry, _ []zapcore.Field) {
	if e.fatal != nil {
		e.fatal(entry.Message)
	}
	runtime.Goexit()
}

// core writes zap entries to a slog handler.
type core struct {
	handler  slog.Handler
	stopping func() bool
}

func (c *core) Enabled(level zapcore.Level) bool {
	return level >= zapcore.WarnLevel && c.handler.Enabled(context.Background(), levelOf(level))
}

func (c *core) With(fields []zapcore.Field) zapcore.Core {
	return &core{handler: c.handler.WithAttrs(attrs(fields)), stopping: c.stopping}
}

func (c *core) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

func (c *core) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	level := levelOf(entry.Level)
	if expected[entry.Message] || entry.Level <= zapcore.ErrorLevel && c.stopping != nil && c.stopping() {
		level = slog.LevelDebug
	}
	ctx := context.Background()
	if !c.handler.Enabled(ctx, level) {
		return nil
	}
	record := slog.NewRecord(entry.Time, level, "etcd: "+entry.Message, entry.Caller.PC)
	record.AddAttrs(attrs(fields)...)
	return c.handler.Handle(ctx, record)
}

func (c *core) Sync() error { return nil }

func levelOf(level zapcore.Level) slog.Level {
	switch {
	case level >= zapcore.ErrorLevel:
		return slog.LevelError
	case level == zapcore.WarnLevel:
		return slog.LevelWarn
	case level == zapcore.InfoLevel:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

func attrs(fields []zapcore.Field) []slog.Attr {
	out := make([]slog.Attr, 0, len(fields))
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(enc)
		if v, ok := enc.Fields[f.Key]; ok {
			out = append(out, slog.Any(f.Key, v))
		}
	}
	return out
}

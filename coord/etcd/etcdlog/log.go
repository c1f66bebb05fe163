// Package etcdlog sends etcd's log, which speaks zap, to a slog.Logger.
package etcdlog

import (
	"context"
	"log/slog"
	"runtime"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// New returns a zap logger whose entries of warning level and above go to
// logger. An entry by which etcd means to end the process (Panic and Fatal)
// calls fatal, if that is not nil, and then ends only the goroutine that wrote
// it: a coordination service that breaks must not take a server with a model
// in memory along.
func New(logger *slog.Logger, fatal func(message string)) *zap.Logger {
	hook := end{fatal}
	return zap.New(&core{handler: logger.Handler()},
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
type core struct{ handler slog.Handler }

func (c *core) Enabled(level zapcore.Level) bool {
	return level >= zapcore.WarnLevel && c.handler.Enabled(context.Background(), levelOf(level))
}

func (c *core) With(fields []zapcore.Field) zapcore.Core {
	return &core{handler: c.handler.WithAttrs(attrs(fields))}
}

func (c *core) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

func (c *core) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	record := slog.NewRecord(entry.Time, levelOf(entry.Level), "etcd: "+entry.Message, entry.Caller.PC)
	record.AddAttrs(attrs(fields)...)
	return c.handler.Handle(context.Background(), record)
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

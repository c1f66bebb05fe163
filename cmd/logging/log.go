// Package logging writes the log of the Jubatus programs: lines of the
// original's layout, which log collectors know, on standard output or where a
// log4cxx configuration file says.
package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// LevelFatal is the level of the line that a program writes before it gives up.
const LevelFatal = slog.LevelError + 4

// levelTrace is below everything that is ever logged.
const levelTrace = slog.LevelDebug - 4

// Log is where the lines of one program go. It is safe for concurrent use.
type Log struct {
	mu    sync.Mutex
	outs  []output
	level slog.Level
	line  []byte
	load  func() (config, error) // nil without a configuration file
}

// output is one destination and the least level that it takes.
type output struct {
	io.Writer
	threshold slog.Level
	close     func() error
}

// New returns a Log that writes INFO and above to w.
func New(w io.Writer) *Log {
	return &Log{outs: []output{{Writer: w, threshold: slog.LevelInfo}}, level: slog.LevelInfo}
}

// Logger returns a logger that writes to l.
func (l *Log) Logger() *slog.Logger { return slog.New(&handler{log: l}) }

// Close closes the files that l has opened.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.use(nil)
}

// use replaces the outputs and closes the former ones.
func (l *Log) use(outs []output) error {
	var first error
	for _, o := range l.outs {
		if o.close == nil {
			continue
		}
		if err := o.close(); err != nil && first == nil {
			first = fmt.Errorf("close log: %w", err)
		}
	}
	l.outs = outs
	return first
}

// handler adapts a Log to slog.
type handler struct {
	log    *Log
	suffix string // attributes of the logger, rendered
	prefix string // groups, dotted
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	h.log.mu.Lock()
	defer h.log.mu.Unlock()
	return level >= h.log.level
}

func (h *handler) WithGroup(name string) slog.Handler {
	g := *h
	if name != "" {
		g.prefix += name + "."
	}
	return &g
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	g := *h
	var b []byte
	for _, a := range attrs {
		b = appendAttr(b, h.prefix, a)
	}
	g.suffix += string(b)
	return &g
}

// Handle writes "<date> <time>,<ms> <thread> <LEVEL> [<file>:<line>] <message>".
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	file, line := "?", 0
	if r.PC != 0 {
		frame, _ := runtime.CallersFrames([]uintptr{r.PC}).Next()
		file, line = filepath.Base(frame.File), frame.Line
	}
	l := h.log
	l.mu.Lock()
	defer l.mu.Unlock()
	b := r.Time.AppendFormat(l.line[:0], "2006-01-02 15:04:05.000")
	b[len(b)-4] = ','
	b = fmt.Appendf(b, " %d %-5s [%s:%d] %s", unix.Gettid(), levelName(r.Level), file, line, r.Message)
	b = append(b, h.suffix...)
	r.Attrs(func(a slog.Attr) bool {
		b = appendAttr(b, h.prefix, a)
		return true
	})
	b = append(b, '\n')
	l.line = b
	var first error
	for _, o := range l.outs {
		if r.Level < o.threshold {
			continue
		}
		if _, err := o.Write(b); err != nil && first == nil {
			first = fmt.Errorf("write log: %w", err)
		}
	}
	return first
}

func appendAttr(b []byte, prefix string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range v.Group() {
			b = appendAttr(b, prefix, member)
		}
		return b
	}
	if a.Equal(slog.Attr{}) {
		return b
	}
	text := v.String()
	if text == "" || strings.ContainsAny(text, " \t\n\"=") {
		return fmt.Appendf(b, " %s%s=%q", prefix, a.Key, text)
	}
	return fmt.Appendf(b, " %s%s=%s", prefix, a.Key, text)
}

func levelName(l slog.Level) string {
	switch {
	case l >= LevelFatal:
		return "FATAL"
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARN"
	case l >= slog.LevelInfo:
		return "INFO"
	default:
		return "DEBUG"
	}
}

// console returns the stream that log configurations call by that name.
func console(target string) io.Writer {
	if strings.EqualFold(target, "System.err") {
		return os.Stderr
	}
	return os.Stdout
}

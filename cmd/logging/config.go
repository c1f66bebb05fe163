package logging

import (
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
)

// Errors of a log configuration file.
var (
	ErrEmpty      = errors.New("invalid log configuration")
	ErrNoAppender = errors.New("failed to configure logger")
)

// loggerName is the logger that all programs write to.
const loggerName = "jubatus"

// config is what is used of a log4cxx configuration.
type config struct {
	level     slog.Level
	appenders []appender
}

// The parts of the file. Elements and attributes that are not named here are
// skipped.
type document struct {
	Appenders []appender `xml:"appender"`
	Loggers   []logger   `xml:"logger"`
	Root      logger     `xml:"root"`
}

type appender struct {
	Name   string  `xml:"name,attr"`
	Class  string  `xml:"class,attr"`
	Params []param `xml:"param"`
}

type param struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type logger struct {
	Name       string `xml:"name,attr"`
	Additivity string `xml:"additivity,attr"`
	Level      *param `xml:"level"`
	Priority   *param `xml:"priority"`
	Refs       []struct {
		Ref string `xml:"ref,attr"`
	} `xml:"appender-ref"`
}

// Open returns a Log as the log4cxx configuration file at path says: the level
// of the logger "jubatus" or of the root, and their console and file appenders
// with File, Append, Target and Threshold. Layouts, rotation and filters are
// ignored. ${NAME} in values stands for what variable returns. An error is
// ErrEmpty if the file is empty or unreadable, ErrNoAppender if it names no
// usable appender, or one of opening a log file.
func Open(path string, variable func(string) string) (*Log, error) {
	l := &Log{load: func() (config, error) { return read(path, variable) }}
	if err := l.Reload(); err != nil {
		return nil, err
	}
	return l, nil
}

// Reload reads the configuration file again and opens the log files anew, as
// is needed after they have been moved away. On an error everything stays as
// it was. Without a configuration file it does nothing.
func (l *Log) Reload() error {
	if l.load == nil {
		return nil
	}
	c, err := l.load()
	if err != nil {
		return err
	}
	outs := make([]output, 0, len(c.appenders))
	for _, a := range c.appenders {
		o, err := a.open()
		if err != nil {
			for _, o := range outs {
				if o.close != nil {
					err = errors.Join(err, o.close())
				}
			}
			return err
		}
		outs = append(outs, o)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.level = c.level
	return l.use(outs)
}

func read(path string, variable func(string) string) (config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return config{}, fmt.Errorf("%w: %w", ErrEmpty, err)
	}
	if len(strings.Fields(string(text))) == 0 {
		return config{}, ErrEmpty
	}
	var doc document
	if err := xml.Unmarshal(text, &doc); err != nil {
		return config{}, fmt.Errorf("%w: %s: %w", ErrNoAppender, path, err)
	}
	c := config{level: slog.LevelDebug}
	doc.Root.apply(&c, doc.Appenders)
	for _, l := range doc.Loggers {
		if l.Name != loggerName {
			continue
		}
		if strings.EqualFold(l.Additivity, "false") {
			c.appenders = nil
		}
		l.apply(&c, doc.Appenders)
	}
	if len(c.appenders) == 0 {
		return config{}, ErrNoAppender
	}
	for i := range c.appenders {
		for j := range c.appenders[i].Params {
			p := &c.appenders[i].Params[j]
			p.Value = substitute(p.Value, variable)
		}
	}
	return c, nil
}

func (l *logger) apply(c *config, appenders []appender) {
	for _, p := range []*param{l.Priority, l.Level} {
		if p != nil {
			c.level = parseLevel(p.Value, c.level)
		}
	}
	for _, ref := range l.Refs {
		i := slices.IndexFunc(appenders, func(a appender) bool { return a.Name == ref.Ref })
		if i >= 0 && appenders[i].usable() {
			c.appenders = append(c.appenders, appenders[i])
		}
	}
}

func (a *appender) usable() bool {
	return strings.HasSuffix(a.Class, "ConsoleAppender") ||
		strings.HasSuffix(a.Class, "FileAppender") && a.param("File") != ""
}

func (a *appender) param(name string) string {
	for _, p := range a.Params {
		if strings.EqualFold(p.Name, name) {
			return p.Value
		}
	}
	return ""
}

func (a *appender) open() (output, error) {
	o := output{threshold: parseLevel(a.param("Threshold"), levelTrace)}
	if strings.HasSuffix(a.Class, "ConsoleAppender") {
		o.Writer = console(a.param("Target"))
		return o, nil
	}
	mode := os.O_APPEND
	if strings.EqualFold(a.param("Append"), "false") {
		mode = os.O_TRUNC
	}
	f, err := os.OpenFile(a.param("File"), os.O_CREATE|os.O_WRONLY|mode, 0o666)
	if err != nil {
		return output{}, fmt.Errorf("open log file: %w", err)
	}
	o.Writer, o.close = f, f.Close
	return o, nil
}

func parseLevel(text string, otherwise slog.Level) slog.Level {
	switch strings.ToUpper(text) {
	case "OFF":
		return LevelFatal + 4
	case "FATAL":
		return LevelFatal
	case "ERROR":
		return slog.LevelError
	case "WARN":
		return slog.LevelWarn
	case "INFO":
		return slog.LevelInfo
	case "DEBUG":
		return slog.LevelDebug
	case "TRACE", "ALL":
		return levelTrace
	default:
		return otherwise
	}
}

// substitute replaces each ${NAME}. Unlike os.Expand it leaves a $ without
// braces alone.
func substitute(text string, variable func(string) string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return b.String() + text
		}
		b.WriteString(before + variable(name))
		text = after
	}
}

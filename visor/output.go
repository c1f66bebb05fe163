package visor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// followPeriod is how often it is looked for new output of children.
	followPeriod = 200 * time.Millisecond
	// maxLine is where longer lines of children are broken.
	maxLine = 8 << 10
	// maxKept is how long a file of output may become where its beginning
	// cannot be discarded alone.
	maxKept = 1 << 20
)

// logPath is the file that keeps a server's output for the operator.
func logPath(dir string, s *server) string {
	return filepath.Join(dir, fmt.Sprintf("%s.%s.%d.log", s.Program, s.Name, s.Port))
}

// openAppend opens a file of output for a child.
func openAppend(path string, mode os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, mode)
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	return f, nil
}

// follower hands on what a child writes, line by line. Between the two stands
// a file, not a pipe: a child must neither wait for its agent nor break when
// that dies, and the agent after it reads on where that one ended.
type follower struct {
	f    *os.File
	at   int64  // everything before has been read
	rest []byte // the beginning of a line
	line func(string)

	buffer [32 << 10]byte
}

func openFollower(path string, line func(string)) (*follower, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("follow output: %w", err)
	}
	return &follower{f: f, at: undiscarded(f), line: line}, nil
}

// run follows until the child has ended, reads the rest and empties the file.
// If ctx ends before, it only stops.
func (o *follower) run(ctx context.Context, ended <-chan struct{}) error {
	defer o.f.Close()
	ticker := time.NewTicker(followPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			if err := o.read(); err != nil {
				return err
			}
			if len(o.rest) > 0 {
				o.emit(o.rest)
			}
			return o.f.Truncate(0)
		case <-ticker.C:
			if err := o.read(); err != nil {
				return err
			}
		}
	}
}

// read hands on all lines that are complete.
func (o *follower) read() error {
	before := o.at
	for {
		n, err := o.f.ReadAt(o.buffer[:], o.at)
		o.at += int64(n)
		o.split(o.buffer[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("follow output: %w", err)
		}
	}
	if o.at == before || discard(o.f, o.at) == nil {
		return nil
	}
	if info, err := o.f.Stat(); err == nil && info.Size() == o.at && o.at > maxKept {
		o.at = 0
		return o.f.Truncate(0)
	}
	return nil
}

func (o *follower) split(b []byte) {
	o.rest = append(o.rest, b...)
	for {
		end, skip := bytes.IndexByte(o.rest, '\n'), 1
		if (end < 0 || end > maxLine) && len(o.rest) >= maxLine {
			end, skip = maxLine, 0
		}
		if end < 0 {
			return
		}
		o.emit(o.rest[:end])
		o.rest = append(o.rest[:0], o.rest[end+skip:]...)
	}
}

// emit hands on one line, without what could disturb a terminal, and without
// the zeros that stand for what was discarded.
func (o *follower) emit(line []byte) {
	text := strings.Map(func(r rune) rune {
		switch {
		case r == 0:
			return -1
		case r < ' ' && r != '\t' || r == 0x7f:
			return '?'
		}
		return r
	}, strings.ToValidUTF8(string(line), "?"))
	if text != "" {
		o.line(text)
	}
}

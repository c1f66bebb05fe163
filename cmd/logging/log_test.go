package logging

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	var b bytes.Buffer
	log := New(&b).Logger()
	log.Debug("hidden")
	log.With("who", "me").WithGroup("g").Info("hello\n  there", "n", 3, "text", "a b")
	log.Log(t.Context(), LevelFatal, "the end")
	want := regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \d+ INFO  \[log_test\.go:\d+\] hello\n  there who=me g\.n=3 g\.text="a b"\n` +
		`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \d+ FATAL \[log_test\.go:\d+\] the end\n$`)
	if !want.Match(b.Bytes()) {
		t.Errorf("got\n%s", &b)
	}
}

const file = `<?xml version="1.0" encoding="UTF-8" ?>
<!DOCTYPE log4j:configuration SYSTEM "log4j.dtd">
<log4j:configuration xmlns:log4j="http://jakarta.apache.org/log4j/" >
  <appender name="file" class="org.apache.log4j.FileAppender">
    <param name="File" value="%s/${JUBATUS_PROCESS}.log" />
    <param name="Append" value="true" />
    <layout class="org.apache.log4j.PatternLayout"><param name="ConversionPattern" value="%%m%%n" /></layout>
  </appender>
  <appender name="errors" class="org.apache.log4j.RollingFileAppender">
    <param name="File" value="%s/errors.log" />
    <param name="Threshold" value="ERROR" />
  </appender>
  <root><priority value="info" /><appender-ref ref="file" /></root>
  <logger name="jubatus"><level value="warn" /><appender-ref ref="errors" /></logger>
</log4j:configuration>
`

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log.xml")
	if err := os.WriteFile(path, fmt.Appendf(nil, file, dir, dir), 0o600); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{"JUBATUS_PROCESS": "jubaclassifier"}
	l, err := Open(path, func(name string) string { return names[name] })
	if err != nil {
		t.Fatal(err)
	}
	log := l.Logger()
	log.Info("too little")
	log.Warn("warned")
	log.Error("failed")
	lines := func(name string) int {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "\n")
	}
	if all, errors := lines("jubaclassifier.log"), lines("errors.log"); all != 2 || errors != 1 {
		t.Errorf("%d lines in the log and %d in the error log, want 2 and 1", all, errors)
	}

	// The files are moved away, as log rotation does.
	if err := os.Rename(filepath.Join(dir, "jubaclassifier.log"), filepath.Join(dir, "old.log")); err != nil {
		t.Fatal(err)
	}
	if err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	log.Warn("again")
	if n := lines("jubaclassifier.log"); n != 1 {
		t.Errorf("%d lines in the new log, want 1", n)
	}

	// A file gone bad changes nothing.
	if err := os.WriteFile(path, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Reload(); !errors.Is(err, ErrEmpty) {
		t.Errorf("Reload of an empty file: %v", err)
	}
	log.Warn("still here")
	if n := lines("jubaclassifier.log"); n != 2 {
		t.Errorf("%d lines after a failed reload, want 2", n)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenErrors(t *testing.T) {
	tests := []struct {
		text string
		want error
	}{
		{"", ErrEmpty},
		{" \n\t", ErrEmpty},
		{"<broken", ErrNoAppender},
		{"<configuration><root><level value='info'/></root></configuration>", ErrNoAppender},
		{"<configuration><root><appender-ref ref='x'/></root></configuration>", ErrNoAppender},
		{"<configuration><appender name='x' class='SocketAppender'/><root><appender-ref ref='x'/></root></configuration>", ErrNoAppender},
	}
	for _, test := range tests {
		path := filepath.Join(t.TempDir(), "log.xml")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, os.Getenv); !errors.Is(err, test.want) {
			t.Errorf("Open of %q: %v, want %v", test.text, err, test.want)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), os.Getenv); !errors.Is(err, ErrEmpty) {
		t.Errorf("Open of a missing file: %v", err)
	}
}

func TestSubstitute(t *testing.T) {
	upper := func(name string) string { return strings.ToUpper(name) }
	for text, want := range map[string]string{
		"": "", "a": "a", "${a}${b}.log": "AB.log", "$a": "$a", "x${": "x${", "x${y": "x${y", "${}z": "z",
	} {
		if got := substitute(text, upper); got != want {
			t.Errorf("substitute(%q) = %q, want %q", text, got, want)
		}
	}
}

func BenchmarkLog(b *testing.B) {
	log := New(new(bytes.Buffer)).Logger()
	for b.Loop() {
		log.Log(b.Context(), slog.LevelDebug, "hidden")
	}
}

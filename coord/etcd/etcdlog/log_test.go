package etcdlog

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/zap"
)

func TestLog(t *testing.T) {
	var out bytes.Buffer
	stopping := false
	var fatal []string
	log := New(slog.New(slog.NewTextHandler(&out, nil)), Hooks{
		Fatal:    func(m string) { fatal = append(fatal, m) },
		Stopping: func() bool { return stopping },
	}).With(zap.String("member", "a"))

	log.Info("quiet")
	log.Warn("slow", zap.Int("took", 3), zap.Error(errors.New("why")))
	log.Warn("simple token is not cryptographically signed")
	for range 5 {
		log.Warn("again")
	}
	stopping = true
	log.Error("closed connection")
	end := make(chan struct{})
	go func() {
		defer close(end)
		log.Fatal("disk full")
	}()
	<-end

	got := out.String()
	for text, want := range map[string]int{
		"quiet": 0, "signed": 0, "again": 2, "closed": 0,
		`level=WARN msg="etcd: slow" member=a took=3 error=why`: 1,
		`level=ERROR msg="etcd: disk full"`:                     1,
	} {
		if n := strings.Count(got, text); n != want {
			t.Errorf("%q is there %d times, want %d:\n%s", text, n, want, got)
		}
	}
	if len(fatal) != 1 || fatal[0] != "disk full" {
		t.Errorf("fatal: %q", fatal)
	}
}

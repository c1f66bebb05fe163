package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/integration/race"
)

// attacks are what a broken or malicious peer sends; ends tells whether the
// server must hang up at once, because no further byte could make it a request.
var attacks = []struct {
	name string
	ends bool
	send []byte
}{
	{"http", true, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")},
	{"nil", true, []byte{0xc0}},
	{"ext", true, []byte{0xc7, 1, 1, 1}},
	{"response", true, []byte{0x94, 1, 1, 0xc0, 0xc0}},
	{"negative id", true, []byte{0x94, 0, 0xff, 0xa1, 'x', 0x90}},
	{"deep", true, append([]byte{0x94, 0, 1, 0xa1, 'x'}, bytes.Repeat([]byte{0x91}, 4096)...)},
	{"huge array", false, []byte{0x94, 0, 1, 0xa5, 't', 'r', 'a', 'i', 'n', 0xdd, 0xff, 0xff, 0xff, 0xff}},
	{"huge map", false, []byte{0x94, 0, 1, 0xa5, 't', 'r', 'a', 'i', 'n', 0xdf, 0xff, 0xff, 0xff, 0xff}},
	{"huge raw", false, []byte{0x94, 0, 1, 0xa5, 't', 'r', 'a', 'i', 'n', 0xdb, 0xff, 0xff, 0xff, 0xff}},
	{"huge method", false, []byte{0x94, 0, 1, 0xdb, 0xff, 0xff, 0xff, 0xff, 'x'}},
	{"half a request", false, []byte{0x94, 0, 1, 0xa5, 't', 'r'}},
	{"never reads", false, bytes.Repeat([]byte("\x94\x00\x01\xaaget_status\x91\xa0"), 6000)},
	{"nothing", false, nil},
}

// Two hundred hostile connections at once cost little memory and do not
// disturb a client that trains and classifies beside them.
func TestHostileConnections(t *testing.T) {
	const connections = 200
	s := serve(t, "jubaclassifier", linear, "-t", "0")
	c := s.dial(t)
	example := []any{"A", []any{[]any{[]any{"k", "v"}}, []any{}, []any{}}}
	train := func() {
		if _, err := c.CallArgs(t.Context(), "train", "", []any{example}); err != nil {
			t.Errorf("a good call beside the hostile ones: %v", err)
		}
	}
	train()
	before := memory(t, s.Process.Pid)

	errs := make(chan error, connections)
	release := make(chan struct{})
	var sent, ended sync.WaitGroup
	for i := range connections {
		sent.Add(1)
		ended.Go(func() {
			errs <- attack(s.addr, i, &sent, release)
		})
	}
	sent.Wait()
	slowest := time.Duration(0)
	for range 100 {
		began := time.Now()
		train()
		slowest = max(slowest, time.Since(began))
	}
	during := memory(t, s.Process.Pid)
	close(release)
	ended.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	train()
	t.Logf("resident memory %d KiB before, %d KiB with %d hostile connections; slowest good call %v",
		before>>10, during>>10, connections, slowest)
	if grown := during - before; grown > 64<<20 && !race.Enabled {
		t.Errorf("hostile connections cost %d MiB", grown>>20)
	}
	if slowest > 5*time.Second {
		t.Errorf("a good call took %v", slowest)
	}
	s.stop(t)
}

// attack sends one kind of garbage and holds the connection until released.
func attack(addr string, i int, sent *sync.WaitGroup, release <-chan struct{}) error {
	a := attacks[i%len(attacks)]
	done := sync.OnceFunc(sent.Done)
	defer done()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return fmt.Errorf("%s: %w", a.name, err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return err
	}
	if a.name == "never reads" {
		// The server stops reading at some point, and that is as it should be.
		if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			return err
		}
	}
	if _, err := conn.Write(a.send); err != nil && !a.ends && !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%s: %w", a.name, err)
	}
	if a.ends {
		// Without an answer; a reset will do as well as an orderly close.
		got, err := io.ReadAll(conn)
		if len(got) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("%s: got % x and %v instead of the end", a.name, got, err)
		}
		return nil
	}
	if a.name == "huge raw" {
		// Some of it arrives: what counts is what was sent, not declared.
		if _, err := conn.Write(make([]byte, 1<<16)); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
	}
	done()
	<-release
	return nil
}

// What arrives byte by byte is served all the same.
func TestSlowRequest(t *testing.T) {
	s := serve(t, "jubaclassifier", linear)
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for _, b := range []byte{0x94, 0, 7, 0xaa, 'g', 'e', 't', '_', 'l', 'a', 'b', 'e', 'l', 's', 0x91, 0xa0} {
		if _, err := conn.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	answer := make([]byte, 5)
	if _, err := io.ReadFull(conn, answer); err != nil || !bytes.Equal(answer, []byte{0x94, 1, 7, 0xc0, 0x80}) {
		t.Errorf("answer % x, error %v", answer, err)
	}
}

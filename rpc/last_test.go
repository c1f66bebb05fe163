package rpc

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"
)

// Requests that were on their way to the server when it stopped, and that
// nobody had read yet, are answered like all others.
func TestShutdownAnswersWhatNobodyHadRead(t *testing.T) {
	s := NewServer(Options{})
	started, finish := make(chan struct{}), make(chan struct{})
	s.Handle("wait", func(ctx context.Context, req *Request, out []byte) ([]byte, error) {
		close(started)
		<-finish
		return echo(ctx, req, out)
	})
	s.Handle("echo", echo)
	nc := dial(t, serve(t, s))
	if _, err := nc.Write(request(0, "wait", 0x90)); err != nil {
		t.Fatal(err)
	}
	<-started
	// The connection is busy: these stay in the kernel.
	const n = 1000
	want := append(appendHead(nil, 0), 0xc0, 0x90)
	for i := range n {
		if _, err := nc.Write(request(uint32(i+1), "echo", 0x91, byte(i%100))); err != nil {
			t.Fatal(err)
		}
		want = append(appendHead(want, uint32(i+1)), 0xc0, 0x91, byte(i%100))
	}
	ended := make(chan error)
	go func() { ended <- s.Shutdown(t.Context()) }()
	eventually(t, "draining", s.draining.Load)
	close(finish)
	got, err := io.ReadAll(nc)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A client that never stops sending does not keep a server from stopping.
func TestShutdownEndsInspiteOfPeers(t *testing.T) {
	s := NewServer(Options{})
	s.Handle("echo", echo)
	nc := dial(t, serve(t, s))
	go io.Copy(io.Discard, nc)
	sending := make(chan struct{})
	go func() {
		defer close(sending)
		block := bytes.Repeat(request(1, "echo", 0x90), 100)
		for {
			if _, err := nc.Write(block); err != nil {
				return
			}
		}
	}()
	eventually(t, "calls", func() bool { return s.Stats().Requests > 1000 })
	start := time.Now()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 10*restTime {
		t.Errorf("shut down after %v", took)
	}
	nc.Close()
	<-sending
}

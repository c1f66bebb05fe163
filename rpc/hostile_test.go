package rpc

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestHostileConnections: 200 connections send what no client sends and stay,
// while another one works as ever and memory stays bounded.
func TestHostileConnections(t *testing.T) {
	s := NewServer(Options{Threads: 2, IdleTimeout: patient})
	s.Handle("get_labels", labels)
	s.Handle("echo", echo)
	addr := serve(t, s)

	hostile := [][]byte{
		[]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		bytes.Repeat([]byte{0xc1}, 100_000),
		hexBytes(t, "db ffffffff"), hexBytes(t, "dd ffffffff"), hexBytes(t, "df ffffffff"),
		append(request(1, "echo"), hexBytes(t, "91 db ffffffff 00")...),
		append(request(1, "echo"), hexBytes(t, "91 c6 3f000000 00")...), // a gigabyte is allowed, but does not come
		append(request(1, "echo"), hexBytes(t, "dd 3f000000 00")...),
		append(request(1, "echo"), hexBytes(t, "df 1f000000 00")...),
		hexBytes(t, "94 00 01 db 3f000000 61"),
		bytes.Repeat([]byte{0x91}, 10_000),
		append(request(1, "echo"), bytes.Repeat([]byte{0x91}, 10_000)...),
		append(request(1, "echo"), bytes.Repeat([]byte{0x81, 0x01}, 10_000)...),
		request(1, "echo")[:5],
		append(request(1, "echo"), 0x92, 0xa0),
		{},
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var conns []net.Conn
	var wg sync.WaitGroup
	for i := range 200 {
		nc := dial(t, addr)
		conns = append(conns, nc)
		wg.Go(func() { nc.Write(hostile[i%len(hostile)]) })
	}
	c, err := Dial(t.Context(), addr, patient)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 1000 {
		if _, err := c.CallArgs(t.Context(), "get_labels", ""); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	// 9 of 16 are closed; the others are incomplete, not wrong.
	rejected := uint64(0)
	for i := range 200 {
		switch i % len(hostile) {
		case 0, 1, 2, 3, 4, 5, 10, 11, 12:
			rejected++
			if n, err := conns[i].Read(make([]byte, 1)); n > 0 || err == nil {
				t.Errorf("connection %d got an answer", i)
			}
		}
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
	if got := s.Stats(); got.Connections > 201 || got.Panics > 0 {
		t.Errorf("stats %+v", got)
	}
	for _, nc := range conns {
		nc.Close()
	}
	eventually(t, "hostile connections gone", func() bool { return s.Stats().Connections == 1 })
	if got := s.Stats().Rejected; got != rejected {
		t.Errorf("%d connections rejected, want %d", got, rejected)
	}
}

// TestPeerThatDoesNotRead asks for far more than it takes. The server stops
// reading, keeps little, and serves others.
func TestPeerThatDoesNotRead(t *testing.T) {
	s := NewServer(Options{WriteTimeout: time.Hour})
	s.Handle("echo", echo)
	addr := serve(t, s)
	nc := dial(t, addr)
	nc.SetReadBuffer(64 << 10)
	msg := request(1, "echo", append([]byte{0x91, 0xda, 0xff, 0xff}, make([]byte, 0xffff)...)...)
	sent := make(chan int, 1)
	go func() {
		n := 0
		nc.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		for n < 1<<30 {
			m, err := nc.Write(msg)
			n += m
			if err != nil {
				break
			}
		}
		sent <- n
	}()
	c, err := Dial(t.Context(), addr, patient)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n := <-sent
	if n > 64<<20 {
		t.Errorf("the server took %d MB of requests", n>>20)
	}
	if _, err := c.CallArgs(t.Context(), "echo"); err != nil {
		t.Error(err)
	}
	var m runtime.MemStats
	runtime.GC()
	if runtime.ReadMemStats(&m); m.HeapAlloc > 64<<20 {
		t.Errorf("heap of %d MB", m.HeapAlloc>>20)
	}
	// What it did send is answered once it reads.
	nc.SetReadDeadline(time.Now().Add(patient))
	reply := make([]byte, 4+4+0xffff)
	for range n / len(msg) {
		if _, err := io.ReadFull(nc, reply); err != nil || !strings.HasPrefix(string(reply), "\x94\x01\x01\xc0\x91\xda") {
			t.Fatalf("reply % x, %v", reply[:6], err)
		}
	}
}

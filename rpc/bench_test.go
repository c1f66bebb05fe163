package rpc

import (
	"bufio"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// request encodes a request.
func request(id uint32, method string, params ...byte) []byte {
	b := mpack.AppendUint([]byte{0x94, 0x00}, uint64(id))
	b = mpack.AppendRaw(b, method)
	return append(b, params...)
}

func benchServer(b *testing.B) string {
	s := NewServer(Options{Threads: 2, IdleTimeout: patient})
	s.Handle("get_labels", labels)
	return serve(b, s)
}

// BenchmarkServerUnary is a call at a time on one connection, with a client
// that allocates nothing.
func BenchmarkServerUnary(b *testing.B) {
	nc := dial(b, benchServer(b))
	nc.SetDeadline(zeroTime)
	req := request(1, "get_labels", 0x91, 0xa0)
	reply := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		nc.Write(req)
		if _, err := io.ReadFull(nc, reply[:11]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkServerPipelined is one connection with 100 calls at a time.
func BenchmarkServerPipelined(b *testing.B) { benchPipelined(b, 1) }

// BenchmarkServerPipelined4 is the same on four connections.
func BenchmarkServerPipelined4(b *testing.B) { benchPipelined(b, 4) }

func benchPipelined(b *testing.B, connections int) {
	addr := benchServer(b)
	const depth = 100
	var reqs []byte
	for range depth {
		reqs = append(reqs, request(1, "get_labels", 0x91, 0xa0)...)
	}
	var conns []net.Conn
	for range connections {
		nc := dial(b, addr)
		nc.SetDeadline(zeroTime)
		conns = append(conns, nc)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for _, nc := range conns {
		wg.Go(func() {
			reply := make([]byte, 11*depth)
			for range (b.N + depth*connections - 1) / (depth * connections) {
				nc.Write(reqs)
				if _, err := io.ReadFull(nc, reply); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkClientCall is one caller.
func BenchmarkClientCall(b *testing.B) {
	c, err := Dial(b.Context(), benchServer(b), patient)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Call(b.Context(), "get_labels", []byte{0x91, 0xa0}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkClientCallParallel is 32 callers sharing a connection.
func BenchmarkClientCallParallel(b *testing.B) {
	c, err := Dial(b.Context(), benchServer(b), patient)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Call(b.Context(), "get_labels", []byte{0x91, 0xa0}); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkCallMany is a call to three servers at a time.
func BenchmarkCallMany(b *testing.B) {
	addrs := []string{benchServer(b), benchServer(b), benchServer(b)}
	p := NewPool(PoolOptions{})
	defer p.Close()
	b.ReportAllocs()
	for b.Loop() {
		m := CallMany(b.Context(), p, 0, addrs, "get_labels", []byte{0x91, 0xa0}, patient)
		for _, a := range m.Answers() {
			if a.Err != nil {
				b.Fatal(a.Err)
			}
		}
	}
}

// BenchmarkScan measures finding the end of a message of about 1 kB, and of
// reading the envelope.
func BenchmarkScan(b *testing.B) {
	params := []byte{0x92, 0xa0, 0xdc, 0, 40}
	for range 40 {
		params = append(params, 0x92, 0xa4, 'n', 'a', 'm', 'e', 0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0)
	}
	msg := request(7, "train", params...)
	in := newInput(0)
	var req Request
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		in.s.reset()
		if done, err := in.s.scan(msg); !done || err != nil {
			b.Fatal(err)
		}
		if !in.s.request(msg, &req) {
			b.Fatal("no request")
		}
	}
}

// BenchmarkProxy is a pipelined client of a proxy in front of one server.
func BenchmarkProxy(b *testing.B) {
	backend := benchServer(b)
	p := NewPool(PoolOptions{})
	defer p.Close()
	s := NewServer(Options{})
	s.HandleAsync("get_labels", forward(p, backend))
	nc := dial(b, serve(b, s))
	nc.SetDeadline(zeroTime)
	const depth = 100
	var reqs []byte
	for range depth {
		reqs = append(reqs, request(1, "get_labels", 0x91, 0xa0)...)
	}
	r := bufio.NewReader(nc)
	reply := make([]byte, 11*depth)
	b.ReportAllocs()
	b.ResetTimer()
	for range (b.N + depth - 1) / depth {
		nc.Write(reqs)
		if _, err := io.ReadFull(r, reply); err != nil {
			b.Fatal(err)
		}
	}
}

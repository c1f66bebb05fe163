package rpc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// FuzzServerFrames sends arbitrary bytes to a connection, in pieces. The
// replies must be those that a plain reading of the bytes foretells.
func FuzzServerFrames(f *testing.F) {
	for _, s := range []string{
		okLabels, getLabels, nested(30), nested(31), "93 02 a5 636c656172 91 a0" + getLabels,
		"94 00 01 a6 6e6f73756368 91 a0", "dd ffffffff", "94 00 01 a1 61 91 db ffffffff", "96 00 ce ffffffff c4 01 61 80 c0 c0 c1",
		"dc 0004 00 01 a1 61 90", "93 cf 0000000000000002 a1 61 82 01 02 03 c7",
	} {
		f.Add(hexBytes(f, s), uint16(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, size uint16) {
		s := NewServer(Options{MaxFrame: 1 << 20})
		defer s.Close()
		s.Handle("a", echo)
		s.Handle("e", func(_ context.Context, _ *Request, out []byte) ([]byte, error) { return out, errors.New("no") })
		s.HandleAsync("get_labels", func(_ context.Context, req *Request, reply *Reply) { reply.Send(req.Batch, req.Params) })
		client, server := net.Pipe()
		s.start(server)
		go func() {
			for rest := data; len(rest) > 0; {
				n := min(len(rest), int(size)+1)
				if _, err := client.Write(rest[:n]); err != nil {
					break
				}
				rest = rest[n:]
			}
			// Ends the input, but keeps the other direction open: replies
			// to what has arrived are still awaited.
			s.drain()
		}()
		got, err := io.ReadAll(client)
		if err != nil {
			t.Fatal(err)
		}
		client.Close()
		if want := foretell(data); !bytes.Equal(got, want) {
			t.Errorf("got  % x\nwant % x", got, want)
		}
	})
}

// foretell computes the replies to data from the complete bytes.
func foretell(data []byte) (out []byte) {
	in := mpack.NewReader(data)
	for in.Len() > 0 {
		if in.Kind() != mpack.Array {
			return out
		}
		msg, err := in.Object()
		if err != nil || len(msg) > 1<<20 {
			return out
		}
		r := mpack.NewReader(msg)
		n, _ := r.ArrayHeader()
		var el [][]byte
		for range n {
			o, _ := r.Object()
			el = append(el, o)
		}
		typ, id := uint32(0), uint32(0)
		if n > 0 {
			r = mpack.NewReader(el[0])
			if typ, err = r.Uint32(); err != nil || typ == 1 || typ > 2 {
				return out
			}
			el = el[1:]
		}
		if typ == 0 && len(el) > 0 {
			r = mpack.NewReader(el[0])
			if id, err = r.Uint32(); err != nil {
				return out
			}
			el = el[1:]
		}
		if len(el) == 0 {
			return out
		}
		r = mpack.NewReader(el[0])
		method, err := r.String()
		if err != nil {
			return out
		}
		params := []byte{0xc0}
		if len(el) > 1 {
			params = el[1]
		}
		if typ == 2 {
			continue
		}
		out = appendHead(out, id)
		switch method {
		case "a", "get_labels":
			out = append(append(out, 0xc0), params...)
		case "e":
			out = append(out, "\xa2no\xc0"...)
		default:
			out = mpack.AppendRaw(append(out, 1), method)
		}
	}
	return out
}

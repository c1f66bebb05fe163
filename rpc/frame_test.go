package rpc

import (
	"bytes"
	"io"
	"testing"

	"github.com/jubatus/jubatus-go/rpc/mpack"
	"pgregory.net/rapid"
)

// drawObject appends any object of at most depth containers, in any encoding.
func drawObject(t *rapid.T, b []byte, depth int) []byte {
	kind := rapid.IntRange(0, 7).Draw(t, "kind")
	if depth == 0 && kind > 4 {
		kind = 0
	}
	switch kind {
	case 0:
		return mpack.AppendInt(b, rapid.Int64().Draw(t, "int"))
	case 1:
		return mpack.AppendFloat64(b, rapid.Float64().Draw(t, "float"))
	case 2:
		return append(b, rapid.SampledFrom([]byte{0xc0, 0xc2, 0xc3, 0x00, 0xff}).Draw(t, "byte"))
	case 3:
		return mpack.AppendRaw(b, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "raw"))
	case 4: // not in the shortest form
		raw := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bin")
		head := rapid.SampledFrom([][]byte{{0xd9}, {0xda, 0}, {0xdb, 0, 0, 0}, {0xc4}, {0xc5, 0}, {0xc6, 0, 0, 0}}).Draw(t, "head")
		return append(append(append(b, head...), byte(len(raw))), raw...)
	}
	n := rapid.IntRange(0, 20).Draw(t, "n")
	switch kind {
	case 5:
		b = mpack.AppendArrayHeader(b, n)
	case 7: // data are made of pairs
		n, depth = 2, 1
		b = mpack.AppendArrayHeader(b, n)
	default:
		b = mpack.AppendMapHeader(b, n)
		n *= 2
	}
	for range n {
		b = drawObject(t, b, rapid.IntRange(0, depth-1).Draw(t, "depth"))
	}
	return b
}

// pieces reads data in pieces of the given sizes, over and over.
type pieces struct {
	data  []byte
	sizes []int
	i     int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.data[:min(len(p.data), p.sizes[p.i%len(p.sizes)])])
	p.i++
	p.data = p.data[n:]
	return n, nil
}

// A pair is as deep as any other array.
func TestDepthOfPairs(t *testing.T) {
	for depth := mpack.MaxDepth - 2; depth < mpack.MaxDepth+2; depth++ {
		var want error
		for _, innermost := range [][]byte{{0x93, 0, 0, 0}, {0x92, 0, 0}, {0x92, 0xa1, 'x', 0xcb, 0, 0, 0, 0, 0, 0, 0, 0}} {
			s := scanner{max: 1 << 20}
			s.reset()
			b := append(bytes.Repeat([]byte{0x91}, depth), innermost...)
			done, err := s.scan(b)
			if innermost[0] == 0x93 {
				want = err
			}
			if err != want || done != (err == nil) || done && s.pos != len(b) {
				t.Errorf("% x in %d arrays: %v, %v, want %v", innermost, depth, done, err, want)
			}
		}
	}
}

// TestFramesInPieces: messages come out as they went in, however they arrive.
func TestFramesInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var msgs [][]byte
		var elems [][][]byte
		var stream []byte
		for range rapid.IntRange(1, 5).Draw(t, "messages") {
			n := rapid.IntRange(0, 6).Draw(t, "elements")
			msg := mpack.AppendArrayHeader(nil, n)
			var el [][]byte
			for range n {
				start := len(msg)
				msg = drawObject(t, msg, 3)
				el = append(el, msg[start:])
			}
			// Appending may have moved the message.
			at := 1
			for i := range el {
				el[i] = msg[at : at+len(el[i])]
				at += len(el[i])
			}
			msgs, elems, stream = append(msgs, msg), append(elems, el), append(stream, msg...)
		}
		in := newInput(0)
		src := &pieces{data: stream, sizes: rapid.SliceOfN(rapid.IntRange(1, 5000), 1, 5).Draw(t, "sizes")}
		for i := range msgs {
			var got []byte
			for {
				var err error
				if got, err = in.next(); err != nil {
					t.Fatal(err)
				}
				if got != nil {
					break
				}
				if err := in.fill(src); err != nil {
					t.Fatalf("message %d: %v", i, err)
				}
			}
			if !bytes.Equal(got, msgs[i]) {
				t.Fatalf("message %d: got % x, want % x", i, got, msgs[i])
			}
			for k := range 4 {
				var want []byte
				if k < len(elems[i]) {
					want = elems[i][k]
				}
				if el := in.s.element(got, k); !bytes.Equal(el, want) {
					t.Fatalf("message %d, element %d: got % x, want % x", i, k, el, want)
				}
			}
			if rapid.Bool().Draw(t, "detach") {
				in.detach()
				if !bytes.Equal(got, msgs[i]) {
					t.Fatal("detached message changed")
				}
			}
		}
		if got, err := in.next(); got != nil || err != nil {
			t.Fatalf("after the last: % x, %v", got, err)
		}
	})
}

func TestInputGrowsWithWhatArrives(t *testing.T) {
	in := newInput(0)
	head := append(request(1, "train"), 0x91, 0xdb, 0x3f, 0, 0, 0) // 1 GB to come
	src := &pieces{data: append(head, make([]byte, 100_000)...), sizes: []int{1000}}
	for {
		if _, err := in.next(); err != nil {
			t.Fatal(err)
		}
		if in.fill(src) != nil {
			break
		}
	}
	if len(in.buf) > 4*100_000 {
		t.Errorf("a buffer of %d bytes for 100 kB", len(in.buf))
	}
}

// Of messages that come faster than they are read, many are read at once,
// wherever a read ends.
func TestInputGrowsWithMessages(t *testing.T) {
	in := newInput(0)
	stream := bytes.NewReader(bytes.Repeat(request(1, "train", mpack.AppendRaw(nil, string(make([]byte, 1500)))...), 1000))
	fills := 0
	for stream.Len() > 0 {
		for {
			msg, err := in.next()
			if err != nil {
				t.Fatal(err)
			}
			if msg == nil {
				break
			}
		}
		if err := in.fill(stream); err != nil {
			t.Fatal(err)
		}
		fills++
	}
	if len(in.buf) != busyBuffer || fills > 50 {
		t.Errorf("1.5 MB were read %d times, into %d bytes at last", fills, len(in.buf))
	}
}

func TestInputShrinks(t *testing.T) {
	for _, size := range []int{100_000, 5_000_000} {
		in := newInput(0)
		large := request(1, "train", append([]byte{0xdd, 0, byte(size >> 16), byte(size >> 8), byte(size)}, make([]byte, size)...)...)
		small := request(2, "train", 0x90)
		feed := func(msg []byte) {
			src := bytes.NewReader(msg)
			for {
				got, err := in.next()
				if err != nil {
					t.Fatal(err)
				}
				if got != nil {
					return
				}
				if err := in.fill(src); err != nil {
					t.Fatal(err)
				}
			}
		}
		feed(large)
		for range 2 * quietReads {
			feed(small)
		}
		if len(in.buf) > busyBuffer {
			t.Errorf("after a message of %d bytes and many small ones: a buffer of %d", size, len(in.buf))
		}
	}
}

// TestScanLooksAtBytesOnce feeds a large message byte by byte; scanning it
// again and again would take minutes.
func TestScanLooksAtBytesOnce(t *testing.T) {
	msg := append(request(1, "train"), 0xdd, 0, 0x10, 0, 0)
	msg = append(msg, make([]byte, 1<<20)...)
	in := newInput(0)
	in.s.reset()
	for i := 1; i < len(msg); i++ {
		if done, err := in.s.scan(msg[:i]); done || err != nil {
			t.Fatalf("after %d of %d bytes: %v, %v", i, len(msg), done, err)
		}
	}
	if done, err := in.s.scan(msg); !done || err != nil {
		t.Fatal(done, err)
	}
}

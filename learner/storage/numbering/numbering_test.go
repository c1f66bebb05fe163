package numbering

import (
	"bytes"
	"errors"
	"testing"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func TestNumbering(t *testing.T) {
	n := New()
	for want, name := range []string{"b", "a", "", "c"} {
		if got := n.Intern([]byte(name)); int(got) != want || n.Name(got) != name {
			t.Errorf("%q is %d, want %d", name, got, want)
		}
	}
	if got := n.Intern([]byte("a")); got != 1 || n.Len() != 4 {
		t.Errorf("a is %d of %d", got, n.Len())
	}
	if _, ok := n.Find([]byte("d")); ok {
		t.Error("d has a number")
	}
	packed := n.Pack(nil)
	r := mpack.NewReader(packed)
	again, numbers, err := Unpack(&r)
	if err != nil || !bytes.Equal(again.Pack(nil), packed) || len(numbers) != 4 {
		t.Errorf("unpacked %v, %v", numbers, err)
	}
	n.Clear()
	if n.Len() != 0 || n.Intern([]byte("c")) != 0 {
		t.Error("numbers do not begin anew")
	}
}

// Numbers come without gaps, in the order of the old ones.
func TestRenumbered(t *testing.T) {
	b := []byte{0x93, 0x82, 0xa1, 'x', 0xcd, 0xff, 0xff, 0xa1, 'y', 0x07, 0x80, 0x00}
	r := mpack.NewReader(b)
	n, numbers, err := Unpack(&r)
	if err != nil {
		t.Fatal(err)
	}
	if x, _ := numbers.Of(0xffff); n.Name(x) != "x" || x != 1 {
		t.Errorf("x is %d", x)
	}
	if _, err := numbers.Of(0); !errors.Is(err, ErrUnknown) {
		t.Errorf("0 is somebody: %v", err)
	}
	r = mpack.NewReader([]byte{0x91, 0x82, 0xa1, 'x', 0x01, 0xa1, 'y', 0x01})
	if _, _, err := Unpack(&r); err == nil {
		t.Error("two names have one number")
	}
}

func FuzzUnpack(f *testing.F) {
	n := New()
	n.Intern([]byte("a"))
	f.Add(n.Pack(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := mpack.NewReader(b)
		n, numbers, err := Unpack(&r)
		if err != nil {
			return
		}
		for _, number := range numbers {
			if name := n.Name(number); n.Intern([]byte(name)) != number {
				t.Errorf("%q has two numbers", name)
			}
		}
	})
}

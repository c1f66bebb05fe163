package datum

import (
	"bytes"
	"testing"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// FuzzDatum decodes any bytes; what can be decoded must survive being written
// and read again.
func FuzzDatum(f *testing.F) {
	var d Datum
	d.AddString("name", "value")
	d.AddNum("age", 1.5)
	d.AddBinary("image", []byte{0xff, 0})
	f.Add(d.Append(nil))
	d.AddString("a name that is too long for a code", "value")
	d.AddNum("integer", 1)
	d.AddString("again", "short")
	f.Add(d.Append(nil))
	f.Add([]byte{0x90})
	f.Add([]byte{0x92, 0x90, 0x91, 0x92, 0xa1, 'k', 0x05})
	f.Add([]byte{0x94, 0x90, 0x90, 0x90, 0xc0})
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		var d, again Datum
		r, checked := mpack.NewReader(b), mpack.NewReader(b)
		err := d.Decode(&r)
		if got := Check(&checked); got != err || err == nil && checked.Pos() != r.Pos() {
			t.Fatalf("decoded up to %d: %v, checked up to %d: %v", r.Pos(), err, checked.Pos(), got)
		}
		if err != nil {
			return
		}
		wire := d.Append(nil)
		r = mpack.NewReader(wire)
		if err := again.Decode(&r); err != nil || r.Len() != 0 {
			t.Fatalf("% x: %v, %d bytes left", wire, err, r.Len())
		}
		if c := again.Clone(); !bytes.Equal(c.Append(nil), wire) {
			t.Fatalf("% x became % x", wire, c.Append(nil))
		}
	})
}

package nearestneighbor

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/jubatus/jubatus-go/integration/race"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// A row takes at most twice the bytes of its signature, norm and id, however
// many there are.
func TestMemory(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector takes memory, too")
	}
	var d datum.Datum
	d.AddNum("x", 1)
	body := d.Append(nil)
	const idBytes = 7
	for _, m := range []struct {
		method string
		row    int // bytes of a signature and a norm
	}{{"lsh", 8}, {"minhash", 8}, {"euclid_lsh", 16}} {
		c := &bare{handlers: build(t, m.method, `{"hash_num":64}`).Handlers()}
		set := func(i int) {
			c.do(t, "set_row", service.Update, append(mpack.AppendRaw(nil, fmt.Sprintf("r%0*d", idBytes-1, i)), body...), 2)
		}
		set(0)
		before := heap()
		n := 1
		for _, upTo := range []int{65_000, 80_000, 100_000, 135_000, 200_000} {
			for ; n < upTo; n++ {
				set(n)
			}
			got, limit := float64(heap()-before)/float64(n), float64(2*(m.row+idBytes))
			t.Logf("%s: %.1f bytes for each of %d rows", m.method, got, n)
			if got > limit {
				t.Errorf("%s: %.1f bytes for each of %d rows, want %.0f at most", m.method, got, n, limit)
			}
		}
		runtime.KeepAlive(c)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools held
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

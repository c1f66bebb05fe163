package coord_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patient is how long a test waits for what must happen at once.
const patient = 10 * time.Second

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// open returns a client of a fake that is closed when the test ends.
func open(t *testing.T, f *coordtest.Fake) *coordtest.FakeClient {
	c := f.Open()
	t.Cleanup(func() { c.Close() })
	return c
}

// cluster returns a fake with the tree of the cluster classifier/c prepared.
func cluster(t *testing.T) (*coordtest.Fake, *coordtest.FakeClient) {
	f := coordtest.NewFake()
	c := open(t, f)
	if err := coord.Prepare(t.Context(), c, "classifier", "c"); err != nil {
		t.Fatal(err)
	}
	return f, c
}

// eventually waits until ok is true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patient)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// exists says whether there is a node, and whose.
func exists(t *testing.T, c coord.Coordinator, path string) (owner string, ok bool) {
	t.Helper()
	n, err := c.Get(context.Background(), path)
	return n.Owner, err == nil
}

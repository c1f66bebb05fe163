package coord_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
)

var peers = []coord.Identity{
	{Host: "10.0.0.1", Port: 9199}, {Host: "10.0.0.2", Port: 9199}, {Host: "10.0.0.3", Port: 9199},
}

// register makes the nodes and ring entries of one server.
func register(t *testing.T, c coord.Coordinator, id coord.Identity) *coord.Registration {
	t.Helper()
	r := coord.NewRegistration(c, quiet)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		r.Close(ctx)
	})
	for _, hash := range coord.VirtualNodes(id) {
		if err := r.Add(t.Context(), coord.RingPath("classifier", "c")+"/"+hash, []byte(id.String())); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Add(t.Context(), coord.ActivePath("classifier", "c", id), nil); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestViewFollows(t *testing.T) {
	f, c := cluster(t)
	actives, ring := coord.ActivesPath("classifier", "c"), coord.RingPath("classifier", "c")
	view := coord.NewView(open(t, f), quiet)
	defer view.Close()

	members := func() []coord.Identity {
		got, err := view.Members(t.Context(), actives)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	entries := func() int {
		got, err := view.Ring(t.Context(), ring)
		if err != nil {
			t.Fatal(err)
		}
		return got.Len()
	}
	if got := members(); len(got) != 0 {
		t.Errorf("a missing directory has members %v", got)
	}
	if got := entries(); got != 0 {
		t.Errorf("a missing ring has %d entries", got)
	}
	for i, id := range peers {
		register(t, c, id)
		eventually(t, "the new server seen", func() bool {
			return cmp.Equal(members(), peers[:i+1]) && entries() == 8*(i+1)
		})
	}
	calls := f.Calls()
	for range 100 {
		members()
		entries()
	}
	if asked := f.Calls() - calls; asked > 10 {
		t.Errorf("200 answers from memory asked the service %d times", asked)
	}
}

func TestViewWithoutService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := cluster(t)
		actives, ring := coord.ActivesPath("classifier", "c"), coord.RingPath("classifier", "c")
		view := coord.NewView(open(t, f), quiet)
		defer view.Close()
		var servers []*coordtest.FakeClient
		for _, id := range peers {
			c := open(t, f)
			register(t, c, id)
			servers = append(servers, c)
		}
		check := func(when string, want []coord.Identity) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			got, err := view.Members(ctx, actives)
			if err != nil || !cmp.Equal(got, want) {
				t.Errorf("%s: %v, %v; want %v", when, got, err, want)
			}
			hashes, err := view.Ring(ctx, ring)
			if err != nil || hashes.Len() != 8*len(want) {
				t.Errorf("%s: ring of %d, %v; want %d", when, hashes.Len(), err, 8*len(want))
			}
		}
		check("at first", peers)
		f.Stop()
		synctest.Wait()
		time.Sleep(time.Minute)
		check("service away", peers)
		for _, s := range servers[1:] {
			s.Expire()
		}
		f.Start()
		synctest.Wait()
		check("service back, others not yet", peers)
		time.Sleep(time.Minute)
		check("all registered again", peers)
	})
}

func TestViewForgetsThoseWhoDoNotComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := cluster(t)
		actives := coord.ActivesPath("classifier", "c")
		view := coord.NewView(open(t, f), quiet)
		defer view.Close()
		var last *coordtest.FakeClient
		for _, id := range peers {
			c := open(t, f)
			register(t, c, id)
			last = c
		}
		if _, err := view.Members(t.Context(), actives); err != nil {
			t.Fatal(err)
		}
		f.Stop()
		synctest.Wait()
		last.Cut()
		last.Expire()
		f.Start()
		time.Sleep(time.Second)
		if got, _ := view.Members(t.Context(), actives); !cmp.Equal(got, peers) {
			t.Errorf("just back: %v", got)
		}
		time.Sleep(time.Minute)
		if got, _ := view.Members(t.Context(), actives); !cmp.Equal(got, peers[:2]) {
			t.Errorf("a minute later: %v", got)
		}
	})
}

func BenchmarkMembers(b *testing.B) {
	f := coordtest.NewFake()
	c := f.Open()
	defer c.Close()
	path := coord.ActivesPath("classifier", "c")
	r := coord.NewRegistration(c, quiet)
	defer r.Close(b.Context())
	for _, id := range peers {
		if err := r.Add(b.Context(), coord.ActivePath("classifier", "c", id), nil); err != nil {
			b.Fatal(err)
		}
	}
	view := coord.NewView(c, quiet)
	defer view.Close()
	b.ReportAllocs()
	for b.Loop() {
		if got, err := view.Members(b.Context(), path); err != nil || len(got) != len(peers) {
			b.Fatal(got, err)
		}
	}
}

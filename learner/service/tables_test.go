package service_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/learner/service"
)

func TestServices(t *testing.T) {
	type counts struct {
		methods, counting, hashed, broadcast, internal int
		ring                                           bool
	}
	want := map[string]counts{
		"anomaly":          {8, 6, 3, 1, 0, true},
		"bandit":           {7, 6, 3, 4, 0, true},
		"burst":            {10, 5, 2, 7, 0, true},
		"classifier":       {6, 4, 0, 3, 0, false},
		"clustering":       {9, 2, 0, 1, 0, false},
		"graph":            {19, 13, 7, 6, 3, true},
		"nearest_neighbor": {7, 2, 1, 1, 0, true},
		"recommender":      {15, 3, 7, 1, 0, true},
		"regression":       {3, 2, 0, 1, 0, false},
		"stat":             {8, 2, 7, 1, 0, true},
		"weight":           {3, 0, 0, 1, 0, false},
	}
	got := map[string]counts{}
	for _, s := range service.Services() {
		c := counts{methods: len(s.Methods), ring: s.Ring}
		for _, m := range s.Methods {
			if m.Counts {
				c.counting++
			}
			switch m.Routing {
			case service.Hashed:
				c.hashed++
			case service.Broadcast:
				c.broadcast++
			case service.Internal:
				c.internal++
			}
		}
		got[s.Type] = c
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(counts{})); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
}

func TestEveryMethod(t *testing.T) {
	for _, s := range service.Services() {
		names := map[string]bool{}
		for _, m := range slices.Concat(s.Methods, service.Common()) {
			if names[m.Name] {
				t.Errorf("%s has two methods %s", s.Type, m.Name)
			}
			names[m.Name] = true
			if (m.Routing == service.Hashed) != (m.Copies > 0) || m.Copies > 2 {
				t.Errorf("%s.%s is hashed to %d servers", s.Type, m.Name, m.Copies)
			}
			if m.Routing == service.Hashed && (m.Args == 0 || !s.Ring) {
				t.Errorf("%s.%s has no key or no ring to be hashed on", s.Type, m.Name)
			}
			if m.Lock == service.Analysis && m.Counts {
				t.Errorf("%s.%s only reads but counts", s.Type, m.Name)
			}
			if m.Routing == service.Random && m.Aggregation != service.Pass {
				t.Errorf("%s.%s has one answer to aggregate", s.Type, m.Name)
			}
			if found, ok := s.Method(m.Name); !ok || *found != m {
				t.Errorf("%s.Method(%s) = %v, %v", s.Type, m.Name, found, ok)
			}
		}
		if clear, ok := s.Method("clear"); !ok || clear.Routing != service.Broadcast || clear.Lock != service.Update {
			t.Errorf("%s.clear = %v, %v", s.Type, clear, ok)
		}
	}
}

func TestMethodsThatDiffer(t *testing.T) {
	method := func(typ, name string) service.Method {
		t.Helper()
		s, ok := service.Lookup(typ)
		if !ok {
			t.Fatalf("no service %s", typ)
		}
		m, ok := s.Method(name)
		if !ok {
			t.Fatalf("no method %s.%s", typ, name)
		}
		return *m
	}
	tests := []struct {
		typ  string
		want service.Method
	}{
		{"classifier", service.Method{Name: "delete_label", Args: 1, Routing: service.Broadcast,
			Lock: service.Update, Counts: true, Aggregation: service.AllOr}},
		{"bandit", service.Method{Name: "reset", Args: 1, Routing: service.Broadcast,
			Lock: service.Update, Counts: true, Aggregation: service.AllOr}},
		{"bandit", service.Method{Name: "register_reward", Args: 3, Routing: service.Hashed, Copies: 1,
			Lock: service.Update, Counts: true, Aggregation: service.AllAnd}},
		{"anomaly", service.Method{Name: "add", Args: 1, Counts: true}},
		{"anomaly", service.Method{Name: "add_bulk", Args: 1, Counts: true}},
		{"anomaly", service.Method{Name: "overwrite", Args: 2, Routing: service.Hashed, Copies: 2,
			Lock: service.Update, Counts: true}},
		{"graph", service.Method{Name: "create_node"}},
		{"graph", service.Method{Name: "create_edge", Args: 2, Routing: service.Hashed, Copies: 1}},
		{"graph", service.Method{Name: "remove_node", Args: 1, Routing: service.Hashed, Copies: 2, Counts: true}},
		{"graph", service.Method{Name: "create_edge_here", Args: 2, Routing: service.Internal,
			Lock: service.Update, Counts: true}},
		{"burst", service.Method{Name: "get_all_bursted_results_at", Args: 1, Routing: service.Broadcast,
			Lock: service.Analysis, Aggregation: service.Merge}},
		{"stat", service.Method{Name: "moment", Args: 3, Routing: service.Hashed, Copies: 1, Lock: service.Analysis}},
		{"weight", service.Method{Name: "update", Args: 1, Lock: service.Update}},
		{"weight", service.Method{Name: "clear", Routing: service.Broadcast, Lock: service.Update,
			Aggregation: service.AllAnd}},
		{"weight", service.Method{Name: "load", Args: 1, Routing: service.Broadcast, Counts: true,
			Aggregation: service.AllAnd}},
		{"weight", service.Method{Name: "save", Args: 1, Routing: service.Broadcast, Lock: service.Analysis,
			Aggregation: service.Merge}},
		{"weight", service.Method{Name: "get_status", Routing: service.Broadcast, Lock: service.Analysis,
			Aggregation: service.Merge}},
		{"weight", service.Method{Name: "get_config", Lock: service.Analysis}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, method(tt.typ, tt.want.Name)); diff != "" {
			t.Errorf("%s.%s (-want +got):\n%s", tt.typ, tt.want.Name, diff)
		}
	}
	if _, ok := service.Lookup("nosuch"); ok {
		t.Error("Lookup found nosuch")
	}
	if s, _ := service.Lookup("stat"); s != nil {
		if _, ok := s.Method("do_mix"); ok {
			t.Error("stat has do_mix")
		}
	}
}

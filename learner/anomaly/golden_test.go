package anomaly

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

const golden = "../testdata/golden"

func build(t testing.TB, cfg string, cluster bool) engine.Engine {
	t.Helper()
	return goldentest.Build(t, New, cfg, goldentest.Env(cluster))
}

// tolerance is nothing for light_lof. The original adds up the densities of
// lof in the order of a hash table.
func tolerance(name string) float64 {
	if strings.Contains(name, "light_lof") {
		return 0
	}
	return 1e-12
}

// recordedPorts are those of the servers of recorded mixes.
func recordedPorts(name string) []int {
	if strings.Contains(name, "light_lof") {
		return []int{29774, 29775}
	}
	return []int{29771, 29772}
}

// recordedHomes are the homes of a row in a recorded mix: those that the ring
// names, on which a server may come twice in a row.
func recordedHomes(name, key string) (homes []int) {
	type point struct {
		hash string
		node int
	}
	hash := func(s string) string {
		h := md5.Sum([]byte(s))
		return hex.EncodeToString(h[:])
	}
	var ring []point
	for node, port := range recordedPorts(name) {
		label := fmt.Sprintf("127.0.0.1_%d", port)
		ring = append(ring, point{hash(label), node})
		for i := 1; i < 8; i++ {
			ring = append(ring, point{hash(fmt.Sprintf("%s_%d", label, i)), node})
		}
	}
	slices.SortFunc(ring, func(a, b point) int { return cmp.Compare(a.hash, b.hash) })
	first, _ := slices.BinarySearchFunc(ring, hash(key), func(p point, h string) int { return cmp.Compare(p.hash, h) })
	for i := range 2 {
		if node := ring[(first+i)%len(ring)].node; !slices.Contains(homes, node) {
			homes = append(homes, node)
		}
	}
	return homes
}

// prepare makes comparable what depends on hash tables.
func prepare(v goldentest.Value) goldentest.Value { return goldentest.ByName(withoutVersions(v)) }

// withoutVersions takes the versions out of rows in tables, as the statistics
// of rows were renewed in the order of a hash table, and twice for rows whose
// homes were the same server. It takes lists of numbers of rows out, too.
func withoutVersions(v goldentest.Value) goldentest.Value {
	switch v := v.(type) {
	case goldentest.List:
		if len(v) == 2 {
			if owner, ok := v[0].(goldentest.List); ok && len(owner) == 1 {
				if name, ok := owner[0].(string); ok && strings.HasPrefix(name, "127.0.0.") {
					return "version"
				}
			}
		}
		out := goldentest.List{}
		for _, x := range v {
			out = append(out, withoutVersions(x))
		}
		if len(out) == 6 { // a table: its clock
			out[4] = "clock"
		}
		return out
	case string:
		// Rows of a table, in a raw.
		if rows, err := goldentest.Decode([]byte(v)); err == nil {
			if list, ok := rows.(goldentest.List); ok && len(list) > 0 {
				return withoutVersions(list)
			}
		}
	}
	return v
}

func suite() goldentest.Suite {
	return goldentest.Suite{
		Factory: New, Folder: golden, Engine: "anomaly",
		Tolerance: tolerance, Homes: recordedHomes, Prepare: prepare, Joined: true,
	}
}

func TestGolden(t *testing.T) {
	s := suite()
	s.SkipMix = func(name string) bool { return name == doubled }
	s.Run(t)
}

// doubled is a recorded mix in which the original adds up the lengths of rows
// that two servers hold, so that they become too long.
const doubled = "anomaly-lof"

// Up to the mix everything is as recorded. After it both servers answer the
// same, which is what one would that has all rows.
func TestGoldenLOFMix(t *testing.T) {
	recorded := goldentest.ReadMix(t, golden+"/mix/"+doubled+".mix.json")
	c := goldentest.NewCluster(t, New, "anomaly", string(recorded.Config), len(recorded.Nodes))
	c.Homes = func(key string) []int { return recordedHomes(doubled, key) }
	c.Mix()
	c.Mix()
	all := goldentest.InProcess(build(t, string(recorded.Config), false))
	for i, n := range recorded.Nodes {
		o := goldentest.Options{Tolerance: 1e-12}
		goldentest.Replay(t, n.Fed, c.Caller(i), o)
		goldentest.Replay(t, n.Before, c.Caller(i), o)
		goldentest.SamePrepared(t, "diff", n.Diff, goldentest.Diff(c.Engines[i]), goldentest.AsIs, 1e-12, prepare)
		for _, fed := range n.Fed {
			if _, err := all(fed.Method, goldentest.Append(nil, fed.Params)); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.Mix()
	for _, asked := range recorded.Nodes[0].After {
		params := goldentest.Append(nil, asked.Params)
		first, err := c.Caller(0)(asked.Method, params)
		if err != nil {
			t.Fatal(err)
		}
		second, err := c.Caller(1)(asked.Method, params)
		if err != nil {
			t.Fatal(err)
		}
		goldentest.SameObject(t, "answers of both", first, second, goldentest.AsIs, 1e-12)
		want, err := all(asked.Method, params)
		if err != nil {
			t.Fatal(err)
		}
		// Not every row has met all others.
		goldentest.SameObject(t, "what one would answer", want, first, goldentest.AsIs, 0.25)
	}
}

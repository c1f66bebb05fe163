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

func TestGolden(t *testing.T) {
	goldentest.Suite{
		Factory: New, Folder: golden, Engine: "anomaly",
		Skip:      func(name string) bool { return !strings.Contains(name, "light_lof") },
		Tolerance: tolerance, Homes: recordedHomes, Prepare: withoutVersions, Joined: true,
	}.Run(t)
}

package integration

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// place is a point in the plane, with the number of the group that it is of.
type place struct {
	group int
	x, y  float64
}

func (p place) append(b []byte) []byte {
	var d datum.Datum
	d.AddNum("x", p.x)
	d.AddNum("y", p.y)
	return d.Append(b)
}

// placesClient is a client of a clustering server or proxy.
type placesClient struct {
	t    testing.TB
	c    *rpc.Client
	name string
}

func (c *placesClient) try(method string, args ...[]byte) ([]byte, error) {
	params := mpack.AppendRaw(mpack.AppendArrayHeader(nil, len(args)+1), c.name)
	for _, a := range args {
		params = append(params, a...)
	}
	result, err := c.c.Call(c.t.Context(), method, params)
	return slices.Clone(result), err
}

func (c *placesClient) call(method string, args ...[]byte) []byte {
	c.t.Helper()
	result, err := c.try(method, args...)
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	return result
}

// push pushes places, so many with every call, under the ids group/number.
func (c *placesClient) push(places []place, each int) {
	c.t.Helper()
	n := 0
	for list := range slices.Chunk(places, each) {
		b := mpack.AppendArrayHeader(nil, len(list))
		for _, p := range list {
			b = mpack.AppendArrayHeader(b, 2)
			b = mpack.AppendRaw(b, fmt.Sprint(p.group, "/", n))
			b = p.append(b)
			n++
		}
		if got := c.call("push", b); string(got) != "\xc3" {
			c.t.Fatalf("push: %x", got)
		}
	}
}

// centers are the centres of the clusters.
func (c *placesClient) centers() (centers []place) {
	c.t.Helper()
	r := mpack.NewReader(c.call("get_k_center"))
	n, err := r.ArrayHeader()
	for range n {
		var d datum.Datum
		err = errors.Join(err, d.Decode(&r))
		centers = append(centers, c.center(&d))
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return centers
}

// nearestCenter is the centre nearest to a place.
func (c *placesClient) nearestCenter(to place) place {
	c.t.Helper()
	r := mpack.NewReader(c.call("get_nearest_center", to.append(nil)))
	var d datum.Datum
	if err := d.Decode(&r); err != nil {
		c.t.Fatal(err)
	}
	return c.center(&d)
}

func (c *placesClient) center(d *datum.Datum) place {
	c.t.Helper()
	if len(d.Nums) != 2 {
		c.t.Fatalf("a centre has %d numbers", len(d.Nums))
	}
	p := place{}
	for _, v := range d.Nums {
		if string(v.Key) == "x" {
			p.x = v.Value
		} else {
			p.y = v.Value
		}
	}
	return p
}

// clusters are the ids of every cluster.
func (c *placesClient) clusters() (clusters [][]string) {
	c.t.Helper()
	r := mpack.NewReader(c.call("get_core_members_light"))
	n, err := r.ArrayHeader()
	for range n {
		m, e := r.ArrayHeader()
		var ids []string
		for range m {
			e2 := r.Tuple(2)
			_, e3 := r.Float64()
			id, e4 := r.String()
			ids, err = append(ids, id), errors.Join(err, e2, e3, e4)
		}
		clusters, err = append(clusters, ids), errors.Join(err, e)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return clusters
}

// near reports whether every one of the places is near one of the centres.
func near(truth, centers []place) bool {
	for _, p := range truth {
		if !slices.ContainsFunc(centers, func(c place) bool { return math.Hypot(c.x-p.x, c.y-p.y) < 0.1 }) {
			return false
		}
	}
	return len(truth) == len(centers)
}

// groupMeans are the means of the groups.
func groupMeans(places []place) []place {
	var means []place
	var counts []float64
	for _, p := range places {
		for len(means) <= p.group {
			means, counts = append(means, place{group: len(means)}), append(counts, 0)
		}
		means[p.group].x += p.x
		means[p.group].y += p.y
		counts[p.group]++
	}
	for i, n := range counts {
		means[i].x /= n
		means[i].y /= n
	}
	return means
}

// threeBlobs are n places around three centres.
func threeBlobs(n int, deviation float64) (places, centers []place) {
	centers = []place{{0, 0, 0}, {1, 10, 0}, {2, 0, 10}}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		c := centers[i%3]
		places = append(places, place{c.group, c.x + deviation*random.NormFloat64(), c.y + deviation*random.NormFloat64()})
	}
	return places, centers
}

// recordedPlaces reads a set of places.
func recordedPlaces(t testing.TB, file string) (places []place) {
	t.Helper()
	f, err := os.Open(data(t, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var p place
		if _, err := fmt.Sscanf(strings.ReplaceAll(lines.Text(), ",", " "), "%d %g %g", &p.group, &p.x, &p.y); err != nil {
			t.Fatalf("%s: %q: %v", file, lines.Text(), err)
		}
		places = append(places, p)
	}
	if err := lines.Err(); err != nil || len(places) == 0 {
		t.Fatalf("%s: %d places, %v", file, len(places), err)
	}
	return places
}

// placesConfig is a configuration with these members; buckets are of 50 points.
func placesConfig(members string) string {
	return `{` + members + `, "converter": {"num_rules": [{"key": "*", "type": "num"}]}}`
}

const (
	keepAll = `, "compressor_method": "simple", "compressor_parameter": {"bucket_size": 50}`
	keepFew = `, "compressor_method": "compressive", "compressor_parameter": {"bucket_size": 150, "bucket_length": 2,
		"compressed_bucket_size": 60, "bicriteria_base_size": 5, "forgetting_factor": 0.0, "forgetting_threshold": 0.5, "seed": 0}`
)

// Blobs are found, their centres within a tenth. Either method may end where two
// of its centres share a blob; the seeds are such that it does not. A server that starts with the
// saved model finds them, too.
func TestBlobs(t *testing.T) {
	t.Parallel()
	three, threeCenters := threeBlobs(450, 0.3)
	for _, c := range []struct {
		name, config string
		places       func(t *testing.T) (places, centers []place)
	}{
		{"kmeans", `"method": "kmeans", "parameter": {"k": 3, "seed": 1}` + keepAll, func(*testing.T) ([]place, []place) { return three, threeCenters }},
		{"kmeans compressive", `"method": "kmeans", "parameter": {"k": 3, "seed": 1}` + keepFew, func(*testing.T) ([]place, []place) { return threeBlobs(450, 0.15) }},
		{"gmm", `"method": "gmm", "parameter": {"k": 3, "seed": 1}` + keepAll, func(*testing.T) ([]place, []place) { return three, threeCenters }},
		{"kmeans blobs.dat", `"method": "kmeans", "parameter": {"k": 2, "seed": 10}` + keepAll, recordedBlobs},
		{"gmm blobs.dat", `"method": "gmm", "parameter": {"k": 2, "seed": 10}` + keepAll, recordedBlobs},
	} {
		t.Run(c.name, func(t *testing.T) {
			places, centers := c.places(t)
			s := serve(t, "jubaclustering", placesConfig(c.config))
			client := &placesClient{t: t, c: s.dial(t)}
			client.push(places, 7)
			if got := client.centers(); !near(centers, got) {
				t.Fatalf("centres %v, want %v", got, centers)
			}
			for _, p := range centers {
				if got := client.nearestCenter(p); !near([]place{p}, []place{got}) {
					t.Errorf("nearest to %v is %v", p, got)
				}
			}
			if !strings.Contains(c.config, "compressive") {
				grouped(t, places, client.clusters(), len(places))
			}

			client.call("save", mpack.AppendRaw(nil, "blobs"))
			s.stop(t)
			models, err := os.ReadDir(s.dir)
			if err != nil || len(models) != 1 {
				t.Fatalf("saved: %v, %v", models, err)
			}
			again := serve(t, "jubaclustering", placesConfig(c.config), "-m", filepath.Join(s.dir, models[0].Name()))
			client = &placesClient{t: t, c: again.dial(t)}
			if got := client.centers(); !near(centers, got) {
				t.Errorf("after a restart centres %v, want %v", got, centers)
			}
			again.stop(t)
		})
	}
}

func recordedBlobs(t *testing.T) (places, centers []place) {
	places = recordedPlaces(t, "blobs.dat")
	return places, groupMeans(places)
}

// grouped demands one cluster for every group, with at least so many places.
func grouped(t *testing.T, places []place, clusters [][]string, atLeast int) {
	t.Helper()
	groups, n := map[string]bool{}, 0
	for i, ids := range clusters {
		group, _, _ := strings.Cut(ids[0], "/")
		groups[group] = true
		n += len(ids)
		for _, id := range ids {
			if !strings.HasPrefix(id, group+"/") {
				t.Errorf("cluster %d has %s and %s", i, ids[0], id)
			}
		}
	}
	if want := len(groupMeans(places)); len(groups) != want || len(clusters) != want {
		t.Errorf("%d clusters for %d groups, want %d", len(clusters), len(groups), want)
	}
	if n < atLeast {
		t.Errorf("%d of %d places are in clusters", n, len(places))
	}
}

// Moons and circles, which no centres tell apart, are found by density.
func TestMoonsAndCircles(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"noisy_moons.dat", "noisy_circles.dat"} {
		t.Run(file, func(t *testing.T) {
			places := recordedPlaces(t, file)
			s := serve(t, "jubaclustering", placesConfig(`"method": "dbscan", "parameter": {"eps": 0.3, "min_core_point": 5},
				"compressor_method": "simple", "compressor_parameter": {"bucket_size": 300}`))
			client := &placesClient{t: t, c: s.dial(t)}
			client.push(places, 10)
			// The last one ends the bucket and is not in it.
			grouped(t, places, client.clusters(), len(places)-3)
			s.stop(t)
		})
	}
}

// Three servers, one of them hosting the coordination, get places through a
// proxy. After they have mixed each knows all places and their centres; clear
// through the proxy clears all.
func TestBlobsCluster(t *testing.T) {
	t.Parallel()
	ensemble := fmt.Sprint("127.0.0.1:", freePair(t))
	g := &group{name: "blobs", location: []string{"--cluster", ensemble, "--coord_dir", filepath.Join(t.TempDir(), "coord")}}
	config := writeFile(t, "config.json", placesConfig(`"method": "kmeans", "parameter": {"k": 3, "seed": 0}`+keepAll))
	var clients []*placesClient
	for range 3 {
		s := g.start(t, "jubaclustering", freeAddr(t), "-n", g.name, "-d", t.TempDir(), "-f", config, "-s", "0", "-i", "0")
		g.servers = append(g.servers, s)
		clients = append(clients, &placesClient{t: t, c: s.dial(t), name: g.name})
	}
	for _, s := range g.servers {
		s.active(t)
	}
	proxy := g.start(t, "jubaclustering_proxy", freeAddr(t))
	through := &placesClient{t: t, c: proxy.dial(t), name: g.name}

	places, centers := threeBlobs(300, 0.1)
	through.push(places, 1)
	for i, c := range clients {
		before := 0
		for _, ids := range c.clusters() {
			before += len(ids)
		}
		if before == 0 || before >= len(places) {
			t.Errorf("server %d has %d of %d places before the mix", i, before, len(places))
		}
	}
	// Centres that begin badly may end badly; every mix begins anew.
	good := false
	for range 5 {
		g.servers[0].mix(t)
		good = true
		for _, c := range clients {
			good = good && near(centers, c.centers())
		}
		if good {
			break
		}
	}
	if !good {
		for i, c := range clients {
			t.Errorf("server %d has the centres %v, want %v", i, c.centers(), centers)
		}
	}
	for _, c := range append(clients, through) {
		grouped(t, places, c.clusters(), len(places))
		for _, p := range centers {
			if got := c.nearestCenter(p); !near([]place{p}, []place{got}) {
				t.Errorf("nearest to %v is %v", p, got)
			}
		}
	}

	if got := through.call("clear"); string(got) != "\xc3" {
		t.Errorf("clear: %x", got)
	}
	for i, c := range clients {
		if _, err := c.try("get_k_center"); err == nil || !strings.Contains(err.Error(), "clustering is not performed yet") {
			t.Errorf("server %d after clear: %v", i, err)
		}
		if n := c.call("get_revision"); string(n) != "\x00" {
			t.Errorf("server %d is at revision %x after clear", i, n)
		}
	}
	for _, s := range g.servers {
		if strings.Contains(s.out.String(), "ERROR") {
			t.Errorf("%s said:\n%s", s.addr, s.out.String())
		}
	}
}

// The example of the document is what happens.
func TestClusteringDocument(t *testing.T) {
	t.Parallel()
	need(t, "bash")
	text, err := os.ReadFile("../docs/engines/clustering.md")
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile("../docs/examples/clustering/kmeans_small.json")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, "jubaclustering", string(config))
	calls := 0
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for _, step := range strings.Split(block[1], "$ ")[1:] {
			command, want, _ := strings.Cut(step, "\n")
			arguments, ok := strings.CutPrefix(command, "jubatus call localhost:9199 ")
			if !ok {
				continue
			}
			calls++
			out, err := exec.CommandContext(t.Context(), "bash", "-c", binary(t)+" call "+s.addr+" "+arguments).CombinedOutput()
			if err != nil || string(out) != want {
				t.Errorf("%s: %v, %s, want %s", command, err, out, want)
			}
		}
	}
	if calls < 7 {
		t.Errorf("the document has %d calls", calls)
	}
	s.stop(t)
}

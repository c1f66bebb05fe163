package clustering

import (
	"github.com/jubatus/jubatus-go/learner/clustering/coreset"
	"github.com/jubatus/jubatus-go/learner/clustering/gmm"
	"github.com/jubatus/jubatus-go/learner/clustering/kmeans"
	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
	"github.com/jubatus/jubatus-go/learner/config"
)

// block starts reading a parameter block, of which there must be one.
func block(v *config.Value, path string) *config.Reader {
	if v == nil {
		path = "" // as it has always been reported
	}
	return config.Read(v, path)
}

// newMethod builds the method of that name.
func newMethod(name string, parameter *config.Value, distance string) (method, error) {
	switch name {
	case "kmeans":
		k, seed, err := readCount(parameter)
		if err != nil {
			return nil, err
		}
		metric, err := newMetric(distance)
		if err != nil {
			return nil, err
		}
		return central{byMeans{kmeans.New(k, metric, seed)}}, nil
	case "gmm":
		k, seed, err := readCount(parameter)
		if err != nil {
			return nil, err
		}
		return central{byMixture{gmm.New(k, seed)}}, nil
	case "dbscan":
		return newDensity(parameter, distance)
	default:
		return nil, config.Unsupported(name)
	}
}

func readCount(parameter *config.Value) (k int, seed uint32, err error) {
	o := block(parameter, ".parameter")
	k, seed = int(o.Int("k")), uint32(o.Int("seed"))
	if err := o.Err(); err != nil {
		return 0, 0, err
	}
	if k < 1 {
		return 0, 0, config.InvalidParameter("1 <= k")
	}
	return k, seed, nil
}

func newDensity(parameter *config.Value, distance string) (method, error) {
	o := block(parameter, ".parameter")
	d := &density{eps: o.Float("eps"), minCore: int(o.Int("min_core_point"))}
	o.OptString("distance") // may be there, and means nothing
	if err := o.Err(); err != nil {
		return nil, err
	}
	if !(0 < d.eps) {
		return nil, config.InvalidParameter("0 < eps")
	}
	if d.minCore < 1 {
		return nil, config.InvalidParameter("0 < min_core_point")
	}
	var err error
	if d.metric, err = newMetric(distance); err != nil {
		return nil, err
	}
	return d, nil
}

func newMetric(distance string) (sparse.Metric, error) {
	switch distance {
	case "euclidean":
		return sparse.ByEuclid, nil
	case "cosine":
		return sparse.ByCosine, nil
	default:
		return 0, config.InvalidParameter("distance should be 'euclidean' or 'cosine'")
	}
}

// newStorage builds the storage of that name for a method.
func newStorage(name, method string, parameter *config.Value) (storage, error) {
	switch {
	case name == "simple":
		return newSimple(parameter)
	case name == "compressive" && method == "kmeans":
		return readCompressive(parameter, coreset.ForMeans)
	case name == "compressive" && method == "gmm":
		return readCompressive(parameter, coreset.ForMixtures)
	default:
		return nil, config.Unsupported(name)
	}
}

func newSimple(parameter *config.Value) (storage, error) {
	o := block(parameter, ".compressor_parameter")
	size := o.Int("bucket_size")
	if err := o.Err(); err != nil {
		return nil, err
	}
	if size < 2 {
		return nil, config.InvalidParameter("2 <= bucket_size")
	}
	return &simple{bucketSize: uint64(size)}, nil
}

func readCompressive(parameter *config.Value, kind coreset.Kind) (storage, error) {
	o := block(parameter, ".compressor_parameter")
	s := compressiveSettings{
		bucketSize:          int(o.Int("bucket_size")),
		bucketLength:        int(o.Int("bucket_length")),
		compressedSize:      int(o.Int("compressed_bucket_size")),
		baseSize:            int(o.Int("bicriteria_base_size")),
		forgettingFactor:    o.Float("forgetting_factor"),
		forgettingThreshold: o.Float("forgetting_threshold"),
	}
	seed := uint32(o.Int("seed"))
	if err := o.Err(); err != nil {
		return nil, err
	}
	for _, c := range []struct {
		holds    bool
		expected string
	}{
		{1 <= s.bucketSize, "1 <= bucket_size"},
		{2 <= s.bucketLength, "2 <= bucket_length"},
		{1 <= s.baseSize && s.baseSize <= s.compressedSize, "1 <= bicriteria_base_size <= compressed_bucket_size"},
		{s.compressedSize <= s.bucketSize, "compressed_bucket_size <= bucket_size"},
		{0 <= s.forgettingFactor, "0.0 <= forgetting_factor"},
		{0 <= s.forgettingThreshold && s.forgettingThreshold <= 1, "0.0 <= forgetting_threshold <= 1.0"},
	} {
		if !c.holds {
			return nil, config.InvalidParameter(c.expected)
		}
	}
	return newCompressive(s, coreset.New(kind, seed)), nil
}

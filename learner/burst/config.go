package burst

import (
	"math"

	"github.com/jubatus/jubatus-go/learner/config"
)

// readOptions reads and checks the configuration. There is one method, and any
// name for it will do.
func readOptions(cfg *config.Value) (options, error) {
	top := config.Read(cfg, "")
	top.String("method")
	parameter := top.Any("parameter")
	if err := top.Err(); err != nil {
		return options{}, err
	}
	p := config.Read(parameter, ".parameter")
	o := options{
		batches:  int(p.Int("window_batch_size")),
		interval: p.Float("batch_interval"),
		stored:   int(p.Int("result_window_rotate_size")),
		reused:   int(p.Int("max_reuse_batch_num")),
		cut:      p.Float("costcut_threshold"),
	}
	if err := p.Err(); err != nil {
		return options{}, err
	}
	switch {
	case o.batches <= 0:
		return options{}, config.InvalidParameter("window_batch_size should > 0")
	case !(o.interval > 0):
		return options{}, config.InvalidParameter("batch_interval should > 0")
	case o.stored <= 0:
		return options{}, config.InvalidParameter("result_window_rotate_size should > 0")
	case o.reused < 0:
		return options{}, config.InvalidParameter("max_reuse_batch_num should >= 0")
	}
	o.cut = cutThreshold(o.cut)
	return o, nil
}

// cutThreshold is a threshold that compares: what is not positive means that
// nothing is cut.
func cutThreshold(v float64) float64 {
	if v > 0 {
		return v
	}
	return math.MaxFloat64
}

package anomaly

import (
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/unlearner"
)

// settings is the parameter block that both methods have.
type settings struct {
	k, reverse int  // nearest_neighbor_num, reverse_nearest_neighbor_num
	ignore     bool // ignore_kth_same_point

	nested    string // the method that finds neighbours
	parameter *config.Value
	unlearner unlearner.Unlearner // nil for none
}

// nestedPath is where the parameter block of the nested method is.
const nestedPath = ".parameter.parameter"

// newMethod builds the method of that name from its parameter block.
func newMethod(name string, parameter *config.Value, env engine.Env) (method, error) {
	var build func(settings, engine.Env) (method, error)
	switch name {
	case "lof":
		build = newHeavy
	case "light_lof":
		build = newLight
	default:
		return nil, config.Unsupported(name)
	}
	s, err := readSettings(parameter, env)
	if err != nil {
		return nil, err
	}
	m, err := build(s, env)
	if err != nil {
		return nil, err
	}
	return m, s.check()
}

func readSettings(parameter *config.Value, env engine.Env) (s settings, err error) {
	o := config.Read(parameter, ".parameter")
	s.k = int(o.Int("nearest_neighbor_num"))
	s.reverse = int(o.Int("reverse_nearest_neighbor_num"))
	s.ignore, _ = o.OptBool("ignore_kth_same_point")
	s.nested = o.String("method")
	s.parameter = o.Any("parameter")
	u := unlearner.Read(o)
	if err := o.Err(); err != nil {
		return s, err
	}
	s.unlearner, err = unlearner.NewForRows(u, env.Now)
	return s, err
}

// check checks the numbers of neighbours.
func (s *settings) check() error {
	if s.k < 2 {
		return config.InvalidParameter("2 <= nearest_neighbor_num")
	}
	if s.reverse < s.k {
		return config.InvalidParameter("nearest_neighbor_num <= reverse_nearest_neighbor_num")
	}
	return nil
}

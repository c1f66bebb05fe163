package regression

import (
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
)

// newMethod builds the method of that name from its parameter block, nil if
// there is none.
func newMethod(name string, parameter *config.Value, env engine.Env) (method, error) {
	switch name {
	case "perceptron":
		return readLinear(perceptron, parameter, env)
	case "PA", "passive_aggressive":
		return readLinear(pa, parameter, env)
	case "PA1", "passive_aggressive_1":
		return readLinear(pa1, parameter, env)
	case "PA2", "passive_aggressive_2":
		return readLinear(pa2, parameter, env)
	case "CW", "confidence_weighted":
		return readLinear(cw, parameter, env)
	case "AROW":
		return readLinear(arow, parameter, env)
	case "NHERD", "normal_herd":
		return readLinear(nherd, parameter, env)
	default:
		return nil, config.Unsupported(name)
	}
}

func readLinear(r rule, parameter *config.Value, env engine.Env) (method, error) {
	path := ".parameter"
	if parameter == nil {
		path = "" // as the original has it
	}
	o := config.Read(parameter, path)
	var s settings
	if r == perceptron {
		s.rate = float32(o.Float("learning_rate"))
	}
	if r.regularized() {
		s.regularization = float32(o.Float("regularization_weight"))
	}
	if r != perceptron {
		s.sensitivity = float32(o.Float("sensitivity"))
	}
	if err := o.Err(); err != nil {
		return nil, err
	}
	switch {
	case r == perceptron && !(0 < s.rate):
		return nil, config.InvalidParameter("0.0 < learning_rate")
	case r.regularized() && !(0 < s.regularization):
		return nil, config.InvalidParameter("0.0 < regularization_weight")
	case !(0 <= s.sensitivity):
		return nil, config.InvalidParameter("0.0 <= sensitivity")
	}
	return newLinear(r, s, env), nil
}

package regression

import (
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/instances"
	"github.com/jubatus/jubatus-go/learner/unlearner"
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
	case "NN", "nearest_neighbor":
		return readHashed(parameter, env)
	case "cosine":
		return readExact(parameter, env, instances.NewCosine)
	case "euclidean":
		return readExact(parameter, env, instances.NewEuclidean)
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

// vote is how neighbours make an estimate.
type vote struct {
	limit     int32
	weight    string
	weighted  bool // whether the weight is given
	byInverse bool
}

func readVote(o *config.Reader) (v vote) {
	v.limit = o.Int("nearest_neighbor_num")
	v.weight, v.weighted = o.OptString("weight")
	return v
}

// check refuses a vote that cannot be; number is how the mistake of having no
// neighbours is told.
func (v *vote) check(number string) error {
	if v.limit < 1 {
		return config.InvalidParameter(number)
	}
	v.byInverse = v.weight == "distance"
	if v.weighted && !v.byInverse && v.weight != "uniform" {
		return config.InvalidParameter("weight option must be distance or uniform")
	}
	return nil
}

func readHashed(parameter *config.Value, env engine.Env) (method, error) {
	if parameter == nil {
		return nil, config.MissingParameter()
	}
	o := config.Read(parameter, ".parameter")
	table, vote := instances.ReadTable(o), readVote(o)
	settings := unlearner.Read(o)
	if err := o.Err(); err != nil {
		return nil, err
	}
	vectors, err := instances.NewTable(table, settings, env)
	if err != nil {
		return nil, err
	}
	if err := vote.check("nearest_neighbor_num should >= 1"); err != nil {
		return nil, err
	}
	return newNeighbours(vectors, vote, env), nil
}

func readExact(parameter *config.Value, env engine.Env, build func(engine.Env) *instances.Instances) (method, error) {
	if parameter == nil {
		return nil, config.MissingParameter()
	}
	o := config.Read(parameter, ".parameter")
	vote := readVote(o)
	if err := o.Err(); err != nil {
		return nil, err
	}
	if err := vote.check("nearest neighbor num >= 1"); err != nil {
		return nil, err
	}
	return newNeighbours(build(env), vote, env), nil
}

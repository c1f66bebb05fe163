package classifier

import (
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/instances"
	"github.com/jubatus/jubatus-go/learner/unlearner"
)

// newMethod builds the method of that name from its parameter block, nil if
// there is none.
func newMethod(name string, parameter *config.Value, env engine.Env) (method, error) {
	var r rule
	switch name {
	case "perceptron":
		r = perceptron
	case "PA", "passive_aggressive":
		r = pa
	case "PA1", "passive_aggressive_1":
		r = pa1
	case "PA2", "passive_aggressive_2":
		r = pa2
	case "CW", "confidence_weighted":
		r = cw
	case "AROW", "arow":
		r = arow
	case "NHERD", "normal_herd":
		r = nherd
	case "NN", "nearest_neighbor":
		return readHashed(parameter, env)
	case "cosine":
		return readExact(parameter, env, instances.NewCosine)
	case "euclidean":
		return readExact(parameter, env, instances.NewEuclidean)
	default:
		return nil, config.Unsupported("classifier(" + name + ")")
	}
	if parameter == nil {
		if r.regularized() {
			return nil, config.MissingParameter()
		}
		return newLinear(r, 0, nil, env), nil
	}
	o := config.Read(parameter, ".parameter")
	var c float32
	if r.regularized() {
		c = float32(o.Float("regularization_weight"))
	}
	settings := unlearner.Read(o)
	if err := o.Err(); err != nil {
		return nil, err
	}
	if r.regularized() && !(0 < c) {
		return nil, config.InvalidParameter("0.0 < regularization_weight")
	}
	u, err := unlearner.New(settings, env.Now)
	if err != nil {
		return nil, err
	}
	return newLinear(r, c, u, env), nil
}

func readHashed(parameter *config.Value, env engine.Env) (method, error) {
	if parameter == nil {
		return nil, config.MissingParameter()
	}
	o := config.Read(parameter, ".parameter")
	table := instances.ReadTable(o)
	limit, sensitivity := readVote(o)
	settings := unlearner.Read(o)
	if err := o.Err(); err != nil {
		return nil, err
	}
	vectors, err := instances.NewTable(table, settings, env)
	if err != nil {
		return nil, err
	}
	if err := checkSensitivity(sensitivity); err != nil {
		return nil, err
	}
	return newHashed(vectors, limit, sensitivity), nil
}

func readExact(parameter *config.Value, env engine.Env, build func(engine.Env) *instances.Instances) (method, error) {
	if parameter == nil {
		return nil, config.MissingParameter()
	}
	o := config.Read(parameter, ".parameter")
	limit, sensitivity := readVote(o)
	if err := o.Err(); err != nil {
		return nil, err
	}
	if limit == 0 {
		return nil, config.InvalidParameter("nearest neighbor num >= 1")
	}
	if err := checkSensitivity(sensitivity); err != nil {
		return nil, err
	}
	return newExact(build(env), limit, sensitivity), nil
}

// readVote reads how neighbours vote. A negative limit is none.
func readVote(o *config.Reader) (limit int32, sensitivity float32) {
	return o.Int("nearest_neighbor_num"), float32(o.Float("local_sensitivity"))
}

func checkSensitivity(sensitivity float32) error {
	if !(0 <= sensitivity) {
		return config.InvalidParameter("local_sensitivity should >= 0")
	}
	return nil
}

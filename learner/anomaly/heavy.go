package anomaly

import (
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
)

func newHeavy(s settings, _ engine.Env) (method, error) { return nil, config.Unsupported(s.nested) }

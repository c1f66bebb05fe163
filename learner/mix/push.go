package mix

func newPush(name string, node Node, o Options, s strategy) (Mixer, error) { return nil, nil }

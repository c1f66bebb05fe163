package service

// Services returns all services by type. The caller must not modify them.
func Services() []*Service { return services }

// Lookup returns the service of that type.
func Lookup(typ string) (*Service, bool) {
	for _, s := range services {
		if s.Type == typ {
			return s, true
		}
	}
	return nil, false
}

// Common returns the methods that every server has besides its service's
// own. The caller must not modify them.
func Common() []Method { return common }

// Method returns the method of that name, be it the service's own or common.
func (s *Service) Method(name string) (*Method, bool) {
	for i := range s.Methods {
		if s.Methods[i].Name == name {
			return &s.Methods[i], true
		}
	}
	for i := range common {
		if common[i].Name == name {
			return &common[i], true
		}
	}
	return nil, false
}

// query is a method that only reads, on any one server.
func query(name string, args int) Method {
	return Method{Name: name, Args: args, Routing: Random, Lock: Analysis}
}

// learn is a method that writes, on any one server.
func learn(name string, args int) Method {
	return Method{Name: name, Args: args, Routing: Random, Lock: Update, Counts: true}
}

// everywhere is a method that writes, on all servers.
func everywhere(name string, args int, a Aggregation) Method {
	return Method{Name: name, Args: args, Routing: Broadcast, Lock: Update, Counts: true, Aggregation: a}
}

// keyed is a method that reads what belongs to its first argument, on the
// servers responsible for that.
func keyed(name string, args, copies int) Method {
	return Method{Name: name, Args: args, Routing: Hashed, Copies: copies, Lock: Analysis}
}

// keyedLearn is keyed for a method that writes.
func keyedLearn(name string, args, copies int, a Aggregation) Method {
	return Method{Name: name, Args: args, Routing: Hashed, Copies: copies, Lock: Update, Counts: true, Aggregation: a}
}

// internal is a method that servers call on each other.
func internal(name string, args int) Method {
	return Method{Name: name, Args: args, Routing: Internal, Lock: Update, Counts: true}
}

// unlocked is m for a handler that takes the lock itself, around that part of
// its work that happens on this server.
func unlocked(m Method) Method {
	m.Lock = None
	return m
}

// uncounted is m without counting as an update. Weights and graphs have
// always been so, and mixing by count depends on it.
func uncounted(m Method) Method {
	m.Counts = false
	return m
}

var common = []Method{
	query("get_config", 0),
	{Name: "save", Args: 1, Routing: Broadcast, Lock: Analysis, Aggregation: Merge},
	// load takes the lock by itself: it decodes the file before.
	{Name: "load", Args: 1, Routing: Broadcast, Lock: None, Counts: true, Aggregation: AllAnd},
	{Name: "get_status", Routing: Broadcast, Lock: Analysis, Aggregation: Merge},
}

var services = []*Service{
	{
		Type: "anomaly", Ring: true,
		Methods: []Method{
			keyedLearn("clear_row", 1, 2, AllAnd),
			// The id is generated without the lock, and in a cluster the row
			// goes to other servers.
			unlocked(learn("add", 1)),
			unlocked(learn("add_bulk", 1)),
			keyedLearn("update", 2, 2, Pass),
			keyedLearn("overwrite", 2, 2, Pass),
			everywhere("clear", 0, AllAnd),
			query("calc_score", 1),
			query("get_all_rows", 0),
		},
	},
	{
		Type: "bandit", Ring: true,
		Methods: []Method{
			everywhere("register_arm", 1, AllAnd),
			everywhere("delete_arm", 1, AllAnd),
			keyedLearn("select_arm", 1, 1, Pass),
			keyedLearn("register_reward", 3, 1, AllAnd),
			keyed("get_arm_info", 1, 1),
			everywhere("reset", 1, AllOr),
			everywhere("clear", 0, AllAnd),
		},
	},
	{
		Type: "burst", Ring: true,
		Methods: []Method{
			everywhere("add_documents", 1, Pass),
			keyed("get_result", 1, 2),
			keyed("get_result_at", 2, 2),
			{Name: "get_all_bursted_results", Routing: Broadcast, Lock: Analysis, Aggregation: Merge},
			{Name: "get_all_bursted_results_at", Args: 1, Routing: Broadcast, Lock: Analysis, Aggregation: Merge},
			query("get_all_keywords", 0),
			everywhere("add_keyword", 1, AllAnd),
			everywhere("remove_keyword", 1, AllAnd),
			everywhere("remove_all_keywords", 0, AllAnd),
			everywhere("clear", 0, AllAnd),
		},
	},
	{
		Type: "classifier",
		Methods: []Method{
			learn("train", 1),
			query("classify", 1),
			query("get_labels", 0),
			everywhere("set_label", 1, AllAnd),
			everywhere("clear", 0, AllAnd),
			everywhere("delete_label", 1, AllOr),
		},
	},
	{
		Type: "clustering",
		Methods: []Method{
			learn("push", 1),
			query("get_revision", 0),
			query("get_core_members", 0),
			query("get_core_members_light", 0),
			query("get_k_center", 0),
			query("get_nearest_center", 1),
			query("get_nearest_members", 1),
			query("get_nearest_members_light", 1),
			everywhere("clear", 0, AllAnd),
		},
	},
	{
		Type: "graph", Ring: true,
		Methods: []Method{
			unlocked(uncounted(learn("create_node", 0))),
			unlocked(keyedLearn("remove_node", 1, 2, Pass)),
			keyedLearn("update_node", 2, 2, AllAnd),
			unlocked(uncounted(keyedLearn("create_edge", 2, 1, Pass))),
			keyedLearn("update_edge", 3, 2, AllAnd),
			keyedLearn("remove_edge", 2, 2, AllAnd),
			query("get_centrality", 3),
			everywhere("add_centrality_query", 1, AllAnd),
			everywhere("add_shortest_path_query", 1, AllAnd),
			everywhere("remove_centrality_query", 1, AllAnd),
			everywhere("remove_shortest_path_query", 1, AllAnd),
			query("get_shortest_path", 1),
			everywhere("update_index", 0, AllAnd),
			everywhere("clear", 0, AllAnd),
			keyed("get_node", 1, 2),
			keyed("get_edge", 2, 2),
			internal("create_node_here", 1),
			internal("remove_global_node", 1),
			internal("create_edge_here", 2),
		},
	},
	{
		Type: "nearest_neighbor", Ring: true,
		Methods: []Method{
			everywhere("clear", 0, AllAnd),
			keyedLearn("set_row", 2, 1, Pass),
			query("neighbor_row_from_id", 2),
			query("neighbor_row_from_datum", 2),
			query("similar_row_from_id", 2),
			query("similar_row_from_datum", 2),
			query("get_all_rows", 0),
		},
	},
	{
		Type: "recommender", Ring: true,
		Methods: []Method{
			keyedLearn("clear_row", 1, 2, AllAnd),
			keyedLearn("update_row", 2, 2, AllAnd),
			everywhere("clear", 0, AllAnd),
			keyed("complete_row_from_id", 1, 2),
			query("complete_row_from_datum", 1),
			keyed("similar_row_from_id", 2, 2),
			keyed("similar_row_from_id_and_score", 2, 2),
			keyed("similar_row_from_id_and_rate", 2, 2),
			query("similar_row_from_datum", 2),
			query("similar_row_from_datum_and_score", 2),
			query("similar_row_from_datum_and_rate", 2),
			keyed("decode_row", 1, 2),
			query("get_all_rows", 0),
			query("calc_similarity", 2),
			query("calc_l2norm", 1),
		},
	},
	{
		Type: "regression",
		Methods: []Method{
			learn("train", 1),
			query("estimate", 1),
			everywhere("clear", 0, AllAnd),
		},
	},
	{
		Type: "stat", Ring: true,
		Methods: []Method{
			keyedLearn("push", 2, 1, AllAnd),
			keyed("sum", 1, 1),
			keyed("stddev", 1, 1),
			keyed("max", 1, 1),
			keyed("min", 1, 1),
			keyed("entropy", 1, 1),
			keyed("moment", 3, 1),
			everywhere("clear", 0, AllAnd),
		},
	},
	{
		Type: "weight",
		Methods: []Method{
			uncounted(learn("update", 1)),
			query("calc_weight", 1),
			uncounted(everywhere("clear", 0, AllAnd)),
		},
	},
}

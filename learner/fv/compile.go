package fv

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/fv/pattern"
	"github.com/jubatus/jubatus-go/learner/fv/plugin"
	"github.com/jubatus/jubatus-go/learner/fv/plugin/standard"
)

// compiler builds a Converter from its configuration: first the types of all
// kinds, which have names, then the rules, which refer to them.
type compiler struct {
	plugins plugin.Registry
	lenient bool
}

// definitions is the block as it was read.
type definitions struct {
	types  map[string]map[string]map[string]string // "string_types" -> name -> parameters
	rules  map[string][]rule                       // "string_rules" -> rules
	hash   int64
	hashed bool
}

// rule is a rule of any kind; the fields that its kind does not have are
// empty.
type rule struct {
	typ, suffix, sample, global string
	keys                        [2]string
	except                      [2]*string
}

// kinds are the kinds of types and rules in the order they are read and
// checked.
var kinds = [...]string{"string_filter", "num_filter", "string", "num", "binary", "combination"}

func read(r *config.Reader) (d definitions, err error) {
	d.types = map[string]map[string]map[string]string{}
	d.rules = map[string][]rule{}
	for _, kind := range kinds {
		d.types[kind] = r.OptStringMap(kind + "_types")
		for _, e := range r.OptObjects(kind + "_rules") {
			d.rules[kind] = append(d.rules[kind], readRule(e, kind))
		}
	}
	d.hash, d.hashed = r.OptInt64("hash_max_size")
	return d, r.Err()
}

func readRule(r *config.Reader, kind string) (e rule) {
	except := func(name string) *string {
		if s, ok := r.OptString(name); ok {
			return &s
		}
		return nil
	}
	if kind == "combination" {
		e.keys[0] = r.String("key_left")
		e.keys[1] = r.String("key_right")
		e.except[0] = except("except_left")
		e.except[1] = except("except_right")
		e.typ = r.String("type")
		return e
	}
	e.keys[0] = r.String("key")
	e.except[0] = except("except")
	e.typ = r.String("type")
	switch kind {
	case "string_filter", "num_filter":
		e.suffix = r.String("suffix")
	case "string":
		e.sample = r.String("sample_weight")
		e.global = r.String("global_weight")
	}
	return e
}

// withoutUnknown returns a copy of the block that lacks the members that read
// does not ask for.
func withoutUnknown(block *config.Value) *config.Value {
	v := onlyMembers(block, func(name string) bool {
		kind, isTypes := strings.CutSuffix(name, "_types")
		kind, isRules := strings.CutSuffix(kind, "_rules")
		return isTypes != isRules && slices.Contains(kinds[:], kind) || name == "hash_max_size"
	})
	if v == nil {
		return nil
	}
	for i, m := range v.Members {
		kind, ok := strings.CutSuffix(m.Name, "_rules")
		if !ok || m.Value.Kind != config.Array {
			continue
		}
		list := *m.Value
		list.Elems = slices.Clone(list.Elems)
		for j, e := range list.Elems {
			list.Elems[j] = onlyMembers(e, func(name string) bool { return slices.Contains(ruleMembers(kind), name) })
		}
		v.Members[i].Value = &list
	}
	return v
}

// onlyMembers returns a copy of an object with some of its members.
func onlyMembers(v *config.Value, keep func(name string) bool) *config.Value {
	if v == nil {
		return nil
	}
	o := *v
	o.Members = slices.DeleteFunc(slices.Clone(v.Members), func(m config.Member) bool { return !keep(m.Name) })
	return &o
}

// ruleMembers are the members that readRule asks for.
func ruleMembers(kind string) []string {
	switch kind {
	case "combination":
		return []string{"key_left", "key_right", "type", "except_left", "except_right"}
	case "string_filter", "num_filter":
		return []string{"key", "type", "suffix", "except"}
	case "string":
		return []string{"key", "type", "sample_weight", "global_weight", "except"}
	default:
		return []string{"key", "type", "except"}
	}
}

func (c *compiler) compile(r *config.Reader) (*Converter, error) {
	d, err := read(r)
	if err != nil {
		return nil, err
	}
	if d.hashed && d.hash <= 0 {
		return nil, config.Converter("hash_max_size must be positive, but is " + strconv.FormatInt(d.hash, 10))
	}
	if c.plugins == nil {
		c.plugins = standard.Plugins()
	}
	var t types
	if err := c.compileTypes(d, &t); err != nil {
		return nil, err
	}
	v := &Converter{hashMax: uint64(d.hash)}
	var keys [len(kinds)][]pattern.Keys
	for i, kind := range kinds {
		for _, e := range d.rules[kind] {
			k, err := v.addRule(e, kind, &t)
			if err != nil {
				return nil, configError(err)
			}
			keys[i] = append(keys[i], k)
		}
	}
	v.strings = newResolver(keys[2], keys[0])
	v.nums = newResolver(keys[3], keys[1])
	v.binaries = newResolver(keys[4], nil)
	v.plain = len(v.numRules) == 1 && v.numRules[0].extract == extractNum && len(v.numFilters) == 0 && !v.weighted
	return v, nil
}

// types are the types that rules can refer to.
type types struct {
	stringFilters map[string]plugin.StringFilter
	numFilters    map[string]plugin.NumFilter
	strings       map[string]plugin.StringFeature
	nums          map[string]plugin.NumFeature
	binaries      map[string]plugin.BinaryFeature
	combinations  map[string]plugin.Combination
}

func (c *compiler) compileTypes(d definitions, t *types) (err error) {
	if t.stringFilters, err = compileKind(d.types["string_filter"], "filter", c.plugins,
		factories[plugin.StringFilter]{"regexp": newRegexpFilter},
		func(l plugin.Library) factories[plugin.StringFilter] { return l.StringFilters }); err != nil {
		return err
	}
	if t.numFilters, err = compileKind(d.types["num_filter"], "num filter", c.plugins,
		numFilters,
		func(l plugin.Library) factories[plugin.NumFilter] { return l.NumFilters }); err != nil {
		return err
	}
	if t.strings, err = compileKind(d.types["string"], "splitter", c.plugins,
		factories[plugin.StringFeature]{"ngram": newNgram, "regexp": newRegexpSplitter, "split": newSplit},
		func(l plugin.Library) factories[plugin.StringFeature] { return l.StringFeatures }); err != nil {
		return err
	}
	if t.nums, err = compileKind(d.types["num"], "num feature", c.plugins, nil,
		func(l plugin.Library) factories[plugin.NumFeature] { return l.NumFeatures }); err != nil {
		return err
	}
	if t.binaries, err = compileKind(d.types["binary"], "binary feature", c.plugins, nil,
		func(l plugin.Library) factories[plugin.BinaryFeature] { return l.BinaryFeatures }); err != nil {
		return err
	}
	t.combinations, err = compileKind(d.types["combination"], "combination feature", c.plugins, nil,
		func(l plugin.Library) factories[plugin.Combination] { return l.Combinations })
	return err
}

type factories[T any] = map[string]func(plugin.Params) (T, error)

// compileKind makes the types of one kind, in the order of their names.
func compileKind[T any](defined map[string]map[string]string, what string, plugins plugin.Registry,
	methods factories[T], symbols func(plugin.Library) factories[T]) (map[string]T, error) {
	made := make(map[string]T, len(defined))
	for _, name := range slices.Sorted(maps.Keys(defined)) {
		p := plugin.Params(defined[name])
		method, ok := p["method"]
		if !ok {
			return nil, config.Converter("parameter: [method] must be defined")
		}
		factory, ok := methods[method]
		if method == "dynamic" {
			var err error
			if factory, err = lookUp(p, plugins, symbols); err != nil {
				return nil, err
			}
		} else if !ok {
			return nil, config.Converter("unknown " + what + " name: " + method)
		}
		t, err := factory(p)
		if err != nil {
			return nil, configError(err)
		}
		made[name] = t
	}
	return made, nil
}

func lookUp[T any](p plugin.Params, plugins plugin.Registry, symbols func(plugin.Library) factories[T]) (func(plugin.Params) (T, error), error) {
	file, err := p.Required("path")
	if err != nil {
		return nil, err
	}
	symbol, err := p.Required("function")
	if err != nil {
		return nil, err
	}
	library, ok := plugins[path.Base(file)]
	if !ok {
		known := strings.Join(slices.Sorted(maps.Keys(plugins)), ", ")
		return nil, config.Converter("cannot load dynamic library: " + file +
			": not built into this program, which has " + known)
	}
	factory, ok := symbols(library)[symbol]
	if !ok {
		return nil, config.Converter("cannot dlsym: " + symbol)
	}
	return factory, nil
}

// configError makes sure that err is one of package config.
func configError(err error) error {
	if e, ok := err.(*config.Error); ok {
		return e
	}
	return config.Converter(err.Error())
}

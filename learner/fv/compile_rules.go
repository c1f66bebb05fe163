package fv

import (
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/fv/pattern"
	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

// addRule adds a rule of that kind and returns the pattern of its keys.
func (c *Converter) addRule(e rule, kind string, t *types) (keys pattern.Keys, err error) {
	unknown := config.Converter("unknown type: [" + e.typ + "] in " + kind + "_rules")
	switch kind {
	case "string_filter":
		f, ok := t.stringFilters[e.typ]
		if !ok {
			return keys, unknown
		}
		c.stringFilters = append(c.stringFilters, stringFilter{f, e.suffix})
		return pattern.NewKeys(e.keys[0], e.except[0])
	case "num_filter":
		f, ok := t.numFilters[e.typ]
		if !ok {
			return keys, unknown
		}
		c.numFilters = append(c.numFilters, numFilter{f, e.suffix})
		return pattern.NewKeys(e.keys[0], e.except[0])
	}

	if keys, err = pattern.NewKeys(e.keys[0], e.except[0]); err != nil {
		return keys, err
	}
	switch kind {
	case "string":
		err = c.addStringRule(e, t, unknown)
	case "num":
		r := numRule{feature: t.nums[e.typ], suffix: "@" + e.typ, global: globalOf([]byte("@" + e.typ))}
		if r.feature == nil {
			var ok bool
			if r.extract, ok = numExtractions[e.typ]; !ok {
				return keys, unknown
			}
		}
		c.weighted = c.weighted || r.feature != nil || r.global != globalBin
		c.numRules = append(c.numRules, r)
	case "binary":
		f, ok := t.binaries[e.typ]
		if !ok {
			return keys, unknown
		}
		c.weighted = true
		c.binaryRules = append(c.binaryRules, binaryRule{f, "@" + e.typ})
		// Binary rules have always fired for what they except, and configurations
		// in use give other results when they do not.
		keys, err = pattern.NewKeys(e.keys[0], nil)
	case "combination":
		err = c.addCombination(e, keys, t, unknown)
	}
	return keys, err
}

var (
	stringExtractions = map[string]extraction{"str": extractString, "space": extractSpace}
	numExtractions    = map[string]extraction{"num": extractNum, "log": extractLog, "str": extractString}
	combinations      = map[string]combination{"add": combineAdd, "mul": combineMul}
	sampleWeights     = map[string]sampleWeight{"bin": sampleBin, "tf": sampleTF, "log_tf": sampleLogTF}
)

func (c *Converter) addStringRule(e rule, t *types, unknown error) error {
	r := stringRule{
		feature: t.strings[e.typ],
		suffix:  "@" + e.typ + "#" + e.sample + "/" + e.global,
	}
	if r.feature == nil {
		var ok bool
		if r.extract, ok = stringExtractions[e.typ]; !ok {
			return unknown
		}
	}
	var ok bool
	if r.sample, ok = sampleWeights[e.sample]; !ok {
		return config.Converter("unknown sample_weight: [" + e.sample + "] in string_rules")
	}
	if r.global, ok = globalWeights[e.global]; !ok {
		return config.Converter("unknown global_weight: [" + e.global + "] in string_rules")
	}
	switch r.global {
	case globalBM25:
		c.bm25, c.counting = true, true
	case globalIDF, globalIDF1:
		c.counting = true
	}
	c.weighted = c.weighted || r.global != globalBin
	c.stringRules = append(c.stringRules, r)
	if l, ok := r.feature.(plugin.Loader); ok {
		return l.Load()
	}
	return nil
}

func (c *Converter) addCombination(e rule, left pattern.Keys, t *types, unknown error) (err error) {
	r := combinationRule{left: left, plugin: t.combinations[e.typ], suffix: "/" + e.typ, commutative: true}
	if r.right, err = pattern.NewKeys(e.keys[1], e.except[1]); err != nil {
		return err
	}
	if r.plugin == nil {
		var ok bool
		if r.combine, ok = combinations[e.typ]; !ok {
			return unknown
		}
	} else {
		r.commutative = r.plugin.Commutative()
	}
	c.combinations = append(c.combinations, r)
	return nil
}

// Package standard holds the plugins that come with the program, under the
// names of the libraries that they stand in for.
package standard

import (
	"github.com/jubatus/jubatus-go/learner/fv/images"
	"github.com/jubatus/jubatus-go/learner/fv/mecab"
	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

type (
	stringFeatures = map[string]func(plugin.Params) (plugin.StringFeature, error)
	numFeatures    = map[string]func(plugin.Params) (plugin.NumFeature, error)
	numFilters     = map[string]func(plugin.Params) (plugin.NumFilter, error)
	binaryFeatures = map[string]func(plugin.Params) (plugin.BinaryFeature, error)
)

// Plugins returns a registry of the standard plugins, to which the caller may
// add.
func Plugins() plugin.Registry {
	return plugin.Registry{
		"libmecab_splitter.so":        mecab.Library(),
		"libux_splitter.so":           {StringFeatures: stringFeatures{"create": newKeywords}},
		"libimage_feature.so":         images.Library(),
		"libpython_bridge.so":         pythonBridge(),
		"libword_ngram.so":            {StringFeatures: stringFeatures{"create": newWordNgram}},
		"libnormalize_num_feature.so": {NumFeatures: numFeatures{"create": newNormalizeFeature}},
		"libnormalize_num_filter.so":  {NumFilters: numFilters{"create": newNormalizeFilter}},
	}
}

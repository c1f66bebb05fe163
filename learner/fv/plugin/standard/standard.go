// Package standard holds the plugins that come with the program.
package standard

import "github.com/jubatus/jubatus-go/learner/fv/plugin"

// Plugins returns a registry of the standard plugins, to which the caller may
// add.
func Plugins() plugin.Registry {
	return plugin.Registry{}
}

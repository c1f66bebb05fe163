// Package burst tells when keywords suddenly become frequent in a stream of
// documents. Documents have a position, such as a time, and are counted in
// batches of positions; a window is so many batches in a row. For each keyword
// an automaton decides in which batches of a window the keyword comes in a
// burst, and how strong that is.
//
// In a cluster every keyword is known everywhere, and processed by the two
// servers that the ring names for it.
package burst

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
)

// Burst is the engine of the burst service.
type Burst struct {
	options options
	peers   engine.Peers // nil if there are none: every keyword is processed

	byName     map[string]*keyword
	keywords   []*keyword              // in the order of their names
	scanner    atomic.Pointer[scanner] // for the processed ones; nil when they have changed
	generation uint64                  // of the ring that they were assigned by
	automaton  *automaton
	scratch    sync.Pool // of *scratch
	mix        *exchange
}

// New builds the engine from its configuration. Errors are those of package
// config.
func New(cfg *config.Value, env engine.Env) (engine.Engine, error) {
	o, err := readOptions(cfg)
	if err != nil {
		return nil, err
	}
	b := &Burst{options: o, peers: env.Peers, byName: map[string]*keyword{}, automaton: newAutomaton(&o)}
	b.mix = &exchange{burst: b}
	return b, nil
}

// Handlers implements engine.Engine.
func (b *Burst) Handlers() map[string]engine.Handler {
	return map[string]engine.Handler{
		"add_documents":              b.addDocuments,
		"get_result":                 b.getResult,
		"get_result_at":              b.getResultAt,
		"get_all_bursted_results":    b.getAllBursted,
		"get_all_bursted_results_at": b.getAllBurstedAt,
		"get_all_keywords":           b.getAllKeywords,
		"add_keyword":                b.addKeyword,
		"remove_keyword":             b.removeKeyword,
		"remove_all_keywords":        b.removeAllKeywords,
		"clear":                      b.removeAllKeywords,
	}
}

// Status implements engine.Engine.
func (b *Burst) Status(set func(key, value string)) {
	var all, processed []string
	for _, k := range b.keywords {
		all = append(all, k.name)
		if k.processed {
			processed = append(processed, k.name)
		}
	}
	set("all_keywords", strings.Join(all, ","))
	set("processed_keywords", strings.Join(processed, ","))
}

// Mixables implements engine.Engine.
func (b *Burst) Mixables() []engine.Mixable { return []engine.Mixable{b.mix} }

// enter adds a keyword that is not known yet. It is processed if it belongs
// here.
func (b *Burst) enter(k *keyword) {
	b.byName[k.name] = k
	i, _ := slices.BinarySearchFunc(b.keywords, k.name, byName)
	b.keywords = slices.Insert(b.keywords, i, k)
	if b.owns(k) {
		k.start()
		b.scanner.Store(nil)
	}
}

// remove forgets a keyword and reports whether it was known.
func (b *Burst) remove(name string) bool {
	k, ok := b.byName[name]
	if !ok {
		return false
	}
	delete(b.byName, name)
	i, _ := slices.BinarySearchFunc(b.keywords, name, byName)
	b.keywords = slices.Delete(b.keywords, i, i+1)
	if k.processed {
		b.scanner.Store(nil)
	}
	return true
}

func byName(k *keyword, name string) int { return strings.Compare(k.name, name) }

// reset replaces all keywords.
func (b *Burst) reset(keywords []*keyword) {
	b.keywords = keywords
	b.byName = make(map[string]*keyword, len(keywords))
	for _, k := range keywords {
		b.byName[k.name] = k
	}
	b.scanner.Store(nil)
}

// settle makes all results what the input gives.
func (b *Burst) settle() {
	for _, k := range b.keywords {
		if k.dirty {
			k.settle(&b.options, b.automaton)
		}
	}
}

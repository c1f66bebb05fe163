package learner

import (
	"path/filepath"
	"sync"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/modelfile"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// event is the last time something was done with a model file.
type event struct {
	mu   sync.Mutex
	at   int64 // Unix seconds, 0 if never
	path string
}

func (e *event) set(at int64, path string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at, e.path = at, path
}

func (e *event) get() (at int64, path string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.at, e.path
}

// modelPath is the path of the model file with that id.
func (n *Node) modelPath(id string) (string, error) {
	if id == "" {
		return "", &modelfile.Error{Text: "empty id is not allowed"}
	}
	for _, c := range []byte(id) {
		if c < 0x20 || c > 0x7e || c == '/' {
			return "", &modelfile.Error{Text: "model ID contains invalid character"}
		}
	}
	return filepath.Join(n.opts.DataDir, n.opts.id()+"_"+n.opts.Type+"_"+id+".jubatus"), nil
}

// save is the method of that name: it writes the model to a file.
func (n *Node) save(c *engine.Call) error {
	id, err := c.Args.String()
	if err != nil {
		return err
	}
	path, err := n.modelPath(id)
	if err != nil {
		return err
	}
	n.log.Info("starting save to " + path)
	now := n.opts.Now().Unix()
	system := modelfile.System{Time: now, Type: n.opts.Type, ID: id, Config: n.configText}
	err = modelfile.Write(path, system, func() []byte {
		// The disk can be slow, so it is written to without the lock.
		c.Acquire()
		defer c.Unlock()
		return n.engine.Pack(nil)
	})
	if err != nil {
		return err
	}
	n.saved.set(now, path)
	n.log.Info("saved to " + path)
	c.Out = mpack.AppendMapHeader(c.Out, 1)
	c.Out = mpack.AppendRaw(c.Out, n.opts.id())
	c.Out = mpack.AppendRaw(c.Out, path)
	return nil
}

// load is the method of that name: it replaces the model by a saved one, or
// fails and changes nothing.
func (n *Node) load(c *engine.Call) error {
	id, err := c.Args.String()
	if err != nil {
		return err
	}
	path, err := n.modelPath(id)
	if err != nil {
		return err
	}
	// Two models at once in memory are enough.
	n.loading.Lock()
	defer n.loading.Unlock()
	n.log.Info("starting load from " + path)
	f, err := modelfile.Read(path)
	if err != nil {
		return err
	}
	if err := f.Check(n.opts.Type, n.configText, n.config); err != nil {
		return err
	}
	if err := n.adopt(f, path); err != nil {
		return err
	}
	c.Out = mpack.AppendBool(c.Out, true)
	return nil
}

// adopt makes the model of a file, which has been checked, the present one.
func (n *Node) adopt(f *modelfile.File, path string) error {
	r, err := f.Model()
	if err != nil {
		return err
	}
	commit, err := n.engine.Unpack(&r, engine.FromFile)
	if err != nil {
		return modelfile.Broken(err)
	}
	n.model.Lock()
	defer n.model.Unlock()
	commit()
	n.loaded.set(n.opts.Now().Unix(), path)
	n.log.Info("loaded from " + path)
	return nil
}

// getConfig is the method get_config: it answers the configuration's text.
func (n *Node) getConfig(c *engine.Call) error {
	c.Out = mpack.AppendRaw(c.Out, n.configText)
	return nil
}

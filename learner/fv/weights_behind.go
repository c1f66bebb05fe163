package fv

import "github.com/jubatus/jubatus-go/rpc/mpack"

// PackBehind appends the pair that most engines' models are: [what model
// appends, weights].
func (w *WeightManager) PackBehind(b []byte, model func(b []byte) []byte) []byte {
	return w.Pack(model(mpack.AppendArrayHeader(b, 2)))
}

// UnpackBehind reads what PackBehind wrote. The commit makes both the present
// ones.
func (w *WeightManager) UnpackBehind(r *mpack.Reader, dropUnmixed bool,
	model func(r *mpack.Reader) (commit func(), err error),
) (commit func(), err error) {
	if err := r.Tuple(2); err != nil {
		return nil, err
	}
	first, err := model(r)
	if err != nil {
		return nil, err
	}
	weights, err := w.Unpack(r, dropUnmixed)
	if err != nil {
		return nil, err
	}
	return func() { first(); weights() }, nil
}

package index

import "errors"

var errLater = errors.New("not yet")

func (b *builder) minhash() error { return errLater }

func (b *builder) lsh() error { return errLater }

func (b *builder) euclidLSH() error { return errLater }

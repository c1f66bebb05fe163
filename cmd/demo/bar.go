package demo

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

const barWidth = 30

// bar shows the progress of something. Where the output is no terminal it only
// says what it was, at the end.
type bar struct {
	out         io.Writer
	live        bool
	what        string
	done, whole int
}

func newBar(out io.Writer, what string, whole int) *bar {
	file, ok := out.(*os.File)
	b := &bar{out: out, what: what, whole: whole, live: ok && term.IsTerminal(int(file.Fd()))}
	b.draw()
	return b
}

// step counts one of the whole.
func (b *bar) step() {
	b.done++
	if b.done*barWidth/b.whole != (b.done-1)*barWidth/b.whole {
		b.draw()
	}
}

func (b *bar) draw() {
	if b.live {
		fmt.Fprintf(b.out, "\r%s", b)
	}
}

// end leaves the last state of the bar behind.
func (b *bar) end() {
	if b.live {
		fmt.Fprint(b.out, "\r")
	}
	fmt.Fprintln(b.out, b)
}

func (b *bar) String() string {
	full := b.done * barWidth / b.whole
	return fmt.Sprintf("%s [%s%s] %d of %d", b.what,
		strings.Repeat("#", full), strings.Repeat(".", barWidth-full), b.done, b.whole)
}

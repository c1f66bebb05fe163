package jubactl

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/jubatus/jubatus-go/coord/member"
	"github.com/jubatus/jubatus-go/visor/control"
)

// print writes a listing as JSON or as text.
func (r *run) print(listing any, text func() string) error {
	var out string
	if *r.format == formatJSON {
		b, err := json.MarshalIndent(listing, "", "  ")
		if err != nil {
			return fmt.Errorf("print: %w", err)
		}
		out = string(b) + "\n"
	} else {
		out = text()
	}
	if _, err := fmt.Fprint(r.Stdout, out); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// coloured reports whether somebody looks at what is printed.
func (r *run) coloured() bool {
	f, ok := r.Stdout.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// statusText is the blocks of the tutorial, and one about what failed if
// anything did.
func statusText(s control.Status, coloured bool) string {
	var b strings.Builder
	block := func(title string, lines []string) {
		if coloured {
			title = "\033[34m" + title + "\033[0m"
		}
		b.WriteString(title + "\n")
		for _, line := range lines {
			b.WriteString(" " + line + "\n")
		}
	}
	block("active juba"+s.Type+"_proxy members:", s.Proxies)
	block("active jubavisor members:", s.Visors)
	block("active "+s.Name+" members:", s.Servers)
	if len(s.Failed) > 0 {
		var lines []string
		for _, f := range s.Failed {
			lines = append(lines, fmt.Sprintf("%s (by %s: %s)", f.Server, f.Visor, f.Error))
		}
		block("failed "+s.Name+" members:", lines)
	}
	return b.String()
}

// table lays out lines whose cells end in tabs.
func table(head string, lines []string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for _, line := range lines {
		fmt.Fprintln(w, line)
	}
	w.Flush() //nolint:errcheck // a Builder takes everything
	return b.String()
}

func listText(all []control.Count) string {
	var lines []string
	for _, c := range all {
		lines = append(lines, fmt.Sprintf("%s\t%s\t%d\t%d\t%d", c.Type, c.Name, c.Nodes, c.Actives, c.Proxies))
	}
	return table("TYPE\tNAME\tNODES\tACTIVES\tPROXIES", lines)
}

// slot is what is told of a member of the ensemble.
type slot struct {
	Slot    string          `json:"slot"`
	Host    *member.Process `json:"host"` // null if nobody, or somebody else's etcd
	Leader  bool            `json:"leader"`
	Version string          `json:"version"`
	Size    int64           `json:"db_size"`
	InUse   int64           `json:"db_size_in_use"`
	Error   string          `json:"error,omitempty"`
}

// ensemble reports whether all members have answered, too.
func ensemble(reports []member.Report) (all []slot, complete bool) {
	complete = true
	for _, r := range reports {
		s := slot{Slot: r.Slot.String(), Leader: r.Leader, Version: r.Version, Size: r.Size, InUse: r.InUse}
		if r.Host.PID != 0 {
			s.Host = &r.Host
		}
		if r.Err != nil {
			s.Error = r.Err.Error()
			complete = false
		}
		all = append(all, s)
	}
	return all, complete
}

func membersText(all []slot) string {
	var lines, errs []string
	for _, s := range all {
		if s.Error != "" {
			lines = append(lines, s.Slot+"\tno answer\t-\t-\t-")
			errs = append(errs, s.Error+"\n")
			continue
		}
		host, leader := "another etcd", "no"
		if s.Host != nil {
			host = fmt.Sprintf("%s (pid %d) since %s", s.Host.Program, s.Host.PID, s.Host.Since.Local().Format(time.DateTime))
		}
		if s.Leader {
			leader = "yes"
		}
		lines = append(lines, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", s.Slot, host, leader, s.Version, bytesText(s.Size)))
	}
	return table("SLOT\tHOST\tLEADER\tVERSION\tDB SIZE", lines) + strings.Join(errs, "")
}

func bytesText(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return fmt.Sprintf("%d B", n)
	}
}

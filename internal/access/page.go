package access

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"weir/internal/config"
	"weir/internal/stream"
)

// checkPage holds the page that a client comes from against the lists of hosts: that for all when it
// connects, and that of what it does too when it does that. A list that is empty allows all. Other than
// RTMP clients are asked only where the rules say so: many send no page.
func checkPage(f *config.Refer, act stream.Act, r *stream.Request) error {
	if !f.Enabled || !f.HTTP && !isRTMP(r.Kind) {
		return nil
	}
	var list []string
	switch act {
	case stream.Publish:
		list = f.Publish
	case stream.Play:
		list = f.Play
	}
	host := hostOf(r.PageURL)
	for _, hosts := range [][]string{f.All, list} {
		if len(hosts) > 0 && !isOf(host, hosts) {
			return fmt.Errorf("clients of the page %q may not %s here", host, act)
		}
	}
	return nil
}

// isRTMP reports whether a session is of a kind that tells its page of itself.
func isRTMP(kind string) bool {
	return slices.Contains([]string{"rtmp-play", "fmle-publish", "flash-publish", "haivision-publish"}, kind)
}

// hostOf returns the host of a page's address, in small letters, without a port.
func hostOf(page string) string {
	if !strings.Contains(page, "://") {
		page = "//" + page
	}
	u, err := url.Parse(page)
	if err != nil {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
}

// isOf reports whether a host is one of the list, or below one: a.github.com is of github.com, and
// evilgithub.com is not.
func isOf(host string, list []string) bool {
	for _, name := range list {
		name = strings.TrimPrefix(strings.ToLower(name), ".")
		if name != "" && (host == name || strings.HasSuffix(host, "."+name)) {
			return true
		}
	}
	return false
}

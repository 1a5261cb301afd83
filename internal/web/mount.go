package web

import (
	"strings"

	"weir/internal/config"
)

// A mount is a directory and where its files appear.
type mount struct {
	host   string // empty: any
	prefix string // of paths, with a slash at both ends
	dir    string
}

// mounts lists what a configuration mounts. The host and prefix of each are its own: of several
// the first one counts.
func mounts(c *config.Config) []mount {
	var list []mount
	rooted := false
	for _, v := range c.Vhosts {
		if !v.Enabled || !v.HTTPStatic.Enabled {
			continue
		}
		m := newMount(v)
		rooted = rooted || m.host == "" && m.prefix == "/"
		list = append(list, m)
	}
	if !rooted {
		list = append(list, mount{"", "/", c.HTTPServer.Dir})
	}
	return list
}

// newMount reads `host/path` of a virtual host, in which the default one's name is any host.
func newMount(v *config.Vhost) mount {
	at := strings.ReplaceAll(v.HTTPStatic.Mount, "[vhost]", v.Name)
	dir := strings.ReplaceAll(v.HTTPStatic.Dir, "[vhost]", v.Name)
	host, path, _ := strings.Cut(at, "/")
	if host == config.DefaultVhost {
		host = ""
	}
	path = "/" + path
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	return mount{host, path, dir}
}

// find gives the mount of a path and the rest of the path: the longest of the host's own, else the
// longest of any host. A path that lacks nothing but the last slash is that of the mount, and its
// rest is ".".
func find(list []mount, host, path string) (m mount, rest string, ok bool) {
	for _, want := range []string{host, ""} {
		for _, each := range list {
			if !strings.EqualFold(each.host, want) || ok && len(each.prefix) <= len(m.prefix) {
				continue
			}
			if below, is := strings.CutPrefix(path, each.prefix); is {
				m, rest, ok = each, below, true
			} else if path+"/" == each.prefix {
				m, rest, ok = each, ".", true
			}
		}
		if ok {
			return m, rest, true
		}
	}
	return m, "", false
}

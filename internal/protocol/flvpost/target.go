package flvpost

import (
	"net/http"
	"net/url"
	"strings"

	"weir/internal/config"
	"weir/internal/shelf"
)

// maxName is how many bytes the name of an application or a stream may have.
const maxName = 256

// target is where a stream goes.
type target struct {
	vhost       string // as it is asked for; empty: nobody has
	app, stream string
	name        string // the stream's, as the address has it
	param       string // with its "?"
}

// targetOf finds out where an address means. Its directory takes the place of [app], and its last part, without .flv,
// that of [stream].
func targetOf(output config.Place, address *url.URL) (target, error) {
	at := strings.LastIndexByte(address.Path, '/')
	dir, name := strings.Trim(address.Path[:max(at, 0)], "/"), address.Path[at+1:]
	base := strings.TrimSuffix(name, ".flv")
	if base == "" {
		return target{}, refuse(http.StatusBadRequest, "The address has no stream name: use http://server/app/stream.flv.")
	}
	put := func(pattern string) string {
		return strings.NewReplacer("[app]", dir, "[stream]", base).Replace(pattern)
	}
	t := target{vhost: put(output.Vhost), app: put(output.App), stream: put(output.Stream), name: name}
	if dir == "" && strings.Contains(output.App+output.Stream, "[app]") {
		return target{}, refuse(http.StatusBadRequest, "The address has no app: use http://server/app/stream.flv.")
	}
	names := shelf.Name{Vhost: "any", App: t.app, Stream: t.stream}
	if !names.Safe() || strings.Contains(t.stream, "/") || len(t.app) > maxName || len(t.stream) > maxName {
		return target{}, refuse(http.StatusBadRequest, "The address is not one of a stream.")
	}
	if t.vhost == "" {
		t.vhost = asked(address)
	}
	given := strings.NewReplacer("[app]", url.QueryEscape(dir), "[stream]", url.QueryEscape(base)).Replace(output.Param)
	if param := strings.Trim(given+"&"+address.RawQuery, "&"); param != "" {
		t.param = "?" + param
	}
	return t, nil
}

// asked returns the virtual host that parameters name, or "".
func asked(address *url.URL) string {
	query := address.Query() // what can be read of it
	for _, name := range []string{"vhost", "domain"} {
		if host := query.Get(name); host != "" {
			return host
		}
	}
	return ""
}

package api

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// minCount is the shortest page of a list, and the one nobody asked for.
const minCount = 10

// call is a request, as far as the API cares.
type call struct {
	method   string
	path     string
	id       string // what followed the endpoint's path
	callback string // the function a page wants its answer handed to, empty for plain JSON
	host     string // of this server, as the client has it, without a port
	rawQuery string
	query    map[string]string
}

func newCall(r *http.Request) *call {
	c := &call{
		method: r.Method, path: r.URL.Path,
		rawQuery: r.URL.RawQuery, query: parseQuery(r.URL.RawQuery),
	}
	c.host = (&url.URL{Host: r.Host}).Hostname()
	c.callback = c.query["callback"]
	if method := c.query["method"]; method != "" && c.callback != "" {
		c.method = method // a page can only GET scripts
	}
	if c.method == http.MethodHead {
		c.method = http.MethodGet // net/http leaves the body out
	}
	return c
}

// valid reports whether the callback is a name: it is going to be run.
func (c *call) valid() bool {
	return strings.IndexFunc(c.callback, func(r rune) bool {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '.', r == '-':
			return false
		}
		return true
	}) < 0
}

// to leads the client to another path, with its query.
func (c *call) to(path string) redirect {
	if c.rawQuery == "" {
		return redirect(path)
	}
	return redirect(path + "?" + c.rawQuery)
}

// parseQuery splits a query at "&", ";" and ",", and each part at its first "=". Nothing is
// unescaped. The last of several values wins.
func parseQuery(raw string) map[string]string {
	query := map[string]string{}
	parts := strings.FieldsFuncSeq(raw, func(r rune) bool { return r == '&' || r == ';' || r == ',' })
	for part := range parts {
		name, value, _ := strings.Cut(part, "=")
		query[name] = value
	}
	return query
}

// page returns which part of a list the call asks for.
func (c *call) page() (start, count int) {
	return max(0, number(c.query["start"])), max(minCount, number(c.query["count"]))
}

// number reads the digits a text starts with, as C does: "20abc" is 20, "abc" is 0.
func number(text string) int {
	end := 0
	if text != "" && (text[0] == '-' || text[0] == '+') {
		end = 1
	}
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	n, _ := strconv.Atoi(text[:end]) // what is no number is 0, what is too large the largest
	return n
}

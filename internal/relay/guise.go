package relay

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"weir/internal/stream"
)

const (
	longKey   = 16 // bytes of a stream key from which on its first ones may be shown
	showOfKey = 4  // how many of them
	fewBytes  = 4  // less than a secret has
)

// guise is what is told of a target: its addresses without what is secret in them. The last name in one that is not the stream's
// own is a key of somebody else's service, and who has it can publish there.
type guise struct {
	destination string   // as the rules have it
	url         string   // as it is called
	secrets     []string // that no error may tell either
}

// disguise returns the guise of a target of the stream that r publishes.
func disguise(t target, r *stream.Request) guise {
	var g guise
	cover := g.cover(t.destination, r.Stream)
	g.destination, g.url = stream.Veil(cover), stream.Veil(cover)
	if t.destination != t.url { // and not a backend's
		public := *r
		public.Param = stream.Veil(r.Param)
		g.url = stream.Veil(address(cover, &public))
	}
	return g
}

// cover hides the key of an address, if it has one.
func (g *guise) cover(address, own string) string {
	scheme, rest, found := strings.Cut(address, "://")
	host, path, named := strings.Cut(rest, "/")
	switch {
	case !found: // host:port, where the stream has its own names
		return address
	case scheme == "srt":
		return g.coverID(address, own)
	case !named:
		return address
	}
	at := lastName(path)
	name, query, queried := strings.Cut(path[at:], "?")
	if public(name, own) {
		return address
	}
	out := scheme + "://" + host + "/" + path[:at] + g.key(name, path[at:])
	if !queried {
		return out
	}
	var pairs []string // which belong to the key at some services
	for pair := range strings.SplitSeq(query, "&") {
		if parameter, value, ok := strings.Cut(pair, "="); ok && !public(value, own) {
			if len(value) >= fewBytes {
				g.secrets = append(g.secrets, value)
			}
			pair = parameter + "=***"
		}
		pairs = append(pairs, pair)
	}
	return out + "?" + strings.Join(pairs, "&")
}

// coverID does so for an address of SRT: its key is the stream's id.
func (g *guise) coverID(address, own string) string {
	front, query, _ := strings.Cut(address, "?")
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		id, ok := strings.CutPrefix(pair, "streamid=")
		if !ok || public(id, own) {
			continue
		}
		if plain, err := url.QueryUnescape(id); err == nil && plain != id {
			g.secrets = append(g.secrets, plain)
		}
		pairs[i] = "streamid=" + g.key(id, id)
	}
	if query == "" {
		return front
	}
	return front + "?" + strings.Join(pairs, "&")
}

// lastName is where the last name of a path begins, as RTMP takes addresses apart: in front of the parameters or, where there is but
// one name, behind them. A slash at the end is a mistake that shows nothing.
func lastName(path string) int {
	path = strings.TrimRight(path, "/")
	query := strings.IndexByte(path+"?", '?')
	if at := strings.LastIndexByte(path[:query], '/'); at >= 0 {
		return at + 1
	}
	return strings.LastIndexByte(path, '/') + 1
}

// public reports whether a text is no key: it is empty, or has names of the stream.
func public(text, own string) bool {
	return text == "" || text == own || strings.Contains(text, "[stream]") || strings.Contains(text, "[app]") || strings.Contains(text, "[vhost]")
}

// key returns what is shown of one: what tells it from others, with all that belongs to it, and is not enough to guess it by.
func (g *guise) key(key, whole string) string {
	g.secrets = append(g.secrets, key)
	sum := sha256.Sum256([]byte(whole))
	shown := "***" + hex.EncodeToString(sum[:2])
	for i := range showOfKey {
		if len(key) < longKey || !isWord(key, i) {
			return shown
		}
	}
	return key[:showOfKey] + shown
}

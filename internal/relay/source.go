package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
)

// source is a stream that is brought here from an address.
type source struct {
	name  string // in the log: ingest NAME, or the kind of caster
	kind  string // of its sessions
	url   string
	vhost string
	place config.Place
}

const (
	breath = 200 * time.Millisecond // at the least, between two attempts
	glance = time.Second            // between two looks whether a name is free
)

// arrange starts and stops sources as the configuration asks for.
func (v *Relay) arrange(ctx context.Context, all *sync.WaitGroup) {
	wanted := map[source]bool{}
	for _, s := range v.wanted() {
		wanted[s] = true
	}
	for s, f := range v.sources {
		if !wanted[s] {
			f.stop()
			<-f.ended // its port may be wanted by another
			delete(v.sources, s)
		}
	}
	for s := range wanted {
		if v.sources[s] != nil {
			continue
		}
		ctx, stop := context.WithCancel(ctx)
		f := &running{stop, make(chan struct{})}
		v.sources[s] = f
		all.Go(func() {
			defer close(f.ended)
			v.fetch(ctx, s)
		})
	}
}

// wanted lists the sources that the configuration asks for. What is wrong with one is logged.
func (v *Relay) wanted() []source {
	c := v.o.Config()
	list := slices.Clone(v.casters)
	for _, vhost := range c.Vhosts {
		for _, i := range vhost.Ingest {
			if vhost.Enabled && i.Native() {
				place, err := i.Place(vhost.Name, c.Listen)
				list = v.add(list, source{name: "ingest " + i.Name, kind: "ingest", url: i.Input.URL}, place, err)
			}
		}
	}
	return list
}

// listCasters lists the casters of a configuration that receive transport streams.
func (v *Relay) listCasters(c *config.Config) (list []source) {
	for _, k := range c.StreamCaster {
		place, err := config.ParsePlace(k.Output, c.Listen)
		for _, url := range casterURLs(k) {
			scheme, _, _ := strings.Cut(url, "://")
			list = v.add(list, source{name: "stream_caster " + k.Caster, kind: scheme + "-publish", url: url}, place, err)
		}
	}
	return list
}

// casterURLs are the addresses at which a caster receives transport streams; none for one of another kind.
func casterURLs(k *config.StreamCaster) (urls []string) {
	scheme := map[string]string{"mpegts_over_udp": "udp", "rist": "rist"}[k.Caster]
	if !k.Enabled || scheme == "" {
		return nil
	}
	for _, listen := range k.Listen {
		if !strings.Contains(listen, ":") {
			listen = ":" + listen
		}
		urls = append(urls, scheme+"://@"+listen)
	}
	return urls
}

// add adds a source to a list, unless something keeps it from being run, which is logged.
func (v *Relay) add(list []source, s source, place config.Place, err error) []source {
	if err == nil {
		err = v.check(&s, place)
	}
	if err != nil {
		v.o.Log.Error(s.name+" is not run", "url", stream.Veil(s.url), "cause", err)
		return list
	}
	return append(list, s)
}

// check gives a source its place, and says what keeps it from being run.
func (v *Relay) check(s *source, place config.Place) error {
	vhost := v.o.Config().Vhost(place.Vhost)
	if vhost == nil {
		return fmt.Errorf("there is no virtual host %q", place.Vhost)
	}
	if !vhost.Enabled {
		return fmt.Errorf("the virtual host %q is switched off", vhost.Name)
	}
	s.place, s.vhost = place, vhost.Name
	scheme, known := v.scheme(s.url)
	if !known || scheme.Pull == nil {
		return errors.New("nothing can be fetched by this protocol")
	}
	return scheme.Check(s.url)
}

// fetch brings a stream here, again and again, until ctx ends. While somebody else publishes it, it stands back.
func (v *Relay) fetch(ctx context.Context, s source) {
	failed := failures{log: v.o.Log}
	scheme, _ := v.scheme(s.url)
	for {
		for v.taken(s) {
			if !pause(ctx, time.Now().Add(glance-attemptEvery), glance) {
				return
			}
		}
		began := time.Now()
		r := s.request()
		err := stream.Guard("relay", func() error { return scheme.Pull(ctx, s.url, r, failed.over) })
		if ctx.Err() != nil {
			return
		}
		least := breath
		if errors.Is(err, stream.ErrKicked) || errors.As(err, new(*stream.Denied)) {
			least = attemptEvery
		}
		failed.note(s.name+" has ended, or has not begun", err, "url", stream.Veil(s.url), "stream", r.URL())
		if !pause(ctx, began, least) {
			return
		}
	}
}

// taken reports whether somebody publishes the stream.
func (v *Relay) taken(s source) bool {
	info, ok := v.o.Registry().Find(s.vhost, s.place.App, s.place.Stream)
	return ok && info.Publisher != ""
}

// request is who publishes what a source brings: this server itself, as far as gates are concerned.
func (s *source) request() *stream.Request {
	param := s.place.Param
	if param != "" {
		param = "?" + param
	}
	host := s.place.Vhost
	if host == "" {
		host = s.vhost
	}
	return &stream.Request{
		ID: stream.NewID(), Kind: s.kind, Remote: netip.MustParseAddr("127.0.0.1"),
		Vhost: s.vhost, App: s.place.App, Stream: s.place.Stream, Name: s.place.Stream, Param: param,
		Yields: true,
		TCURL:  "rtmp://" + net.JoinHostPort(host, "1935") + "/" + s.place.App,
	}
}

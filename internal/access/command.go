package access

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"weir/internal/stream"
)

// secretEnv is where Command looks for a secret that is not on the command line.
const secretEnv = "WEIR_SECRET"

// Command signs an address, as `weir sign` does, and returns what is to be printed: the parameters,
// and how to use them.
func Command(args, environ []string) (string, error) {
	var help strings.Builder
	flags := flag.NewFlagSet("weir sign", flag.ContinueOnError)
	flags.SetOutput(&help)
	flags.Usage = func() {
		fmt.Fprint(&help, "usage: weir sign [options] app/stream\n\nSigns an address for the auth block of a vhost, as docs/access-control.md tells.\n\n")
		flags.PrintDefaults()
	}
	publish := flags.Bool("publish", false, "the right to publish")
	play := flags.Bool("play", false, "the right to play; so it is without either")
	vhost := flags.String("vhost", stream.DefaultVhost, "virtual `host`, as the configuration names it")
	life := flags.Duration("for", time.Hour, "how long it is good")
	ip := flags.String("ip", "", "the only client `address` that may use it")
	file := flags.String("secret-file", "", "`file` with the secret; - is the standard input. Without, it is the variable "+secretEnv)
	host := flags.String("host", "localhost", "`host` of the addresses that are shown")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return help.String(), nil
		}
		return "", fmt.Errorf("%w: see weir sign -h", err)
	}
	app, name, ok := strings.Cut(flags.Arg(0), "/")
	if flags.NArg() != 1 || !ok || app == "" || name == "" {
		return "", errors.New("sign: expects one stream as app/stream: see weir sign -h")
	}
	if *publish && *play {
		return "", errors.New("sign: an address is good for one: -publish or -play")
	}
	g := Grant{Act: stream.Play, Vhost: *vhost, App: app, Stream: name, Expires: time.Now().Add(*life)}
	if *publish {
		g.Act = stream.Publish
	}
	if *ip != "" {
		var err error
		if g.IP, err = netip.ParseAddr(*ip); err != nil {
			return "", fmt.Errorf("sign: -ip: %w", err)
		}
	}
	secret, err := secretOf(*file, environ)
	if err != nil {
		return "", err
	}
	return g.shown(g.Sign(secret), *host), nil
}

// secretOf reads the secret: never from the command line, which all users of a machine can read.
func secretOf(file string, environ []string) (string, error) {
	var text string
	switch file {
	case "":
		for _, v := range environ {
			if value, ok := strings.CutPrefix(v, secretEnv+"="); ok {
				text = value
			}
		}
	default:
		in := os.Stdin
		if file != "-" {
			var err error
			if in, err = os.Open(file); err != nil {
				return "", fmt.Errorf("sign: %w", err)
			}
			defer in.Close()
		}
		raw, err := io.ReadAll(io.LimitReader(in, maxToken))
		if err != nil {
			return "", fmt.Errorf("sign: %w", err)
		}
		text = strings.TrimRight(string(raw), "\r\n")
	}
	if text == "" {
		return "", errors.New("sign: no secret: name a file with -secret-file, or set the variable " + secretEnv)
	}
	return text, nil
}

// shown is the parameters and the addresses that have them.
func (g *Grant) shown(query, host string) string {
	at, more := g.App+"/"+g.Stream, ""
	if g.Vhost != stream.DefaultVhost {
		more = "&vhost=" + g.Vhost
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n# good until %s\n", query, g.Expires.Format(time.RFC1123))
	if g.Act == stream.Publish {
		fmt.Fprintf(&b, "# OBS: server rtmp://%s/%s, stream key %s?%s%s\n", host, g.App, g.Stream, query, more)
	}
	fmt.Fprintf(&b, "rtmp://%s/%s?%s%s\n", host, at, query, more)
	if g.Act == stream.Play {
		fmt.Fprintf(&b, "http://%s:8080/%s.flv?%s%s\nhttp://%s:8080/%s.m3u8?%s%s\n", host, at, query, more, host, at, query, more)
	}
	return b.String()
}

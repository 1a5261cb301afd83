package srt

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/datarhei/gosrt"
)

// errURL is for addresses that cannot be understood.
var errURL = errors.New("srt: bad url")

const (
	maxURLTime = time.Minute // of latencies and timeouts in an address: longer ones are in another unit
	longestID  = 512         // bytes of a stream id
)

// peer is the other side of a connection that an address asks for: somebody to call, or somebody who calls.
type peer struct {
	address string // host:port
	listens bool   // we wait there to be called
	config  srt.Config
	rate    int // bytes a second that we send at the most; 0 or less: as many as there are
}

// urlKeys are the parameters of an address, as srt-live-transmit has them; some have a second name.
var urlKeys = []string{
	"mode", "streamid", "passphrase", "pbkeylen", "latency", "rcvlatency", "peerlatency", "maxbw", "payloadsize", "pkt_size",
	"mss", "connect_timeout", "conntimeo", "peeridletimeo", "transtype", "program",
}

// parseURL reads srt://host:port?streamid=...&latency=120. Without a host, or with mode=listener, we wait to be called.
// Times are in milliseconds. The # of a stream id may be written as it is.
func parseURL(raw string) (p peer, err error) {
	fail := func(format string, args ...any) (peer, error) {
		return peer{}, fmt.Errorf("%w: %s", errURL, fmt.Sprintf(format, args...)) // which may hold a passphrase
	}
	u, err := url.Parse(strings.ReplaceAll(raw, "#", "%23"))
	if err != nil || u.Scheme != "srt" {
		return fail("it is not of the form srt://host:port?streamid=...")
	}
	if _, _, err := net.SplitHostPort(u.Host); err != nil || u.Port() == "" {
		return fail("%q has no port", u.Host)
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fail("%v", err)
	}
	p = peer{address: u.Host, listens: u.Hostname() == "", config: srt.DefaultConfig(), rate: -1}
	for key := range values {
		if !slices.Contains(urlKeys, key) {
			return fail("there is no parameter %q; there are %s", key, strings.Join(urlKeys, ", "))
		}
		if err := p.set(key, values.Get(key)); err != nil {
			return fail("%s: %v", key, err)
		}
	}
	p.config.PayloadSize = uint32(max(cell, min(int(p.config.PayloadSize), int(p.config.MSS)-headers)))
	if !p.listens && u.Hostname() == "" {
		return fail("there is nobody to call: it has no host")
	}
	return p, p.config.Validate()
}

// set takes one parameter.
func (p *peer) set(key, value string) error {
	c := &p.config
	switch key {
	case "mode":
		if value != "caller" && value != "listener" {
			return fmt.Errorf("%q is neither caller nor listener", value)
		}
		p.listens = value == "listener"
	case "transtype":
		if value != "live" {
			return fmt.Errorf("%q is not live", value)
		}
	case "streamid":
		if len(value) > longestID {
			return fmt.Errorf("longer than %d bytes", longestID)
		}
		c.StreamId = value
	case "passphrase":
		c.Passphrase = value
	case "latency", "rcvlatency", "peerlatency", "connect_timeout", "conntimeo", "peeridletimeo":
		return p.setTime(key, value)
	case "program": // of the transport stream: for who reads it
	default:
		return p.setNumber(key, value)
	}
	return nil
}

func (p *peer) setTime(key, value string) error {
	n, err := strconv.ParseUint(value, 10, 32)
	d := time.Duration(n) * time.Millisecond
	if err != nil || d > maxURLTime {
		return fmt.Errorf("%q is not a number of milliseconds up to %d", value, maxURLTime.Milliseconds())
	}
	c := &p.config
	switch key {
	case "latency":
		c.ReceiverLatency, c.PeerLatency = d, d
	case "rcvlatency":
		c.ReceiverLatency = d
	case "peerlatency":
		c.PeerLatency = d
	case "peeridletimeo":
		c.PeerIdleTimeout = d
	default:
		c.ConnectionTimeout = d
	}
	return nil
}

func (p *peer) setNumber(key, value string) error {
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil {
		return fmt.Errorf("%q is no number", value)
	}
	c := &p.config
	switch key {
	case "pbkeylen":
		if n != 0 {
			c.PBKeylen = int(n)
		}
	case "maxbw":
		p.rate = int(n)
	case "mss":
		c.MSS = uint32(max(0, n))
	default:
		c.PayloadSize = uint32(max(0, n))
	}
	return nil
}

package config

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Tokens says who may publish and play, by what they bring.
type Tokens struct {
	Enabled  bool          `conf:"enabled" default:"off" doc:"Asks publishers and players for a token: the parameters expires and sign of a signed address, or a JWT as the parameter token or, over HTTP, as the header Authorization: Bearer."`
	Publish  bool          `conf:"publish" default:"on" doc:"Asks publishers."`
	Play     bool          `conf:"play" default:"on" doc:"Asks players."`
	Secret   []string      `conf:"secret" secret:"yes" doc:"Keys for signed addresses, and for tokens of the algorithms HS256, HS384 and HS512. Each of several is good, so that one can be replaced by another."`
	JWKS     string        `conf:"jwks" doc:"Set of public keys for tokens (RFC 7517): a file, which is read again when it changes, or an http or https address, which is asked every five minutes and when a token names a key that is not known."`
	Issuer   string        `conf:"issuer" doc:"Who has to have issued a token (its claim iss); empty is anybody who has a key."`
	Audience string        `conf:"audience" doc:"For whom a token has to be (its claim aud); empty is for anybody."`
	Leeway   time.Duration `conf:"leeway" unit:"fs" default:"5" range:"0..3600" doc:"How far the clocks of this server and of who makes tokens may be apart."`
	Open     []string      `conf:"open" example:"public/* live/lobby" doc:"Streams that need no token, as app/stream, where * stands for any text without a slash. An app alone is all of its streams."`
}

// Security says who may publish and play, by their address.
type Security struct {
	Enabled bool   `conf:"enabled" default:"off" doc:"Checks the address of every client against the rules below. A client which a deny rule names is refused; when there are allow rules, so is one which none of them names."`
	Allow   []Rule `conf:"allow" example:"play all" doc:"Lets an address in: publish or play, then all, an address or a network such as 10.0.0.0/8. May be given many times."`
	Deny    []Rule `conf:"deny" example:"publish 192.0.2.7" doc:"Keeps an address out, in the same words as allow. May be given many times."`
}

// Rule is one line of a security block.
type Rule struct {
	Action string // "publish" or "play"
	From   string // "all", an address or a network in CIDR form
}

// Networks are the networks that a list of addresses and networks names. What Load has let in is
// good.
func Networks(list []string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range list {
		if p, ok := parseNetwork(text); ok {
			out = append(out, p)
		}
	}
	return out
}

func parseNetwork(text string) (netip.Prefix, bool) { return Rule{From: text}.Prefix() }

// Prefix is the network which the rule names; a single address is a network of one.
// The second value is false for "all".
func (r Rule) Prefix() (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(r.From); err == nil {
		return p.Masked(), true
	}
	ip, err := netip.ParseAddr(r.From)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(ip, ip.BitLen()), true
}

func parseRule(args []string) (Rule, error) {
	if len(args) != 2 {
		return Rule{}, fmt.Errorf("expects two words, such as play all, got %d", len(args))
	}
	r := Rule{Action: args[0], From: args[1]}
	if r.Action != "publish" && r.Action != "play" {
		return Rule{}, fmt.Errorf("expects publish or play, got %q", r.Action)
	}
	if _, ok := r.Prefix(); !ok && r.From != "all" {
		return Rule{}, errors.New("expects all, an address or a network, got \"" + r.From + "\"")
	}
	return r, nil
}

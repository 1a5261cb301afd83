package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"weir/internal/stream"
)

// Grant is the right to publish or play one stream for a time.
type Grant struct {
	Act                stream.Act // Publish or Play
	Vhost, App, Stream string
	Expires            time.Time  // whole seconds
	IP                 netip.Addr // who alone may use it; not valid is everybody
}

// Sign returns the parameters of an address that carries the grant:
//
//	expires=UNIX&sign=HEX  or  expires=UNIX&ip=ADDRESS&sign=HEX
//
// HEX is the HMAC-SHA256, by the secret, of six lines with a line end between each two: the act
// ("publish" or "play"), the virtual host, the application, the stream, the seconds since 1970, and
// the address, empty without.
func (g *Grant) Sign(secret string) string {
	query := "expires=" + strconv.FormatInt(g.Expires.Unix(), 10)
	if g.IP.IsValid() {
		query += "&ip=" + url.QueryEscape(g.ip())
	}
	return query + "&sign=" + hex.EncodeToString(g.mac(secret))
}

func (g *Grant) ip() string {
	if !g.IP.IsValid() {
		return ""
	}
	return g.IP.Unmap().String()
}

func (g *Grant) mac(secret string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%s\n%s\n%s\n%s\n%d\n%s", g.Act, g.Vhost, g.App, g.Stream, g.Expires.Unix(), g.ip())
	return mac.Sum(nil)
}

// checkSign holds the signature in a query against what is asked.
func checkSign(query url.Values, secrets []string, act stream.Act, r *stream.Request, leeway time.Duration) error {
	if len(secrets) == 0 {
		return errors.New("signed addresses are not in use here")
	}
	for _, name := range [...]string{"expires", "sign", "ip"} {
		if n := len(query[name]); n > 1 || n == 0 && name != "ip" {
			return fmt.Errorf("the address needs one parameter %s and has %d", name, n)
		}
	}
	seconds, err := strconv.ParseInt(query.Get("expires"), 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return errors.New("the parameter expires is no time in seconds")
	}
	sum, err := hex.DecodeString(query.Get("sign"))
	if err != nil || len(sum) != sha256.Size {
		return errors.New("the parameter sign is no signature")
	}
	g := Grant{Act: act, Vhost: r.Vhost, App: r.App, Stream: r.Stream, Expires: time.Unix(seconds, 0)}
	if text := query.Get("ip"); text != "" {
		if g.IP, err = netip.ParseAddr(text); err != nil {
			return errors.New("the parameter ip is no address")
		}
	}
	if !g.signed(sum, secrets) {
		return fmt.Errorf("the signature is not one for this: to %s %s until then", act, r.URL())
	}
	if time.Now().After(g.Expires.Add(leeway)) {
		return fmt.Errorf("the address was good until %s", g.Expires.UTC().Format(time.RFC3339))
	}
	if g.IP.IsValid() && g.IP.Unmap() != r.Remote.Unmap() {
		return errors.New("the address is somebody else's: it names another client")
	}
	return nil
}

// signed reports whether one of the secrets has made the signature.
func (g *Grant) signed(sum []byte, secrets []string) bool {
	ok := false
	for _, secret := range secrets {
		ok = hmac.Equal(g.mac(secret), sum) || ok
	}
	return ok
}

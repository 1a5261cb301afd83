package access

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"weir/internal/config"
	"weir/internal/stream"
)

func TestSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guard(func(v *config.Vhost) {
			v.Auth.Enabled, v.Auth.Secret, v.Auth.Leeway, v.Auth.Open = true, []string{"new", "old"}, 5*time.Second, []string{"lobby", "live/open*"}
		})
		grant := Grant{Act: stream.Publish, Vhost: config.DefaultVhost, App: "live", Stream: "s", Expires: time.Now().Add(time.Minute)}
		good := "?" + grant.Sign("new")
		bound := grant
		bound.IP = netip.MustParseAddr("10.1.2.3")
		play := grant
		play.Act = stream.Play
		other := grant
		other.Stream = "t"
		for name, c := range map[string]struct {
			param, says string
		}{
			"good":              {good, ""},
			"old key":           {"?" + grant.Sign("old"), ""},
			"among others":      {"?a=b&" + grant.Sign("new") + "&c=d", ""},
			"own address":       {"?" + bound.Sign("new"), ""},
			"none":              {"", "needed"},
			"wrong key":         {"?" + grant.Sign("wrong"), "not one for this"},
			"of a player":       {"?" + play.Sign("new"), "not one for this"},
			"of another stream": {"?" + other.Sign("new"), "not one for this"},
			"longer life":       {strings.Replace(good, "expires=", "expires=9", 1), "not one for this"},
			"no time":           {"?" + good[strings.LastIndex(good, "sign="):], "expires"},
			"twice":             {good + "&expires=1", "expires"},
			"two signatures":    {good + "&sign=00", "sign"},
			"address taken off": {strings.Replace("?"+bound.Sign("new"), "&ip=10.1.2.3", "", 1), "not one for this"},
			"address put on":    {good + "&ip=10.1.2.3", "not one for this"},
			"behind the server": {"?vhost=a.com" + good, ""},
			"before the server": {good + "?vhost=a.com", ""},
			"cut":               {good[:len(good)-1], "no signature"},
			"garbage":           {"?expires=x&sign=y", "no time"},
			"bad query":         {"?sign=%zz", "cannot be read"},
			"capitals":          {strings.ReplaceAll(good, "sign=", "SIGN="), "needed"},
		} {
			if got := says(g, stream.Publish, request("10.1.2.3", c.param)); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
				t.Errorf("%s: %q; want %q", name, got, c.says)
			}
		}
		if got := says(g, stream.Publish, request("10.9.9.9", "?"+bound.Sign("new"))); !strings.Contains(got, "somebody else") {
			t.Error("another client:", got)
		}
		for name, open := range map[string]bool{"open": true, "opened": true, "closed": false} {
			r := request("", "")
			r.Stream = name
			if got := says(g, stream.Play, r); (got == "") != open {
				t.Errorf("%s: %q", name, got)
			}
		}
		time.Sleep(64 * time.Second)
		if got := says(g, stream.Publish, request("", good)); got != "" {
			t.Error("within the leeway:", got)
		}
		time.Sleep(2 * time.Second)
		if got := says(g, stream.Publish, request("", good)); !strings.Contains(got, "was good until") {
			t.Error("late:", got)
		}
	})
}

// keys are a private key and the set that has its public one.
func keys(t testing.TB, id string) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := jwkset.NewJWKFromKey(&private.PublicKey, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: id}})
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jwkset.JWKSMarshal{Keys: []jwkset.JWKMarshal{k.Marshal()}})
	if err != nil {
		t.Fatal(err)
	}
	return private, set
}

func made(t testing.TB, m jwt.SigningMethod, key any, id string, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(m, c)
	if id != "" {
		token.Header["kid"] = id
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestJWT(t *testing.T) {
	private, set := keys(t, "k1")
	foreign, _ := keys(t, "k1")
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, set, 0o600); err != nil {
		t.Fatal(err)
	}
	soon := time.Now().Add(time.Minute).Unix()
	with := func(more jwt.MapClaims) jwt.MapClaims {
		c := jwt.MapClaims{"exp": soon, "action": "play", "iss": "me", "aud": "weir"}
		for name, value := range more {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}
		return c
	}
	es := func(more jwt.MapClaims) string { return made(t, jwt.SigningMethodES256, private, "k1", with(more)) }
	public, _ := json.Marshal(private.PublicKey)
	full := func(v *config.Vhost) {
		v.Auth = config.Tokens{
			Enabled: true, Publish: true, Play: true, Secret: []string{"a", "b"}, JWKS: file, Issuer: "me", Audience: "weir", Leeway: time.Second,
		}
	}
	for name, c := range map[string]struct {
		token, says string
		edit        func(*config.Vhost)
	}{
		"good":                 {es(nil), "", nil},
		"by a secret":          {made(t, jwt.SigningMethodHS256, []byte("b"), "", with(nil)), "", nil},
		"for this stream":      {es(jwt.MapClaims{"vhost": "__defaultVhost__", "app": "l*", "stream": "s"}), "", nil},
		"for both":             {es(jwt.MapClaims{"action": []string{"publish", "play"}}), "", nil},
		"other stream":         {es(jwt.MapClaims{"stream": "t*"}), "another stream", nil},
		"other app":            {es(jwt.MapClaims{"app": "vod"}), "another stream", nil},
		"other vhost":          {es(jwt.MapClaims{"vhost": "a.com"}), "another stream", nil},
		"bad pattern":          {es(jwt.MapClaims{"stream": "[s"}), "another stream", nil},
		"to publish":           {es(jwt.MapClaims{"action": "publish"}), "action", nil},
		"no action":            {es(jwt.MapClaims{"action": nil}), "action", nil},
		"expired":              {es(jwt.MapClaims{"exp": soon - 3600}), "expired", nil},
		"for ever":             {es(jwt.MapClaims{"exp": nil}), "no time", nil},
		"not yet":              {es(jwt.MapClaims{"nbf": soon + 3600}), "not valid yet", nil},
		"other issuer":         {es(jwt.MapClaims{"iss": "you"}), "issuer", nil},
		"other audience":       {es(jwt.MapClaims{"aud": "x"}), "audience", nil},
		"foreign key":          {made(t, jwt.SigningMethodES256, foreign, "k1", with(nil)), "signature", nil},
		"unknown key":          {made(t, jwt.SigningMethodES256, private, "k9", with(nil)), "key is unknown", nil},
		"wrong secret":         {made(t, jwt.SigningMethodHS256, []byte("x"), "", with(nil)), "signature", nil},
		"none":                 {made(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "", with(nil)), "algorithm", nil},
		"public key as secret": {made(t, jwt.SigningMethodHS256, public, "k1", with(nil)), "signature", nil},
		"secrets not in use":   {made(t, jwt.SigningMethodHS256, []byte("b"), "", with(nil)), "algorithm", func(v *config.Vhost) { v.Auth.Secret = nil }},
		"keys not in use":      {es(nil), "algorithm", func(v *config.Vhost) { v.Auth.JWKS = "" }},
		"nothing in use":       {es(nil), "algorithm", func(v *config.Vhost) { v.Auth.JWKS, v.Auth.Secret = "", nil }},
		"keys are not there":   {es(nil), "cannot be had", func(v *config.Vhost) { v.Auth.JWKS += ".none" }},
		"garbage":              {"abc", "no JWT", nil},
		"long":                 {strings.Repeat("a", maxToken+1), "longer", nil},
		"players need none":    {"abc", "", func(v *config.Vhost) { v.Auth.Play = false }},
	} {
		g := guard(func(v *config.Vhost) {
			full(v)
			if c.edit != nil {
				c.edit(v)
			}
		})
		inURL, inHeader := request("10.1.2.3", "?token="+c.token), request("10.1.2.3", "")
		inHeader.Token = c.token
		for _, r := range []*stream.Request{inURL, inHeader} {
			if got := says(g, stream.Play, r); (got == "") != (c.says == "") || !strings.Contains(got, c.says) || c.token != "" && strings.Contains(got, c.token) {
				t.Errorf("%s: %q; want %q", name, got, c.says)
			}
		}
		inURL.Param += "&token=" + c.token
		if got := says(g, stream.Play, inURL); name == "good" && !strings.Contains(got, "more than one") {
			t.Error("twice:", got)
		}
	}
}

// TestKeysFile changes a file of keys: the new ones count at once.
func TestKeysFile(t *testing.T) {
	first, set := keys(t, "k1")
	second, next := keys(t, "k1")
	file := filepath.Join(t.TempDir(), "jwks.json")
	write := func(raw []byte, at time.Time) {
		if err := errors.Join(os.WriteFile(file, raw, 0o600), os.Chtimes(file, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	write(set, time.Now().Add(-time.Hour))
	g := guard(func(v *config.Vhost) { v.Auth.Enabled, v.Auth.JWKS = true, file })
	claims := jwt.MapClaims{"exp": time.Now().Add(time.Minute).Unix(), "action": "play"}
	ask := func(key *ecdsa.PrivateKey) string {
		return says(g, stream.Play, request("", "?token="+made(t, jwt.SigningMethodES256, key, "k1", claims)))
	}
	if a, b := ask(first), ask(second); a != "" || b == "" {
		t.Errorf("%q, %q", a, b)
	}
	write(next, time.Now())
	if a, b := ask(first), ask(second); a == "" || b != "" {
		t.Errorf("after the change: %q, %q", a, b)
	}
	write([]byte("{"), time.Now().Add(time.Hour))
	if b := ask(second); b != "" {
		t.Errorf("with a broken file: %q", b)
	}
}

// TestKeysURL has a server of keys that fails, comes back, and changes its keys.
func TestKeysURL(t *testing.T) {
	first, set := keys(t, "k1")
	second, next := keys(t, "k2")
	var answer atomic.Pointer[[]byte]
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if raw := answer.Load(); raw != nil {
			_, _ = w.Write(*raw)
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer server.Close()
	g := guard(func(v *config.Vhost) { v.Auth.Enabled, v.Auth.JWKS = true, server.URL })
	claims := jwt.MapClaims{"exp": time.Now().Add(time.Minute).Unix(), "action": "play"}
	ask := func(key *ecdsa.PrivateKey, id string) string {
		return says(g, stream.Play, request("", "?token="+made(t, jwt.SigningMethodES256, key, id, claims)))
	}
	for range 3 {
		if a := ask(first, "k1"); !strings.Contains(a, "cannot be had") {
			t.Errorf("%q", a)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times within a moment", asked.Load())
	}
	answer.Store(&set)
	later(g, server.URL, keyHurry+time.Second)
	if a, b := ask(first, "k1"), ask(second, "k2"); a != "" || b == "" {
		t.Errorf("%q, %q", a, b)
	}
	answer.Store(&next)
	later(g, server.URL, keyHurry+time.Second)
	if b := ask(second, "k2"); b != "" {
		t.Errorf("a key that is new: %q", b)
	}
	answer.Store(nil)
	later(g, server.URL, keyFresh+time.Second)
	if b := ask(second, "k2"); b != "" {
		t.Errorf("while the server fails: %q", b)
	}
}

// TestKeysLeaver has the client leave that has keys fetched: those who come next have them.
func TestKeysLeaver(t *testing.T) {
	private, set := keys(t, "k1")
	asked, let := make(chan bool, 1), make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- true
		<-let
		_, _ = w.Write(set)
	}))
	defer server.Close()
	g := guard(func(v *config.Vhost) { v.Auth.Enabled, v.Auth.JWKS = true, server.URL })
	r := request("", "?token="+made(t, jwt.SigningMethodES256, private, "k1", jwt.MapClaims{"exp": time.Now().Add(time.Minute).Unix(), "action": "play"}))
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- g.Check(ctx, stream.Ask{Act: stream.Play, Request: r}) }()
	<-asked
	leave()
	close(let)
	if err := <-done; err != nil {
		t.Error("the one who left:", err)
	}
	if got := says(g, stream.Play, r); got != "" {
		t.Error(got)
	}
}

// later makes it look as if keys had been looked for so long ago.
func later(g *Guard, source string, d time.Duration) {
	r := g.rings.ring(source)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looked = time.Now().Add(-d)
}

// FuzzToken: no parameters are a right to anything.
func FuzzToken(f *testing.F) {
	f.Add("?token=abc", "")
	f.Add("?expires=99999999999&sign=00", "")
	f.Add("?sign=&expires=&ip=", "a.b.c")
	f.Add("?token=eyJhbGciOiJub25lIn0.eyJhY3Rpb24iOiJwbGF5In0.", "")
	g := guard(func(v *config.Vhost) { v.Auth.Enabled, v.Auth.Secret = true, []string{"secret"} })
	f.Fuzz(func(t *testing.T, param, token string) {
		r := request("10.1.2.3", param)
		r.Token = token
		if got := says(g, stream.Play, r); got == "" {
			t.Errorf("%q and %q let in", param, token)
		}
	})
}

// FuzzPage: nothing but what is of the domain is.
func FuzzPage(f *testing.F) {
	f.Add("http://github.com/")
	f.Add("http://evilgithub.com")
	f.Add("//[::1]:80")
	f.Fuzz(func(t *testing.T, page string) {
		if host := hostOf(page); isOf(host, []string{"github.com"}) && !strings.Contains(strings.ToLower(page), "github.com") && !strings.Contains(page, "%") {
			t.Errorf("%q is of github.com: %q", page, host)
		}
	})
}

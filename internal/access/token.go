package access

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"weir/internal/config"
	"weir/internal/stream"
)

const maxToken = 8 << 10 // bytes of a token

// checkToken asks for a signed address or a JWT where the rules want one.
func (g *Guard) checkToken(ctx context.Context, t *config.Tokens, act stream.Act, r *stream.Request) error {
	if !t.Enabled || act == stream.Publish && !t.Publish || act == stream.Play && !t.Play || isOpen(t.Open, r) {
		return nil
	}
	// An encoder may have parameters in the address of the server and in the stream key: "?a=b?c=d".
	query, err := url.ParseQuery(strings.ReplaceAll(strings.TrimPrefix(r.Param, "?"), "?", "&"))
	if err != nil {
		return errors.New("the parameters of the address cannot be read")
	}
	tokens := query["token"]
	switch {
	case len(query["sign"]) > 0:
		return checkSign(query, t.Secret, act, r, t.Leeway)
	case len(tokens) > 1:
		return errors.New("the address has more than one parameter token")
	case len(tokens) == 1:
		return g.checkJWT(ctx, tokens[0], t, act, r)
	case r.Token != "":
		return g.checkJWT(ctx, r.Token, t, act, r)
	}
	return fmt.Errorf("a token is needed to %s here, or a signed address", act)
}

// isOpen reports whether a stream needs no token.
func isOpen(patterns []string, r *stream.Request) bool {
	for _, p := range patterns {
		if !strings.Contains(p, "/") {
			p += "/*"
		}
		if fits(p, r.App+"/"+r.Stream) {
			return true
		}
	}
	return false
}

// claims are what a token says.
//
// Spec: RFC 7519, 4.1; the others are ours.
type claims struct {
	jwt.RegisteredClaims
	Action jwt.ClaimStrings `json:"action"` // "publish", "play" or both
	Vhost  string           `json:"vhost"`  // these three are patterns as of path.Match; empty is all
	App    string           `json:"app"`
	Stream string           `json:"stream"`
}

func (g *Guard) checkJWT(ctx context.Context, token string, t *config.Tokens, act stream.Act, r *stream.Request) error {
	if len(token) > maxToken {
		return fmt.Errorf("the token is longer than %d bytes", maxToken)
	}
	options := []jwt.ParserOption{jwt.WithExpirationRequired(), jwt.WithLeeway(t.Leeway), jwt.WithValidMethods(methods(t))}
	if t.Issuer != "" {
		options = append(options, jwt.WithIssuer(t.Issuer))
	}
	if t.Audience != "" {
		options = append(options, jwt.WithAudience(t.Audience))
	}
	var c claims
	_, err := jwt.NewParser(options...).ParseWithClaims(token, &c, func(head *jwt.Token) (any, error) {
		if _, symmetric := head.Method.(*jwt.SigningMethodHMAC); symmetric {
			return secretsOf(t), nil
		}
		return g.rings.key(ctx, t.JWKS, head)
	})
	if err != nil {
		return worded(err)
	}
	return c.allow(act, r)
}

// methods are the algorithms in use. A key of one kind is never taken for one of another.
//
// Spec: RFC 8725, 3.1.
func methods(t *config.Tokens) []string {
	list := []string{} // not nil, which would be all
	if len(t.Secret) > 0 {
		list = append(list, "HS256", "HS384", "HS512")
	}
	if t.JWKS != "" {
		list = append(list, "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
	}
	return list
}

func secretsOf(t *config.Tokens) jwt.VerificationKeySet {
	var set jwt.VerificationKeySet
	for _, s := range t.Secret {
		set.Keys = append(set.Keys, []byte(s))
	}
	return set
}

// allow holds a good token against what is asked.
func (c *claims) allow(act stream.Act, r *stream.Request) error {
	may := false
	for _, action := range c.Action {
		may = may || action == act.String()
	}
	switch {
	case !may:
		return fmt.Errorf("the token is not for this: its action is not %s", act)
	case c.Vhost != "" && !fits(c.Vhost, r.Vhost), c.App != "" && !fits(c.App, r.App), c.Stream != "" && !fits(c.Stream, r.Stream):
		return errors.New("the token is for another stream")
	}
	return nil
}

func fits(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// worded says what is wrong with a token, and not the token.
func worded(err error) error {
	for _, c := range [...]struct {
		err  error
		text string
	}{
		{errKeys, "the keys that tokens are held against cannot be had now"},
		{jwt.ErrTokenExpired, "the token has expired"},
		{jwt.ErrTokenNotValidYet, "the token is not valid yet"},
		{jwt.ErrTokenRequiredClaimMissing, "the token says no time at which it expires, or lacks another claim that is needed"},
		{jwt.ErrTokenInvalidIssuer, "the token's issuer is another"},
		{jwt.ErrTokenInvalidAudience, "the token is for another audience"},
		{jwt.ErrTokenMalformed, "the token is no JWT"},
		{jwt.ErrTokenSignatureInvalid, "the token's signature or algorithm is not accepted"},
	} {
		if errors.Is(err, c.err) {
			return errors.New(c.text)
		}
	}
	return errors.New("the token cannot be checked: its key is unknown")
}

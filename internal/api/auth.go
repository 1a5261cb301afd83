package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// Login is the name and the password that the API asks for.
type Login struct{ Name, Password string }

// permits reports whether a request may have what is at its path, and answers it if not.
//
// Spec: RFC 7617.
func (a *API) permits(w http.ResponseWriter, r *http.Request) bool {
	if a.o.Login == nil {
		return true
	}
	login, on := a.o.Login()
	if !on || !guarded(r.URL.Path) {
		return true
	}
	name, password, given := r.BasicAuth()
	if given && same(name, login.Name)&same(password, login.Password) == 1 {
		return true
	}
	if r.Header.Get("Authorization") == "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="weir"`)
	}
	writeStatus(w, http.StatusUnauthorized)
	return false
}

// guarded reports whether a path is one of the API: also one that only looks like it to somebody
// between us and the client.
func guarded(path string) bool {
	path = strings.ToLower(path) + "/"
	return strings.Contains(path, "/api/") || strings.Contains(path, "/debug/")
}

// same compares in a time that tells nothing of how far they are alike.
func same(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

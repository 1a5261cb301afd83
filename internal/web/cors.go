package web

import (
	"net/http"
)

// allowed lets pages of other sites read the answer, if shared says so, and answers a browser that
// asks beforehand. It is false when there is nothing more to answer.
func allowed(w http.ResponseWriter, r *http.Request, shared bool) bool {
	if shared && r.Header.Get("Origin") != "" {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Headers", "*")
		h.Set("Access-Control-Allow-Methods", "*")
		h.Set("Access-Control-Expose-Headers", "*")
		h.Set("Access-Control-Allow-Credentials", "false")
		h.Set("Access-Control-Request-Private-Network", "true")
	}
	if r.Method != http.MethodOptions {
		return true
	}
	if !shared {
		plain(w, http.StatusMethodNotAllowed)
		return false
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return false
}

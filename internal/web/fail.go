package web

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// failure is the body of an answer that says why there is nothing to play.
type failure struct {
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

// Fail answers with a status and, as JSON, the reason: {"code":404,"reason":"..."} and a line end.
// Nobody is to keep the answer: the next one may be another.
func Fail(w http.ResponseWriter, status int, reason string) {
	body, err := json.Marshal(failure{status, reason})
	if err != nil { // a string and a number always can
		body = nil
	}
	body = append(body, '\n')
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone: nobody is left to tell
}

// plain answers with a status and its phrase as text, which is what is said about files.
func plain(w http.ResponseWriter, status int) {
	text := http.StatusText(status)
	h := w.Header()
	for _, name := range []string{"Etag", "Last-Modified", "Cache-Control", "Content-Encoding"} {
		h.Del(name) // of what would have been sent
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

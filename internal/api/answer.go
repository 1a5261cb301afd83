package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// The codes of answers that say no more than what went wrong.
const (
	noVhost  = failure(2014)
	noStream = failure(2048)
	noClient = failure(2049)
	fixed    = failure(400) // a client that cannot be kicked
)

// failure is an answer without an envelope; its HTTP status is 200 nevertheless.
type failure int

// MarshalJSON gives {"code":2049}.
func (f failure) MarshalJSON() ([]byte, error) {
	return append(strconv.AppendInt([]byte(`{"code":`), int64(f), 10), '}'), nil
}

// status is an answer that is an HTTP status and its phrase as plain text.
type status int

// redirect is an answer that leads elsewhere.
type redirect string

// decimal is a number with two digits behind the point, also if it is whole.
type decimal float64

// MarshalJSON gives 2.00 for 2.
func (d decimal) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(d), 'f', 2, 64), nil
}

func writeStatus(w http.ResponseWriter, s status) {
	writeBody(w, int(s), "text/plain; charset=utf-8", []byte(http.StatusText(int(s))))
}

func writeRedirect(w http.ResponseWriter, to redirect) {
	w.Header().Set("Location", string(to))
	writeStatus(w, http.StatusFound)
}

func writeJSON(w http.ResponseWriter, callback string, answer any) {
	var body bytes.Buffer
	if callback != "" {
		body.WriteString(callback + "(")
	}
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // query strings stay legible
	if err := enc.Encode(answer); err != nil {
		writeStatus(w, http.StatusInternalServerError)
		return
	}
	body.Truncate(body.Len() - 1) // the encoder's line end
	kind := "application/json"
	if callback != "" {
		body.WriteByte(')')
		kind = "text/javascript"
	}
	writeBody(w, http.StatusOK, kind, body.Bytes())
}

func writeBody(w http.ResponseWriter, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone: nobody is left to tell
}

// allowOrigins lets pages of every site read the answer.
func allowOrigins(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Headers", "*")
	h.Set("Access-Control-Allow-Methods", "*")
	h.Set("Access-Control-Expose-Headers", "*")
	h.Set("Access-Control-Allow-Credentials", "false")
	h.Set("Access-Control-Request-Private-Network", "true")
}

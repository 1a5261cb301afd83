package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const maxBody = 64 << 10 // bytes of a callback

// receiver takes the callbacks, all at one address: the action says which it is.
type receiver struct {
	stage  *stage
	secret string // empty believes everybody
}

// event is what we want to know of a callback.
type event struct {
	Action    string `json:"action"`
	ClientID  string `json:"client_id"`
	Vhost     string `json:"vhost"`
	App       string `json:"app"`
	Param     string `json:"param"`
	StreamURL string `json:"stream_url"` // [VHOST]/APP/STREAM, also where stream has an ending like .m3u8
	StreamID  string `json:"stream_id"`
}

func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "a callback is shorter", http.StatusRequestEntityTooLarge)
		return
	}
	if v.secret != "" && !signed(r.Header, body, v.secret, time.Now()) {
		http.Error(w, "the signature is wrong", http.StatusUnauthorized)
		return
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		http.Error(w, "want the JSON of a callback", http.StatusBadRequest)
		return
	}
	switch e.Action {
	case "on_play":
		err = v.stage.arrive(&e)
	case "on_stop":
		v.stage.leave(&e)
	case "on_publish":
		err = v.stage.admit(&e)
	}
	log, answer := slog.With("stream", e.key(), "client", e.ClientID), map[string]any{"code": 0}
	if err == nil {
		log.Info(e.Action)
	} else {
		log.Warn(e.Action+" refused", "cause", err)
		answer = map[string]any{"code": 1, "msg": err.Error()}
	}
	_ = json.NewEncoder(w).Encode(answer) // who has hung up does not want it
}

// fresh is how old a callback may be: a copy of it that somebody else sends later counts for nothing.
const fresh = 5 * time.Minute

// signed reports whether the server with our secret has sent the body, just now.
func signed(h http.Header, body []byte, secret string, now time.Time) bool {
	at := h.Get("X-Weir-Timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > fresh {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return hmac.Equal([]byte(h.Get("X-Weir-Signature")), []byte("sha256="+hex.EncodeToString(mac.Sum(nil))))
}

// key names the stream: [VHOST/]APP/STREAM.
func (e *event) key() string { return strings.TrimPrefix(e.StreamURL, "/") }

// name is the key without the virtual host, by which the catalogue goes.
func (e *event) name() string {
	if rest, ok := strings.CutPrefix(e.StreamURL, e.Vhost+"/"); ok {
		return rest
	}
	return e.key()
}

// address is where to publish the stream, behind the address of the server, up to its last
// parameter.
func (e *event) address() string {
	address := "/" + e.name() + "?"
	if e.name() != e.key() {
		address += "vhost=" + url.QueryEscape(e.Vhost) + "&"
	}
	return address
}

// token is what the publisher's address says it is.
func (e *event) token() string {
	query, _ := url.ParseQuery(strings.TrimPrefix(e.Param, "?")) // what can be read of it
	return query.Get("token")
}

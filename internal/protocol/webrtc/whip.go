package webrtc

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"weir/internal/stream"
)

// The addresses of WHIP (RFC 9725), of WHEP (draft-ietf-wish-whep), and of the older calls.
const (
	Path = "/rtc/v1/" // in front of them all

	pathWHIP     = "/rtc/v1/whip/"
	pathWHIPPlay = "/rtc/v1/whip-play/"
	pathWHEP     = "/rtc/v1/whep/"
	pathPublish  = "/rtc/v1/publish/"
	pathPlay     = "/rtc/v1/play/"

	maxOffer = 64 << 10 // bytes
)

var errStreamURL = errors.New("streamurl is not of the form webrtc://host/app/stream")

// ServeHTTP answers offers, and ends sessions.
func (v *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case pathWHIP, pathWHIPPlay, pathWHEP:
		v.serveWHIP(w, r)
	case pathPublish, pathPlay:
		v.serveCall(w, r)
	default:
		http.NotFound(w, r)
	}
}

// serveWHIP answers an offer with 201 and the session's own address, by which it is ended.
func (v *Server) serveWHIP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "POST, PATCH, DELETE, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch")
	switch r.Method {
	case http.MethodOptions:
		h.Set("Accept-Post", "application/sdp")
		h.Set("Accept-Patch", typeFragment)
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodDelete:
		v.remove(w, r)
		return
	case http.MethodPatch:
		v.patch(w, r)
		return
	case http.MethodPost:
	default:
		h.Set("Allow", "POST, PATCH, DELETE, OPTIONS")
		sayNo(w, http.StatusMethodNotAllowed, errors.New("post an offer to begin, and delete the address that the answer names to end"))
		return
	}
	offer, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOffer))
	if err != nil || len(offer) == 0 {
		sayNo(w, http.StatusBadRequest, errors.New("the body is to be an offer, in SDP"))
		return
	}
	s, answer, err := v.open(r.Context(), targetOf(r), string(offer), r.Host)
	if err != nil {
		if moved, ok := errors.AsType[*stream.Moved](err); ok {
			h.Set("Location", moved.URL)
		}
		sayNo(w, statusOf(err), err)
		return
	}
	h.Set("Content-Type", "application/sdp")
	h.Set("Location", location(r, s))
	h.Set("ETag", `"`+s.id+`"`) // of the first generation
	h.Set("Accept-Patch", typeFragment)
	for _, link := range iceServers(v.o.Config().RTCServer.IceServer) {
		h.Add("Link", link)
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer)
}

// location is the address of a session.
func location(r *http.Request, s *session) string {
	return r.URL.Path + "?action=delete&token=" + s.token + "&app=" + url.QueryEscape(s.request.App) +
		"&stream=" + url.QueryEscape(s.request.Stream) + "&session=" + strings.ReplaceAll(url.QueryEscape(s.name), "%3A", ":")
}

// Knows reports whether the session that an address of WHIP or WHEP names is one of this server's.
func (v *Server) Knows(r *http.Request) bool { return v.find(r.URL.Query().Get("session")) != nil }

// remove ends a session for whoever knows its address.
func (v *Server) remove(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s := v.find(q.Get("session"))
	if s == nil {
		w.WriteHeader(http.StatusOK) // it has ended already
		return
	}
	if s.token != q.Get("token") {
		sayNo(w, http.StatusForbidden, errors.New("this is not the address of the session"))
		return
	}
	s.cancel(errLeft)
	w.WriteHeader(http.StatusOK)
}

// sayNo tells of a refusal, in the form of the API's.
func sayNo(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"code": status, "error": err.Error()})
}

// serveCall answers SRS's older calls: offers in JSON.
func (v *Server) serveCall(w http.ResponseWriter, r *http.Request) {
	var call struct {
		SDP       string `json:"sdp"`
		StreamURL string `json:"streamurl"`
		ClientIP  string `json:"clientip"`
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	fail := func(err error) {
		_ = json.NewEncoder(w).Encode(map[string]any{"code": http.StatusBadRequest, "error": err.Error()})
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOffer)).Decode(&call); err != nil {
		fail(errors.New("the body is to be JSON with sdp and streamurl"))
		return
	}
	t := targetOf(r)
	t.publish = strings.HasPrefix(r.URL.Path, pathPublish)
	if err := parseStreamURL(call.StreamURL, &t); err != nil {
		fail(err)
		return
	}
	if t.publish {
		t.param = strings.TrimPrefix(t.param+"&upstream=rtc", "&")
	}
	s, answer, err := v.open(r.Context(), t, call.SDP, r.Host)
	if err != nil {
		fail(err)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"code": 0, "server": v.o.Server, "service": v.o.Service, "pid": strconv.Itoa(v.o.Pid), "sdp": answer, "sessionid": s.id,
	})
}

package webrtc

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"

	"weir/internal/stream"
)

const (
	typeFragment = "application/trickle-ice-sdpfrag"
	maxFragment  = 16 << 10 // bytes of one
)

var errFragment = errors.New("the body is to be a fragment of SDP (RFC 8840), of lines such as a=candidate or a=ice-ufrag")

// fragment is what a client says of ICE once its session is on.
type fragment struct {
	ufrag, pwd string
	candidates []string
}

// parseFragment reads a fragment. Spec: RFC 8840, 9; the credentials may stand in front of the first m= or behind it.
func parseFragment(body string) (f fragment, err error) {
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		if len(line) < 2 || line[1] != '=' {
			return f, errFragment
		}
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "a=ice-ufrag":
			f.ufrag = or(f.ufrag, value)
		case "a=ice-pwd":
			f.pwd = or(f.pwd, value)
		case "a=candidate":
			f.candidates = append(f.candidates, readable(value))
		}
	}
	if f.ufrag == "" && f.pwd == "" {
		return f, nil
	}
	if !iceChars(f.ufrag, 4, 256) || !iceChars(f.pwd, 22, 256) {
		return f, errors.New("ice-ufrag is to have 4 to 256 letters and digits, and ice-pwd 22 to 256")
	}
	return f, nil
}

// patch takes candidates, and begins ICE anew where a client brings new credentials. Spec: RFC 9725, 4.3.
func (v *Server) patch(w http.ResponseWriter, r *http.Request) {
	s := v.find(r.URL.Query().Get("session"))
	if s == nil {
		sayNo(w, http.StatusNotFound, errors.New("the session has ended"))
		return
	}
	if s.token != r.URL.Query().Get("token") {
		sayNo(w, http.StatusForbidden, errors.New("this is not the address of the session"))
		return
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != typeFragment {
		w.Header().Set("Accept-Patch", typeFragment)
		sayNo(w, http.StatusUnsupportedMediaType, errors.New("the body is to be "+typeFragment))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFragment))
	if err != nil {
		sayNo(w, http.StatusBadRequest, errFragment)
		return
	}
	f, err := parseFragment(string(body))
	if err != nil {
		sayNo(w, http.StatusBadRequest, err)
		return
	}
	s.amending.Lock()
	defer s.amending.Unlock()
	match := r.Header.Get("If-Match")
	switch anew := f.ufrag != "" && f.ufrag != s.theirs; {
	case match == "":
		sayNo(w, http.StatusPreconditionRequired, errors.New(`If-Match is missing: it is to be the ETag of the session, or "*" to begin ICE anew`))
	case match != "*" && !names(match, s.etag()):
		sayNo(w, http.StatusPreconditionFailed, errors.New("If-Match is not the ETag of the session, which has begun ICE anew since"))
	case anew:
		v.restart(w, r, s, f)
	default:
		s.contact.tell(nil, f.candidates)
		w.Header().Set("ETag", s.etag())
		w.WriteHeader(http.StatusNoContent)
	}
}

// names reports whether a list of entity tags has one of them.
func names(list, tag string) bool {
	for each := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(each) == tag {
			return true
		}
	}
	return false
}

// restart begins ICE anew, and says by which credentials.
func (v *Server) restart(w http.ResponseWriter, r *http.Request, s *session, f fragment) {
	local, err := s.restart(r.Context(), f)
	if err != nil {
		sayNo(w, statusOf(err), err)
		return
	}
	s.contact.tell(nil, f.candidates)
	h := w.Header()
	h.Set("Content-Type", typeFragment)
	h.Set("ETag", s.etag())
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, s.fragment(local))
}

// fragment says the credentials and candidates of this side.
func (s *session) fragment(local string) string {
	var b strings.Builder
	b.WriteString("a=ice-lite\r\n")
	for line := range strings.Lines(local) {
		if strings.HasPrefix(line, "a=group:BUNDLE") {
			b.WriteString(line)
		}
		if strings.HasPrefix(line, "m=") {
			b.WriteString(line)
			break
		}
	}
	b.WriteString("a=mid:" + attribute(local, "mid") + "\r\na=ice-ufrag:" + attribute(local, "ice-ufrag") + "\r\na=ice-pwd:" + attribute(local, "ice-pwd") + "\r\n")
	b.WriteString(s.offered.lines() + "a=end-of-candidates\r\n")
	return b.String()
}

// restart has the library begin ICE anew, by the first offer with other credentials in it. Media stop until the client has
// found its way again. s.amending is held.
func (s *session) restart(ctx context.Context, f fragment) (local string, err error) {
	if s.fixed {
		return "", refuse(http.StatusUnprocessableEntity, "ICE cannot begin anew in a session whose credentials the client has chosen (ice-ufrag, ice-pwd): end it and begin another one")
	}
	if s.restarts++; s.restarts > maxRestarts {
		return "", refuse(http.StatusTooManyRequests, "ICE has begun anew %d times in this session: end it and begin another one", maxRestarts)
	}
	offer := withCredentials(s.offer, f)
	if err := s.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", refuse(http.StatusUnprocessableEntity, "ICE cannot begin anew: %w", err)
	}
	answer, err := s.pc.CreateAnswer(nil)
	if err != nil {
		return "", refuse(http.StatusUnprocessableEntity, "ICE cannot begin anew: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(s.pc)
	if err := s.pc.SetLocalDescription(answer); err != nil {
		return "", refuse(http.StatusUnprocessableEntity, "ICE cannot begin anew: %w", err)
	}
	select {
	case <-gathered:
	case <-time.After(gatherTime):
		return "", errGather
	case <-s.ctx.Done():
		return "", refuse(http.StatusNotFound, "the session has ended")
	case <-ctx.Done():
		return "", ctx.Err()
	}
	s.theirs, s.tag = f.ufrag, stream.NewID()
	local = s.pc.LocalDescription().SDP
	s.server.lobby.watch(attribute(local, "ice-ufrag"), s.contact)
	return local, nil
}

// withCredentials puts other credentials into an offer.
func withCredentials(offer string, f fragment) string {
	var b strings.Builder
	for line := range strings.Lines(offer) {
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			line = "a=ice-ufrag:" + f.ufrag + "\r\n"
		case strings.HasPrefix(line, "a=ice-pwd:"):
			line = "a=ice-pwd:" + f.pwd + "\r\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// iceServers are the headers that name servers to clients which need one to reach this one. Spec: RFC 9725, 4.6.
func iceServers(list [][]string) (links []string) {
	for _, s := range list {
		link := "<" + s[0] + `>; rel="ice-server"`
		if len(s) == 3 {
			link += `; username="` + quoted(s[1]) + `"; credential="` + quoted(s[2]) + `"; credential-type="password"`
		}
		links = append(links, link)
	}
	return slices.Clip(links)
}

// quoted writes text that stands between quotes in a header.
func quoted(text string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) }

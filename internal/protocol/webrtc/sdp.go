package webrtc

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// readOffer checks an offer, and takes its candidates out: this server makes no checks of its own, so it needs none.
func readOffer(offer string, publish bool) (rest string, candidates []string, err error) {
	offer = strings.ReplaceAll(offer, "\r\n", "\n")
	if strings.Contains(offer, "\r") {
		return "", nil, refuse(http.StatusBadRequest, "the offer cannot be read: a carriage return stands within a line")
	}
	var all sdp.SessionDescription
	if err := all.UnmarshalString(offer); err != nil {
		return "", nil, refuse(http.StatusBadRequest, "the offer cannot be read: %w", err)
	}
	group, _ := all.Attribute("group")
	if len(all.MediaDescriptions) == 0 {
		return "", nil, refuse(http.StatusBadRequest, "the offer has neither sound nor pictures in it: add a transceiver of each before it is made")
	}
	if len(all.MediaDescriptions) > 1 && !strings.HasPrefix(group, "BUNDLE") {
		return "", nil, refuse(http.StatusNotAcceptable, "the offer has no a=group:BUNDLE: all media go over one connection here; make it with bundlePolicy max-bundle")
	}
	for _, m := range all.MediaDescriptions {
		if err := checkMedia(m, all.Attributes, publish); err != nil {
			return "", nil, err
		}
	}
	var b strings.Builder
	for line := range strings.Lines(offer) {
		if text, ok := strings.CutPrefix(line, "a=candidate:"); ok {
			candidates = append(candidates, readable(text))
		} else if !strings.HasPrefix(line, "a=end-of-candidates") {
			b.WriteString(strings.TrimSuffix(line, "\n") + "\r\n")
		}
	}
	return b.String(), candidates, nil
}

// checkMedia checks what an offer says of a track.
func checkMedia(m *sdp.MediaDescription, session []sdp.Attribute, publish bool) error {
	name := m.MediaName.Media
	if name != "audio" && name != "video" {
		return refuse(http.StatusNotAcceptable, "the offer has m=%s in it: only audio and video are served", name)
	}
	if _, only := m.Attribute("bundle-only"); m.MediaName.Port.Value == 0 && !only {
		return nil // what is not to be used
	}
	if _, ok := m.Attribute("rtcp-mux"); !ok {
		return refuse(http.StatusNotAcceptable, "the offer has m=%s without a=rtcp-mux: RTP and RTCP share a port here", name)
	}
	way := "sendrecv"
	for _, a := range slices.Concat(session, m.Attributes) {
		if a.Key == "sendonly" || a.Key == "recvonly" || a.Key == "inactive" || a.Key == "sendrecv" {
			way = a.Key
		}
	}
	switch {
	case publish && way == "recvonly":
		return refuse(http.StatusNotAcceptable, "the offer has m=%s recvonly, and publishing is asked for: offer sendonly, or play at %s", name, pathWHEP)
	case !publish && way == "sendonly":
		return refuse(http.StatusNotAcceptable, "the offer has m=%s sendonly, and playing is asked for: offer recvonly, or publish at %s", name, pathWHIP)
	}
	return nil
}

// readable makes "udp 192.0.2.1:4711 host" of a candidate. Spec: RFC 8839, 5.1.
func readable(candidate string) string {
	f := strings.Fields(candidate)
	if len(f) < 8 {
		return "?"
	}
	text := strings.ToLower(f[2]) + " " + f[4] + ":" + f[5] + " " + f[7]
	return text[:min(len(text), maxHost)]
}

// dress gives an answer our own head and candidates.
func (s *session) dress(answer string, candidates places) string {
	what := "Play"
	if s.publisher != nil {
		what = "Publish"
	}
	product := s.server.o.Product
	name, _, _ := strings.Cut(product, "/")
	name = strings.ToUpper(name[:min(1, len(name))]) + name[min(1, len(name)):]
	semantic := "a=msid-semantic: WMS " + s.request.App + "/" + s.request.Stream + "\r\n"
	var b strings.Builder
	for line := range strings.Lines(answer) {
		switch {
		case strings.HasPrefix(line, "o="):
			line = "o=" + or(product, "-") + " " + strconv.FormatInt(s.started.UnixNano(), 10) + " 2 IN IP4 0.0.0.0\r\n"
		case strings.HasPrefix(line, "s="):
			line = "s=" + name + what + "Session\r\n"
		case strings.HasPrefix(line, "a=msid-semantic:"):
			continue
		case strings.HasPrefix(line, "a=group:BUNDLE"):
			line += semantic
		}
		b.WriteString(line)
	}
	return withCandidates(b.String(), candidates)
}

// attribute returns the first a=NAME: of a description.
func attribute(description, name string) string {
	for line := range strings.Lines(description) {
		if value, ok := strings.CutPrefix(line, "a="+name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// checkCredentials checks the ufrag and the password of ICE that a client asks for.
func checkCredentials(ufrag, pwd string) error {
	if ufrag == "" && pwd == "" {
		return nil
	}
	if !iceChars(ufrag, 4, 32) {
		return refuse(http.StatusBadRequest, "ice-ufrag is to have 4 to 32 letters and digits, and ice-pwd is to be given too")
	}
	if !iceChars(pwd, 22, 32) {
		return refuse(http.StatusBadRequest, "ice-pwd is to have 22 to 32 letters and digits, and ice-ufrag is to be given too")
	}
	return nil
}

// iceChars reports whether text is of so many ice-chars. Spec: RFC 8839, 5.4.
func iceChars(text string, least, most int) bool {
	return len(text) >= least && len(text) <= most &&
		strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/") == ""
}

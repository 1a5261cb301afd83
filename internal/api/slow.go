package api

import (
	"fmt"
	"strings"
	"time"

	"weir/internal/stream"
)

// From when on a client is slow, and what is blamed for it.
const (
	slowDelay  = 3 * time.Second        // of the stream, that wait for it beside the pause between its batches
	slowSocket = 2 * time.Second        // of the stream, that wait in its socket
	slowLoss   = 30 * time.Second       // for which a loss of frames is told
	slowTrip   = 500 * time.Millisecond // of a round trip
	slowResent = 0.02                   // of what is sent
	fewResent  = 20                     // segments that say nothing yet
	slowSpeed  = 0.9                    // seconds of media in a second, of a publisher
)

// slowness says why a client is slow; empty if it is not. Link is nil where nothing is known of it.
func slowness(s *stream.SessionInfo, h *stream.Health, link *stream.Link, now time.Time) string {
	if s.Publish {
		return slowPublisher(h, link)
	}
	rate := h.VideoRate + h.AudioRate
	lossy := s.Lost > 0 && now.Sub(s.LostAt) < slowLoss
	delayed := s.Delay > slowDelay+s.Pause
	stuffed := link != nil && rate > 0 && link.Unsent > 0 && float64(link.Queued)*8/rate > slowSocket.Seconds()
	if !lossy && !delayed && !stuffed {
		return ""
	}
	why := linkWords(link, rate)
	switch {
	case len(why) > 0:
	case s.Pause >= slowDelay:
		why = append(why, fmt.Sprintf("its frames are sent in merged writes, each %s (mw_latency)", s.Pause))
	case delayed:
		why = append(why, fmt.Sprintf("%d frames wait for it, and none in its socket: it has paused, or the server is too busy", s.Waiting))
	default:
		why = append(why, fmt.Sprintf("it lost frames %s ago, and has caught up since", now.Sub(s.LostAt).Round(time.Second)))
	}
	return strings.Join(why, "; ")
}

// slowPublisher is slowness of who publishes.
func slowPublisher(h *stream.Health, link *stream.Link) string {
	if h.Speed == 0 || h.Speed >= slowSpeed {
		return ""
	}
	why := fmt.Sprintf("it sends %.2f seconds of media in a second: its machine or its network is too slow", h.Speed)
	if link != nil && link.RoundTrip >= slowTrip {
		why += "; " + tripWords(link)
	}
	return why
}

// linkWords says what is wrong with a connection whose client is slow.
func linkWords(link *stream.Link, rate float64) (why []string) {
	if link == nil {
		return nil
	}
	kilobytes := (link.Queued + 1023) / 1024
	switch {
	case link.Unsent == 0:
	case link.Window < link.Segment:
		why = append(why, fmt.Sprintf("the client does not read: it takes no more bytes, and %d KB wait in the socket", kilobytes))
	default:
		why = append(why, fmt.Sprintf("the network to the client takes less than the stream's bitrate of %d kbit/s: %d KB wait in the socket",
			kbits(rate), kilobytes))
	}
	if link.RoundTrip >= slowTrip {
		why = append(why, tripWords(link))
	}
	if resent := float64(link.Retransmits) / float64(max(link.Segments, 1)); link.Retransmits > fewResent && resent > slowResent {
		why = append(why, fmt.Sprintf("%.1f %% of what is sent gets lost on its way", 100*resent))
	}
	return why
}

func tripWords(link *stream.Link) string {
	return fmt.Sprintf("round trip of %d ms", link.RoundTrip.Milliseconds())
}

package api

import (
	"cmp"
	"time"

	"weir/internal/stream"
)

// streamDetail is a stream that was asked for by its id.
type streamDetail struct {
	streamItem
	Health streamHealth `json:"health"`
}

// streamHealth says how well a stream is.
type streamHealth struct {
	FrameRate decimal  `json:"frame_rate" doc:"pictures a second, over the last seconds"`
	Pictures  uint64   `json:"pictures" doc:"of the main track since its publisher came"`
	GOP       int      `json:"gop" doc:"pictures from one key frame to the next"` // pictures
	KeyMS     int64    `json:"key_interval_ms" doc:"between the newest two key frames"`
	KeyMeanMS int64    `json:"key_interval_avg_ms" doc:"between two key frames, over the last few"`
	VideoKbps int      `json:"video_kbps" doc:"of the media, in kilobits a second"`
	AudioKbps int      `json:"audio_kbps" doc:"of the media, in kilobits a second"`
	OffsetMS  *int64   `json:"av_offset_ms" doc:"the newest sound's time minus the newest picture's; null without one of them"`
	BFrames   bool     `json:"b_frames" doc:"pictures are shown in another order than they come"`
	Speed     decimal  `json:"speed" doc:"seconds of media that come in a second; 0 is not known yet"`
	SilentMS  int64    `json:"silent_ms" doc:"since the newest frame came"`
	Repairs   repairs  `json:"repairs" doc:"what was wrong with the publisher's times, and is mended"`
	Damage    *damage  `json:"damage" doc:"what was lost on the way from the publisher; null where nothing gets lost"`
	LastEnd   *lastEnd `json:"last_end" doc:"how the publication before ended; null if none has"`
}

// repairs is what was wrong with the publisher's times.
type repairs struct {
	Order uint64 `json:"order"`
	Jump  uint64 `json:"jump"`
	Skew  uint64 `json:"skew"`
	Words string `json:"words"`
}

// damage is what was lost on the way from the publisher.
type damage struct {
	Gaps    uint64   `json:"gaps" doc:"places at which packets are missing"`
	Lost    uint64   `json:"lost" doc:"packets that are, at the least"`
	Damaged uint64   `json:"damaged" doc:"pictures and sounds that are left out, as a part of them is missing"`
	Dropped uint64   `json:"dropped" doc:"whole ones that are left out, as they lean on one of these"`
	Others  []string `json:"not_carried" doc:"what came that no output can carry"`
	Problem string   `json:"problem" doc:"what keeps the stream from being read; empty without one"`
}

type lastEnd struct {
	Time   string  `json:"time"`
	Client string  `json:"client"`
	Cause  string  `json:"cause"`
	Lasted decimal `json:"lasted"`
}

func describeHealth(h *stream.Health) streamHealth {
	out := streamHealth{
		FrameRate: decimal(h.FrameRate), Pictures: h.Pictures, GOP: h.GOP,
		KeyMS: h.KeyInterval.Milliseconds(), KeyMeanMS: h.KeyAverage.Milliseconds(),
		VideoKbps: kbits(h.VideoRate), AudioKbps: kbits(h.AudioRate),
		BFrames: h.Reorders, Speed: decimal(h.Speed), SilentMS: h.Silent.Milliseconds(),
		Repairs: repairs{h.Repairs.Order, h.Repairs.Jump, h.Repairs.Skew, repairWords(h)},
	}
	if h.Both {
		ms := h.Offset.Milliseconds()
		out.OffsetMS = &ms
	}
	if d := h.Damage; d != nil {
		out.Damage = &damage{d.Gaps, d.Lost, d.Damaged, d.Dropped, append([]string{}, d.Others...), d.Problem}
	}
	if e := h.LastEnd; e != nil {
		out.LastEnd = &lastEnd{
			Time: stamp(e.At), Client: e.ID, Lasted: decimal(e.Lasted.Seconds()),
			Cause: stream.Veil(cmp.Or(words(e.Cause), "the encoder has ended it")),
		}
	}
	return out
}

func kbits(perSecond float64) int { return int(perSecond/1000 + 0.5) }

// clientDetail is a client that was asked for by its id.
type clientDetail struct {
	client
	Health clientHealth `json:"health"`
}

// clientHealth says how well a client is served. What the system tells of its connection is null where
// it does not.
type clientHealth struct {
	Lost        uint64   `json:"lost" doc:"frames"` // frames
	QueueMS     int64    `json:"queue_delay_ms" doc:"of the stream's time that wait for the client"`
	Queue       int      `json:"queue_frames" doc:"that wait for the client"`
	RTT         *decimal `json:"rtt_ms" doc:"round trip; null where the system does not tell, here and below"`
	RTTVariance *decimal `json:"rtt_var_ms" doc:"variance of the round trip"`
	Retransmits *uint64  `json:"retransmits" doc:"segments sent again"`
	Unacked     *int     `json:"unacked" doc:"segments sent and not acknowledged"` // segments
	Socket      *int     `json:"socket_bytes" doc:"that wait in the socket, sent or not"`
	Unsent      *int     `json:"unsent_bytes" doc:"of these, not sent yet"`
	Window      *int     `json:"window_bytes" doc:"that the client takes before it acknowledges any"`
	Slow        *string  `json:"slow" doc:"why the client is slow; null if it is not"`
	Tracks      []track  `json:"tracks,omitempty" doc:"how those of a WebRTC client fare on their way; absent for others"`
}

func (a *API) describeClientHealth(s *stream.SessionInfo) clientHealth {
	out := clientHealth{Lost: s.Lost, QueueMS: s.Delay.Milliseconds(), Queue: s.Waiting}
	var link *stream.Link
	if s.Request.Link != nil {
		if l, ok := s.Request.Link(); ok {
			link = &l
			rtt, variance := millis(l.RoundTrip), millis(l.Variance)
			out.RTT, out.RTTVariance = &rtt, &variance
			out.Retransmits, out.Unacked = &l.Retransmits, &l.Unacked
			out.Socket, out.Unsent, out.Window = &l.Queued, &l.Unsent, &l.Window
		}
	}
	if s.Request.Transit != nil {
		out.Tracks = describeTracks(s.Request.Transit())
	}
	info, _ := a.o.Registry.Stream(s.StreamID)
	if why := slowness(s, &info.Health, link, time.Now()); why != "" {
		out.Slow = &why
	}
	return out
}

func millis(d time.Duration) decimal { return decimal(float64(d) / float64(time.Millisecond)) }

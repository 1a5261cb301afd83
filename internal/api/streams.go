package api

import (
	"cmp"
	"net/http"
	"time"

	"weir/internal/stream"
)

type streamsAnswer struct {
	head
	Streams []streamItem `json:"streams"`
}

type streamAnswer struct {
	head
	Stream streamDetail `json:"stream"`
}

type streamItem struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Vhost   string `json:"vhost"` // its id
	App     string `json:"app"`
	TCURL   string `json:"tcUrl"`
	URL     string `json:"url"`
	LiveMS  int64  `json:"live_ms"` // now
	Clients int    `json:"clients"`
	Frames  uint64 `json:"frames"`
	usage
	Publish publish `json:"publish"`
	Video   *video  `json:"video"` // null without
	Audio   *audio  `json:"audio"`
}

type publish struct {
	Active bool   `json:"active"`
	Client string `json:"cid,omitempty"`
}

type video struct {
	Codec   string `json:"codec"`
	Profile string `json:"profile"`
	Level   string `json:"level"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
}

type audio struct {
	Codec      string `json:"codec"`
	SampleRate int    `json:"sample_rate"` // the nearest FLV knows; see flvRate
	Channels   int    `json:"channel"`
	Profile    string `json:"profile"`
}

// unknown is said where a track does not tell.
const unknown = "Other"

func (a *API) streams(c *call) any {
	one, known := a.o.Registry.Stream(c.id)
	switch {
	case c.id != "" && !known:
		return noStream
	case c.method != http.MethodGet:
		return status(http.StatusMethodNotAllowed)
	case c.id != "":
		return streamAnswer{a.head(), streamDetail{describeStream(one), describeHealth(&one.Health)}}
	}
	list := a.o.Registry.StreamPage(c.page())
	answer := streamsAnswer{a.head(), make([]streamItem, len(list))}
	for i, s := range list {
		answer.Streams[i] = describeStream(s)
	}
	return answer
}

func describeStream(s stream.Info) streamItem {
	out := streamItem{
		ID: s.ID, Name: s.Name, Vhost: s.VhostID, App: s.App, TCURL: stream.Veil(s.TCURL), URL: s.URL,
		LiveMS: time.Now().UnixMilli(), Clients: s.Clients, Frames: s.VideoFrames,
		usage: usageOf(s.Usage), Publish: publish{s.Publisher != "", s.Publisher},
	}
	if s.Publisher != "" && s.Layout != nil {
		out.Video, out.Audio = tracks(s)
	}
	return out
}

// tracks describes the first video and the first audio track.
func tracks(s stream.Info) (v *video, a *audio) {
	for _, t := range s.Layout.Tracks {
		codec, profile := t.Codec.String(), cmp.Or(t.Info.Profile, unknown)
		switch kind := t.Kind.String(); {
		case kind == "video" && v == nil:
			v = &video{codec, profile, cmp.Or(t.Info.Level, unknown), t.Info.Width, t.Info.Height}
		case kind == "audio" && a == nil:
			a = &audio{codec, flvRate(t.Info.SampleRate), cmp.Or(t.Info.Channels, 2), profile}
		}
	}
	return v, a
}

// flvRate returns how an FLV tag would tell a sample rate: it knows four, and encoders write
// the highest for all others.
func flvRate(hz int) int {
	switch hz {
	case 5512, 11025, 22050:
		return hz
	}
	return 44100
}

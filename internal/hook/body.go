package hook

import (
	"bytes"
	"encoding/json"
	"strconv"

	"weir/internal/stream"
)

// about is what a callback says beside the client.
type about struct {
	id             string // of the stream's entry in the API
	sent, received uint64
	segment        *Segment
	recording      *Recording
}

// object writes a JSON object in the order of its calls.
type object struct{ bytes.Buffer }

// text writes a member. What is no UTF-8 becomes U+FFFD.
func (o *object) text(name, value string) {
	o.name(name)
	enc := json.NewEncoder(&o.Buffer)
	enc.SetEscapeHTML(false) // parameters stay legible
	_ = enc.Encode(value)    // a text never fails
	o.Truncate(o.Len() - 1)  // the encoder's line end
}

func (o *object) count(name string, value uint64) {
	o.name(name)
	o.Write(strconv.AppendUint(o.AvailableBuffer(), value, 10))
}

// seconds writes a number that has a point even where it is whole.
func (o *object) seconds(name string, value float64) {
	o.name(name)
	text := strconv.AppendFloat(o.AvailableBuffer(), value, 'f', -1, 64)
	if bytes.IndexByte(text, '.') < 0 {
		text = append(text, ".0"...)
	}
	o.Write(text)
}

func (o *object) name(name string) {
	if o.Len() == 0 {
		o.WriteByte('{')
	} else {
		o.WriteByte(',')
	}
	o.WriteString(strconv.Quote(name))
	o.WriteByte(':')
}

// body writes what a callback sends: the members that SRS has, in its order.
func (h *Hooks) body(action string, r *stream.Request, a about) []byte {
	var o object
	o.text("server_id", h.o.Server)
	o.text("service_id", h.o.Service)
	o.text("action", action)
	o.text("client_id", r.ID)
	o.text("ip", addressOf(r))
	o.text("vhost", r.Vhost)
	o.text("app", r.App)
	name, tcURL := r.Name, r.TCURL
	if r.Kind == "flv-play" { // SRS calls HLS livestream.m3u8, and gives what is played over HTTP the names of RTMP
		name, tcURL = r.Stream, "rtmp://"+r.Vhost+"/"+r.App
	}
	switch action {
	case "on_connect":
		o.text("stream", name)
		o.text("param", r.Param)
		o.text("tcUrl", tcURL)
		o.text("pageUrl", r.PageURL)
	case "on_close":
		o.count("send_bytes", a.sent)
		o.count("recv_bytes", a.received)
	case "on_play":
		o.text("stream", name)
		o.text("tcUrl", tcURL)
		o.text("param", r.Param)
		o.text("pageUrl", r.PageURL)
	default:
		o.text("tcUrl", tcURL)
		o.text("stream", name)
		o.text("param", r.Param)
	}
	a.files(&o)
	if action != "on_connect" && action != "on_close" {
		o.text("stream_url", r.URL())
		o.text("stream_id", a.id)
	}
	o.WriteByte('}')
	return o.Bytes()
}

// addressOf is the client's address as SRS writes it.
func addressOf(r *stream.Request) string {
	if !r.Remote.IsValid() {
		return ""
	}
	return r.Remote.Unmap().String()
}

// files writes what is told of a file.
func (a *about) files(o *object) {
	if s := a.segment; s != nil {
		o.seconds("duration", s.Duration.Seconds())
		o.text("cwd", s.CWD)
		o.text("file", s.File)
		o.text("url", s.address())
		o.text("m3u8", s.M3U8)
		o.text("m3u8_url", s.M3U8URL)
		o.count("seq_no", s.Seq)
	}
	if f := a.recording; f != nil {
		o.text("cwd", f.CWD)
		o.text("file", f.File)
	}
}

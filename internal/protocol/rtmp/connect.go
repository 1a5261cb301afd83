package rtmp

import (
	"errors"

	"weir/internal/format/amf0"
)

var errConnect = errors.New("rtmp: connect without a tcUrl")

// connect is what a client says of itself.
type connect struct {
	tid            float64
	tcURL          string
	pageURL        string
	swfURL         string
	objectEncoding float64
	enhanced       bool // it has heard of enhanced RTMP
	movable        bool // it goes elsewhere when it is asked to
	args           amf0.Object
}

func parseConnect(c *command) (connect, error) {
	o, ok := c.object(0)
	if !ok {
		return connect{}, errConnect
	}
	k := connect{
		tid:   c.tid,
		tcURL: o.String("tcUrl"), pageURL: o.String("pageUrl"), swfURL: o.String("swfUrl"),
		objectEncoding: o.Number("objectEncoding"),
	}
	k.args, _ = c.object(1)
	for _, name := range []string{"fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx"} {
		if _, ok := o.Get(name); ok {
			k.enhanced = true
		}
	}
	k.movable = int(o.Number("capsEx"))&capsReconnect != 0
	if k.tcURL == "" {
		return k, errConnect
	}
	return k, nil
}

// Product is what the server says it is.
type Product struct {
	Signature string // "SRS/7.0.18(Hang)": the server that clients are to take it for
	Version   string // "7.0.18"
	Name      string // "weir/0.1.0": what it is
}

// What a server can do with a codec, and beyond. Spec: Enhanced RTMP v2, "Enhancing
// NetConnection connect Command".
const (
	canForward     = 4
	capsReconnect  = 1
	capsMultitrack = 2
	capsModEx      = 4
)

// fourCCs are the codecs that pass through as enhanced RTMP.
func fourCCs() []any {
	return []any{"av01", "hvc1", "avc1", "vp09", "vp08", "Opus", "mp4a", ".mp3", "fLaC", "ac-3", "ec-3"}
}

// connectResult answers connect. Id is the session's, ip the server's address.
func connectResult(k *connect, p Product, id, ip string, pid int) message {
	props := amf0.Object{
		{Name: "fmsVer", Value: "FMS/3,5,3,888"},
		{Name: "capabilities", Value: 127},
		{Name: "mode", Value: 1},
	}
	if k.enhanced {
		all := amf0.Object{{Name: "*", Value: canForward}}
		props = append(props,
			amf0.Property{Name: "fourCcList", Value: fourCCs()},
			amf0.Property{Name: "videoFourCcInfoMap", Value: all},
			amf0.Property{Name: "audioFourCcInfoMap", Value: all},
			amf0.Property{Name: "capsEx", Value: capsReconnect | capsMultitrack | capsModEx},
		)
	}
	info := amf0.Object{
		{Name: "level", Value: "status"},
		{Name: "code", Value: "NetConnection.Connect.Success"},
		{Name: "description", Value: "Connection succeeded"},
		{Name: "objectEncoding", Value: k.objectEncoding},
		{Name: "data", Value: amf0.ECMAArray{
			{Name: "version", Value: "3,5,3,888"},
			{Name: "srs_sig", Value: "SRS"},
			{Name: "srs_server", Value: p.Signature},
			{Name: "srs_license", Value: "MIT"},
			{Name: "srs_url", Value: ""},
			{Name: "srs_version", Value: p.Version},
			{Name: "srs_authors", Value: ""},
			{Name: "srs_server_ip", Value: ip},
			{Name: "srs_pid", Value: pid},
			{Name: "srs_id", Value: id},
			{Name: "weir", Value: p.Name},
		}},
	}
	return resultMessage(0, 1, props, info)
}

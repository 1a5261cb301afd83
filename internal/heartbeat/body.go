package heartbeat

import (
	"net"
	"slices"
	"strconv"

	"weir/internal/config"
)

// body is what is posted, its keys in this order.
type body struct {
	DeviceID  string     `json:"device_id"`
	IP        string     `json:"ip"`
	Server    string     `json:"server"`
	Service   string     `json:"service"`
	Pid       string     `json:"pid"`
	Summaries *summaries `json:"summaries,omitempty"`
	RTMP      []string   `json:"rtmp,omitempty"`
	HTTP      []string   `json:"http,omitempty"`
	API       []string   `json:"api,omitempty"`
	SRT       []string   `json:"srt,omitempty"`
	RTC       []string   `json:"rtc,omitempty"`
}

type summaries struct {
	Data any `json:"data"`
}

func (h *Heart) body(c *config.Config) body {
	b := body{
		DeviceID: c.Heartbeat.DeviceID, IP: h.o.DeviceIP,
		Server: h.o.Server, Service: h.o.Service, Pid: strconv.Itoa(h.o.Pid),
	}
	if b.IP == "" {
		b.IP = address(c.Stats.Network)
	}
	if c.Heartbeat.Summaries && h.o.Summaries != nil {
		b.Summaries = &summaries{h.o.Summaries()}
	}
	if c.Heartbeat.Ports {
		h.ports(&b, c)
	}
	return b
}

// ports names where the server listens. What it does not serve is not there.
func (h *Heart) ports(b *body, c *config.Config) {
	b.RTMP = c.Listen
	if c.HTTPServer.Enabled {
		b.HTTP = c.HTTPServer.Listen
	}
	if c.HTTPAPI.Enabled {
		b.API = c.HTTPAPI.Listen
	}
	if h.o.SRT && c.SRTServer.Enabled {
		b.SRT = with("udp", c.SRTServer.Listen)
	}
	if h.o.RTC && c.RTCServer.Enabled {
		b.RTC = with("udp", c.RTCServer.Listen)
		if c.RTCServer.TCP.Enabled {
			b.RTC = append(b.RTC, with("tcp", c.RTCServer.TCP.Listen)...)
		}
	}
}

// with writes endpoints as addresses of a network: 10080 is udp://0.0.0.0:10080.
func with(network string, endpoints []string) []string {
	var list []string
	for _, e := range endpoints {
		if _, _, err := net.SplitHostPort(e); err != nil {
			e = "0.0.0.0:" + e
		}
		list = append(list, network+"://"+e)
	}
	return list
}

// address returns the address of the machine's interface n, counted from 0 among those that are up and
// have one, loopback ones last; of the first one where there are not so many.
func address(n int) string {
	faces, _ := net.Interfaces() // where they cannot be listed there are none
	slices.SortStableFunc(faces, func(a, b net.Interface) int {
		return int(a.Flags&net.FlagLoopback) - int(b.Flags&net.FlagLoopback)
	})
	var all []string
	for _, face := range faces {
		if face.Flags&net.FlagUp == 0 {
			continue
		}
		if ip := of(face); ip != "" {
			all = append(all, ip)
		}
	}
	switch {
	case len(all) == 0:
		return ""
	case n >= len(all):
		n = 0
	}
	return all[n]
}

// of returns an interface's first address, of IPv4 if it has one.
func of(face net.Interface) (first string) {
	addrs, _ := face.Addrs() // where they cannot be listed there are none
	for _, a := range addrs {
		network, ok := a.(*net.IPNet)
		switch {
		case !ok:
		case network.IP.To4() != nil:
			return network.IP.String()
		case first == "":
			first = network.IP.String()
		}
	}
	return first
}

package api

import (
	"cmp"
	"net/http"
	"runtime/debug"
	"time"
)

type authorsAnswer struct {
	head
	Data authors `json:"data"`
}

type authors struct {
	License      string `json:"license"`
	Contributors string `json:"contributors"`
}

func (a *API) authors(*call) any {
	return authorsAnswer{a.head(), authors{License: "MIT", Contributors: "the authors of weir " + a.o.WeirVersion}}
}

type featuresAnswer struct {
	head
	Data features `json:"data"`
}

// features are how the server was built, and what it can do.
type features struct {
	Options  string    `json:"options"`
	Options2 string    `json:"options2"`
	Build    string    `json:"build"`
	Build2   string    `json:"build2"`
	Features abilities `json:"features"`
}

type abilities struct {
	SSL       bool `json:"ssl"`
	HLS       bool `json:"hls"`
	HDS       bool `json:"hds"`
	Callback  bool `json:"callback"`
	API       bool `json:"api"`
	HTTPD     bool `json:"httpd"`
	DVR       bool `json:"dvr"`
	Transcode bool `json:"transcode"`
	Ingest    bool `json:"ingest"`
	Stat      bool `json:"stat"`
	Caster    bool `json:"caster"`
	Complex   bool `json:"complex_send"`
	NoDelay   bool `json:"tcp_nodelay"`
	SendBuf   bool `json:"so_sendbuf"`
	MR        bool `json:"mr"`
}

func (a *API) features(*call) any {
	var f features
	if info, ok := debug.ReadBuildInfo(); ok {
		f.Options = "weir " + a.o.WeirVersion + ", " + info.GoVersion
		for _, s := range info.Settings {
			switch s.Key {
			case "CGO_ENABLED", "GOARCH", "GOOS", "-tags", "-trimpath":
				f.Options2 += cmp.Or(s.Key, "") + "=" + s.Value + " "
			case "vcs.time":
				if at, err := time.Parse(time.RFC3339, s.Value); err == nil {
					f.Build = at.Format(time.DateTime)
				}
			case "vcs.revision":
				f.Build2 = s.Value
			}
		}
	}
	can := &f.Features
	can.SSL, can.HLS, can.Callback, can.API, can.HTTPD, can.Stat = true, true, true, true, true, true
	can.Caster, can.Complex, can.NoDelay, can.MR = true, true, true, true
	return featuresAnswer{a.head(), f}
}

type requestAnswer struct {
	head
	Data requestSeen `json:"data"`
}

// requestSeen is a request as the server sees it. The name of the first header is SRS's.
type requestSeen struct {
	URI     string         `json:"uri"`
	Path    string         `json:"path"`
	Method  string         `json:"METHOD"`
	Headers requestHeaders `json:"headers"`
}

type requestHeaders struct {
	Signature string `json:"sigature"`
	Version   string `json:"version"`
	Link      string `json:"link"`
	Time      int64  `json:"time"`
}

func (a *API) testRequests(c *call) any {
	var seen requestSeen
	seen.URI, seen.Path, seen.Method = c.path, c.path, c.method
	if c.rawQuery != "" {
		seen.URI += "?" + c.rawQuery
	}
	seen.Headers.Signature, seen.Headers.Version = a.o.ServerHeader, a.o.Version.String()
	seen.Headers.Link, seen.Headers.Time = "weir "+a.o.WeirVersion, time.Now().UnixMilli()
	return requestAnswer{a.head(), seen}
}

func (a *API) testErrors(*call) any { return failure(100) }

func (a *API) testRedirects(*call) any {
	return flow(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/api/v1/tests/errors")
		writeStatus(w, http.StatusMovedPermanently)
	})
}

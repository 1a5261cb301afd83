package api

import (
	"strings"
	"sync"
)

const (
	unknownRPC = failure(1060)
	deniedRPC  = failure(1061)
	notApplied = 1023 // what SRS says of a configuration that it does not take
)

// Raw is what the commands of the raw API may do, and what it tells of itself.
type Raw struct {
	Enabled     bool // http_api is on
	Listen      []string
	CrossDomain bool
	Commands    bool // raw_api is on
	Reload      bool // so is allow_reload
}

type rawAnswer struct {
	Code int     `json:"code"`
	API  rawInfo `json:"http_api"`
}

type rawInfo struct {
	Enabled     bool   `json:"enabled"`
	Listen      string `json:"listen"`
	CrossDomain bool   `json:"crossdomain"`
	Raw         rawMay `json:"raw_api"`
}

type rawMay struct {
	Enabled bool `json:"enabled"`
	Reload  bool `json:"allow_reload"`
	Query   bool `json:"allow_query"`
	Update  bool `json:"allow_update"`
}

// reloadAnswer tells what has become of a new configuration.
type reloadAnswer struct {
	Code    int      `json:"code"`
	Applied []string `json:"applied" doc:"directives that have changed and are in force now"`
	Restart []string `json:"restart" doc:"directives that need a restart"`
	Reason  string   `json:"reason,omitempty" doc:"why it was not applied"`
}

type fetchAnswer struct {
	Code int       `json:"code"`
	Data reloadNow `json:"data"`
}

// reloadNow is the newest reload by this API.
type reloadNow struct {
	Err   int    `json:"err"`
	Msg   string `json:"msg"`
	State int    `json:"state"` // 0 before the first, 90 afterwards
	RID   string `json:"rid"`
}

// reloads remembers the newest.
type reloads struct {
	mu   sync.Mutex
	last reloadNow
}

func (a *API) raw(c *call) any {
	var raw Raw
	if a.o.Raw != nil {
		raw = a.o.Raw()
	}
	if c.query["rpc"] == "raw" {
		answer := rawAnswer{API: rawInfo{Enabled: raw.Enabled, Listen: strings.Join(raw.Listen, " "), CrossDomain: raw.CrossDomain}}
		answer.API.Raw.Enabled, answer.API.Raw.Reload = raw.Commands, raw.Reload
		return answer
	}
	if !raw.Commands {
		return deniedRPC
	}
	switch c.query["rpc"] {
	case "reload":
		if !raw.Reload || a.o.Reload == nil {
			return deniedRPC
		}
		return a.reload()
	case "reload-fetch":
		a.reloads.mu.Lock()
		defer a.reloads.mu.Unlock()
		return fetchAnswer{Data: a.reloads.last}
	case "query", "update":
		return deniedRPC
	}
	return unknownRPC
}

// reload applies the configuration anew, and answers when that is done.
func (a *API) reload() any {
	applied, restart, err := a.o.Reload()
	now := reloadNow{Msg: "Success", State: 90, RID: a.o.Service}
	answer := reloadAnswer{Applied: append([]string{}, applied...), Restart: append([]string{}, restart...)}
	if err != nil {
		answer.Code, answer.Reason = notApplied, err.Error()
		now.Err, now.Msg = notApplied, err.Error()
	}
	a.reloads.mu.Lock()
	defer a.reloads.mu.Unlock()
	a.reloads.last = now
	return answer
}

package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"
)

// audience asks the server's HTTP API who is there.
type audience struct {
	api string // http://HOST:PORT
}

const (
	askTime   = 5 * time.Second
	maxAnswer = 1 << 20 // bytes
)

// waits reports whether anybody is with the stream of that id, whose publisher has ended. If the
// server cannot say, nobody is.
func (a audience) waits(ctx context.Context, id string) bool {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.api+"/api/v1/streams/"+url.PathEscape(id), nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	var said struct {
		Code   int `json:"code"`
		Stream struct {
			Clients int `json:"clients"`
		} `json:"stream"`
	}
	err = json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(&said)
	return err == nil && said.Code == 0 && said.Stream.Clients > 0
}

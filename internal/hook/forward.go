package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"weir/internal/stream"
)

// maxTargets is how many addresses a backend may name for one stream.
const maxTargets = 64

// onForward is the action of asking a backend.
const onForward = "on_forward"

// Forward asks a web service where the stream that r publishes, or wants to, is to be sent on to. A no is a *stream.Denied; any
// other error says, without the address, why there is no answer. It is asked whether or not callbacks are on, and has their
// timeout and signature.
func (h *Hooks) Forward(ctx context.Context, url string, r *stream.Request) ([]string, error) {
	var urls []string
	c := call{action: onForward, client: r.ID, url: url, body: h.forwardBody(r), id: newEventID()}
	c.read = func(body []byte) (err error) {
		urls, err = parseTargets(body)
		return err
	}
	if v := h.o.Vhost(r.Vhost); v != nil {
		c.secret, c.timeout = v.HTTPHooks.Secret, v.HTTPHooks.Timeout
	}
	err := h.post(ctx, h.asking, &c)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	outage := err
	if answered(err) {
		outage = nil
	}
	h.trouble.note(receiverOf(url), onForward, r.ID, outage)
	if outage != nil {
		return nil, errors.New(said(err))
	}
	return urls, err
}

// forwardBody writes what a backend is sent: the members that SRS has, in its order.
func (h *Hooks) forwardBody(r *stream.Request) []byte {
	var o object
	o.text("action", onForward)
	o.text("server_id", h.o.Server)
	o.text("service_id", h.o.Service)
	o.text("client_id", r.ID)
	o.text("ip", addressOf(r))
	o.text("vhost", r.Vhost)
	o.text("app", r.App)
	o.text("tcUrl", r.TCURL)
	o.text("stream", r.Name)
	o.text("param", r.Param)
	o.WriteByte('}')
	return o.Bytes()
}

// parseTargets reads a backend's answer: {"code":0,"data":{"urls":["rtmp://..."]}}. Another code is a *stream.Denied.
func parseTargets(body []byte) ([]string, error) {
	if err := parseAnswer(body); err != nil {
		if errors.As(err, new(*refusal)) {
			return nil, &stream.Denied{Gate: onForward, Reason: err.Error()}
		}
		return nil, err
	}
	var fields struct {
		Data struct {
			URLs *[]string `json:"urls"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &fields) != nil || fields.Data.URLs == nil {
		return nil, errors.New(`the receiver's answer has no list of addresses in "data":{"urls":[]}: an empty one is nowhere`)
	}
	urls := *fields.Data.URLs
	if len(urls) > maxTargets {
		return nil, fmt.Errorf("the receiver names %d addresses, and %d is the most", len(urls), maxTargets)
	}
	return urls, nil
}

package rtmp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"weir/internal/format/amf0"
)

// The transactions of a client, numbered in the order they are sent.
const (
	connectID = iota + 1
	releaseID
	fcPublishID
	createID
	startID // publish or play
)

// serverVersion is what servers say they are to each other, as they would be a player.
const serverVersion = "WIN 15,0,0,239"

const (
	playLive     = -2000.0 // play's start: the live stream, or else a recorded one
	playerBuffer = 1000    // ms that a player says it buffers
)

// Publish connects to the app and begins to publish the stream. It returns when the server has
// said that it may. A server that sends it elsewhere is followed, once. The end of ctx closes
// the client.
func (c *Client) Publish(ctx context.Context) error {
	return c.start(ctx, c.publish)
}

// Play connects to the app and begins to play the stream. It returns when the server has said
// so, or with the first media; otherwise as Publish does.
func (c *Client) Play(ctx context.Context) error {
	return c.start(ctx, c.play)
}

// Unpublish says that the publication ends because its encoder wants it. Use it after Publish, instead of what would be
// written next.
func (c *Client) Unpublish() error {
	c.put(commandMessage(commandChunk, 0, "FCUnpublish", 0, nil, c.to.name))
	c.put(commandMessage(statusChunk, c.stream, "deleteStream", 0, nil, c.stream))
	return c.flush()
}

func (c *Client) start(ctx context.Context, request func() error) error {
	return c.during(ctx, func() error {
		err := request()
		var refused *StatusError
		if errors.As(err, &refused) && refused.redirect.address != "" {
			c.follow(refused.redirect)
			if err = c.dial(ctx); err == nil {
				err = request()
			}
		}
		if err != nil {
			return err
		}
		_ = c.conn.SetDeadline(time.Time{})
		return nil
	})
}

// follow has the client go elsewhere. A virtual host that it names in place of the server stays.
func (c *Client) follow(to destination) {
	if named := hostOf(c.options.TCURL); named != "" {
		c.options.TCURL = ""
		if named != hostOf(c.to.tcURL) {
			c.options.TCURL = strings.Replace(to.tcURL, hostOf(to.tcURL), named, 1)
		}
	}
	c.to = to
}

// hostOf is the host of an address, without its port.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.Host, ":"+u.Port())
}

func (c *Client) publish() error {
	if c.options.Server {
		return c.announce()
	}
	if err := c.connect("FMLE/3.0 (compatible; weir)"); err != nil {
		return err
	}
	c.put(commandMessage(commandChunk, 0, "releaseStream", releaseID, nil, c.to.name))
	c.put(commandMessage(commandChunk, 0, "FCPublish", fcPublishID, nil, c.to.name))
	if err := c.createStream(); err != nil {
		return err
	}
	c.put(commandMessage(statusChunk, c.stream, "publish", startID, nil, c.to.name, "live"))
	return c.request("publish", startID, func(_ *message, a *command) bool {
		return a.says("NetStream.Publish.Start")
	})
}

// announce is publish between servers.
func (c *Client) announce() error {
	if err := c.connect(serverVersion); err != nil {
		return err
	}
	if err := c.createStream(); err != nil {
		return err
	}
	c.put(commandMessage(statusChunk, c.stream, "publish", 0, nil, c.to.name, "live"))
	return c.request("publish", 0, func(_ *message, a *command) bool {
		return a.says("NetStream.Publish.Start")
	})
}

func (c *Client) play() error {
	if err := c.connect(c.version("LNX 9,0,124,2")); err != nil {
		return err
	}
	if err := c.createStream(); err != nil {
		return err
	}
	c.put(commandMessage(statusChunk, c.stream, "play", startID, nil, c.to.name, playLive))
	c.put(eventMessage(eventSetBufferLength, c.stream, playerBuffer))
	return c.request("play", startID, func(m *message, a *command) bool {
		switch m.kind {
		case audio, video, aggregate, amf0Data, amf3Data:
			c.held = m
			return true
		}
		return a.says("NetStream.Play.Start")
	})
}

// version is what a client says it is, unless it is a server.
func (c *Client) version(other string) string {
	if c.options.Server {
		return serverVersion
	}
	return other
}

// connect asks for the app, and says how we send.
func (c *Client) connect(version string) error {
	tcURL := c.options.TCURL
	if tcURL == "" {
		tcURL = c.to.tcURL
	}
	object := amf0.Object{
		{Name: "app", Value: c.to.app},
		{Name: "flashVer", Value: version},
		{Name: "swfUrl", Value: ""},
		{Name: "tcUrl", Value: tcURL},
		{Name: "fpad", Value: false},
		{Name: "capabilities", Value: 239.0},
		{Name: "audioCodecs", Value: 3575.0},
		{Name: "videoCodecs", Value: 252.0},
		{Name: "videoFunction", Value: 1.0},
		{Name: "pageUrl", Value: ""},
		{Name: "objectEncoding", Value: 0.0},
	}
	for _, p := range c.options.Properties {
		same := func(ours amf0.Property) bool { return ours.Name == p.Name }
		object = append(slices.DeleteFunc(object, same), p)
	}
	values := []any{"connect", connectID, object}
	if c.options.Args != nil {
		values = append(values, c.options.Args)
	}
	c.put(commandMessage(commandChunk, 0, values...))
	c.put(controlMessage(windowAckSize, clientWindow))
	c.put(controlMessage(setChunkSize, uint32(c.options.ChunkSize)))
	c.size = c.options.ChunkSize
	return c.request("connect", connectID, func(_ *message, a *command) bool {
		return a.name == "_result" && a.tid == connectID
	})
}

// createStream asks for a message stream. Its number is the answer.
func (c *Client) createStream() error {
	id := float64(createID)
	if c.options.Server {
		id = connectID + 1
	}
	c.put(commandMessage(commandChunk, 0, "createStream", id, nil))
	return c.request("createStream", id, func(_ *message, a *command) bool {
		if a.name != "_result" || a.tid != id {
			return false
		}
		c.stream = uint32(a.number(1))
		return true
	})
}

// put adds a message of our own to the next write.
func (c *Client) put(m message) { c.out = appendMessage(c.out, &m, c.size) }

// request sends what was put and reads on until done says that this was the answer to it, or
// the server refuses. All of it takes no longer than the reply timeout.
func (c *Client) request(what string, id float64, done func(*message, *command) bool) error {
	_ = c.conn.SetDeadline(time.Now().Add(c.options.ReplyTimeout))
	err := c.flush()
	for err == nil {
		var m message
		if m, err = c.next(); err != nil {
			break
		}
		a := answer(&m)
		if a.name == "_error" && a.tid == id {
			info, _ := a.object(1)
			err = c.status(info)
		} else if done(&m, &a) {
			return nil
		}
	}
	return fmt.Errorf("%w, waiting for the answer to %s", err, what)
}

// answer reads a command of the server. One that cannot be understood, and any other message,
// has no name.
func answer(m *message) command {
	if m.kind != amf0Command && m.kind != amf3Command {
		return command{}
	}
	a, _ := parseCommand(m)
	return a
}

// says reports whether c is an onStatus of that code.
func (c *command) says(code string) bool {
	info, _ := c.object(1)
	return c.name == "onStatus" && info.String("code") == code
}

// refusal returns a *StatusError if m is an onStatus of level error.
func (c *Client) refusal(m *message) error {
	a := answer(m)
	info, _ := a.object(1)
	if a.name != "onStatus" || info.String("level") != "error" {
		return nil
	}
	return c.status(info)
}

// status makes an error of what the server says.
func (c *Client) status(info amf0.Object) *StatusError {
	e := &StatusError{Code: info.String("code"), Description: info.String("description")}
	ex, _ := info.Get("ex")
	moved, _ := (&command{args: []any{ex}}).object(0)
	if moved.Number("code") != 302 {
		return e
	}
	whole := moved.String("redirect2")
	if whole == "" {
		whole = moved.String("redirect") + "/" + c.to.name
	}
	if to, err := parseDestination(whole); err == nil {
		e.redirect = to
	}
	return e
}

package studio

import (
	"context"
	"strings"

	"weir/internal/stream"
)

// Gate counts who asks to play. It refuses who has the token bad, and sends who has the token moved elsewhere.
type Gate struct{ Plays int }

// Check implements stream.Gate.
func (g *Gate) Check(_ context.Context, q stream.Ask) error {
	if q.Act != stream.Play {
		return nil
	}
	g.Plays++
	switch {
	case strings.Contains(q.Request.Param, "token=bad"):
		return &stream.Denied{Gate: "on_play", Reason: "your token is bad"}
	case strings.Contains(q.Request.Param, "token=moved"):
		return &stream.Moved{URL: "http://elsewhere/live/" + q.Request.Name}
	}
	return nil
}

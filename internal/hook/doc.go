// Package hook tells a business system, over HTTP, of clients and streams, and asks it who may come in:
// the callbacks of SRS.
//
// What a client waits for (on_connect, on_publish, on_play) is asked at once, and the answer decides.
// All else informs: it goes into a queue of its stream, and is sent again until somebody has answered
// or it is too old. So no receiver, dead or slow, holds up a stream, nor the events of another.
package hook

package cluster

import (
	"errors"
	"strconv"
	"strings"
)

const (
	maxKey   = 1024                  // bytes of vhost/app/stream
	maxOwner = maxID + 1 + 20        // bytes of an owner
	maxEvent = 2 + maxOwner + maxKey // bytes of an event
)

var (
	errOwner = errors.New("cluster: a claim in Redis is not an ID and an epoch")
	errEvent = errors.New("cluster: what came over the channel is no event")
)

// owner is what a key has in Redis: who has claimed it, and when it did, so that a claim and the next one of the same node
// are not taken for each other.
//
//	| id | ' ' | epoch, microseconds since 1970 in decimal |
type owner struct {
	id    string
	epoch uint64
}

func (o owner) String() string { return o.id + " " + strconv.FormatUint(o.epoch, 10) }

func parseOwner(text string) (owner, error) {
	id, epoch, ok := strings.Cut(text, " ")
	n, err := strconv.ParseUint(epoch, 10, 64)
	if !ok || err != nil || len(text) > maxOwner || checkID(id) != nil {
		return owner{}, errOwner
	}
	return owner{id, n}, nil
}

// The events.
const (
	claimed  = 'c'
	released = 'r'
	lost     = 'l'
)

// event tells all nodes that what they know of a key is old.
//
//	| kind u8 | ' ' | owner | ' ' | key |
type event struct {
	kind byte
	by   owner
	key  string
}

func (e event) String() string { return string(e.kind) + " " + e.by.String() + " " + e.key }

func parseEvent(text string) (event, error) {
	if len(text) < 2 || len(text) > maxEvent || text[1] != ' ' || !strings.ContainsRune("crl", rune(text[0])) {
		return event{}, errEvent
	}
	id, rest, _ := strings.Cut(text[2:], " ")
	epoch, key, ok := strings.Cut(rest, " ")
	by, err := parseOwner(id + " " + epoch)
	if err != nil || !ok || checkKey(key) != nil {
		return event{}, errEvent
	}
	return event{text[0], by, key}, nil
}

// errKey is of a key that is not claimed, and that nobody can have claimed.
var errKey = errors.New("cluster: the name of a stream, vhost/app/stream, is empty or has more than 1024 bytes")

func checkKey(key string) error {
	if key == "" || len(key) > maxKey {
		return errKey
	}
	return nil
}

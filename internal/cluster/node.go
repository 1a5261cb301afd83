package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	maxRecord = 1024 // bytes of what a node tells of itself
	maxID     = 64   // of its id
	maxHost   = 253  // of its name, as in DNS
)

// maxLease is the longest lease that a node is believed to have, which is the longest that can be set.
const maxLease = time.Minute

// Node is a server of the cluster, as it tells of itself.
type Node struct {
	ID       string  `json:"id"`   // of one run of a server: who starts anew is another
	Host     string  `json:"host"` // a name or an address at which the others reach it
	RTMP     int     `json:"rtmp"` // ports, 0 for none
	HTTP     int     `json:"http"`
	API      int     `json:"api"`
	Load     float64 `json:"load"` // from 0 to 1
	Clients  int     `json:"clients"`
	Streams  int     `json:"streams"`
	Claims   int     `json:"claims"`   // of the streams, those that it has by the registry; a Directory fills it in, and the next
	Lease    int64   `json:"lease"`    // ms for which what it tells holds
	Draining bool    `json:"draining"` // it takes nobody new
}

// Addr returns host:port of a port of the node's, and "" if it has no such port.
func (n Node) Addr(port int) string {
	if n.Host == "" || port == 0 {
		return ""
	}
	return net.JoinHostPort(n.Host, strconv.Itoa(port))
}

// shares reports whether another node is reached where this one is.
func (n Node) shares(other Node) bool {
	at := n.Addr(n.RTMP)
	return at != "" && at == other.Addr(other.RTMP)
}

// ParseNode reads a record of a node. What it does not know is passed over, for newer nodes; what cannot be true is an error,
// but for the load, which is brought between 0 and 1.
func ParseNode(record []byte) (Node, error) {
	if len(record) > maxRecord {
		return Node{}, fmt.Errorf("cluster: a node's record has %d bytes, more than %d", len(record), maxRecord)
	}
	var n Node
	if err := json.Unmarshal(record, &n); err != nil {
		return Node{}, fmt.Errorf("cluster: a node's record: %w", err)
	}
	return n, n.check()
}

// record is what ParseNode reads.
func (n Node) record() ([]byte, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(n)
	if err == nil && len(text) > maxRecord {
		err = fmt.Errorf("cluster: this node's record has %d bytes, more than %d", len(text), maxRecord)
	}
	return text, err
}

func (n *Node) check() error {
	if err := checkID(n.ID); err != nil {
		return err
	}
	if len(n.Host) > maxHost || strings.ContainsFunc(n.Host, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`/\?#@"<>[]`, r) }) {
		return fmt.Errorf("cluster: the host of node %s is no name and no address", n.ID)
	}
	for _, port := range []int{n.RTMP, n.HTTP, n.API} {
		if port < 0 || port > math.MaxUint16 {
			return fmt.Errorf("cluster: node %s has a port %d", n.ID, port)
		}
	}
	n.Load = min(max(n.Load, 0), 1)
	if math.IsNaN(n.Load) {
		n.Load = 1
	}
	n.Clients, n.Streams, n.Claims = max(n.Clients, 0), max(n.Streams, 0), max(n.Claims, 0)
	n.Lease = min(max(n.Lease, 0), maxLease.Milliseconds())
	return nil
}

// errID is of an id that would not go through all that it goes through.
var errID = errors.New("cluster: the id of a node has letters, digits and -_. only, 64 at most")

func checkID(id string) error {
	bad := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("-_.", r)
	}
	if id == "" || len(id) > maxID || strings.ContainsFunc(id, bad) {
		return errID
	}
	return nil
}

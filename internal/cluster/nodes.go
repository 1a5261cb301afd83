package cluster

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// maxNodes is how many servers a cluster may have. Those that would be more are not seen.
const maxNodes = 1024

// table is the nodes of the cluster, as they were told of at the last beat. It is not changed, but replaced.
type table struct {
	byID map[string]Heard
}

// Heard is what a node has told of itself, and until when that holds, by this machine's clock. When Until is over, Redis has not
// been heard since.
type Heard struct {
	Node
	Until time.Time
}

// Told is when the node has told it; zero if it does not say for how long it holds.
func (h *Heard) Told() time.Time {
	if h.Lease == 0 {
		return time.Time{}
	}
	return h.Until.Add(-time.Duration(h.Lease) * time.Millisecond)
}

// beat tells of this node, and learns of all.
func (d *Directory) beat(ctx context.Context, self Node) error {
	self = d.known(self)
	record, err := self.record()
	if err != nil {
		return err
	}
	d.self.Store(&self)
	return d.tell(ctx, string(record))
}

// known adds to what this node tells of itself what its directory knows.
func (d *Directory) known(self Node) Node {
	self.ID, self.Claims, self.Lease = d.id, d.Claims(), d.o.Lease.Milliseconds()
	return self
}

// bye takes this node from the list.
func (d *Directory) bye(ctx context.Context) error { return d.tell(ctx, "") }

func (d *Directory) tell(ctx context.Context, record string) error {
	asking, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	answer, err := d.scripts.beat.run(asking, d.redis, d.scripts.beat.args(2, untilKey, toldKey, d.id, record, d.o.Lease.Milliseconds(), maxNodes))
	if err != nil {
		return err
	}
	d.table.Store(newTable(answer, time.Now()))
	return nil
}

// newTable reads what the script of a beat answers: a record of each node, and for how many ms more it holds.
func newTable(answer any, now time.Time) *table {
	var records, left []any
	if both, _ := answer.([]any); len(both) == 2 {
		records, _ = both[0].([]any)
		left, _ = both[1].([]any)
	}
	count := min(len(records), len(left), maxNodes)
	t := &table{byID: make(map[string]Heard, count)}
	for i, r := range records[:count] {
		text, _ := r.(string) // a record that is missing, or makes no sense, is of no node
		ms, _ := left[i].(int64)
		if n, err := ParseNode([]byte(text)); err == nil {
			t.byID[n.ID] = Heard{n, now.Add(time.Duration(min(max(ms, 0), maxLease.Milliseconds())) * time.Millisecond)}
		}
	}
	return t
}

// node returns a node of the cluster. One that is not in the table, as it has come just now, is asked for. The error is
// redis.Nil if there is none.
func (d *Directory) node(ctx context.Context, id string) (Node, error) {
	if n, ok := d.table.Load().byID[id]; ok {
		return n.Node, nil
	}
	asking, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	text, err := d.redis.HGet(asking, toldKey, id).Result()
	if err != nil {
		return Node{}, err
	}
	n, err := ParseNode([]byte(text))
	if err != nil || n.ID != id {
		return Node{}, redis.Nil
	}
	for {
		old := d.table.Load()
		if len(old.byID) >= maxNodes {
			return n, nil
		}
		more := &table{byID: maps.Clone(old.byID)}
		if more.byID == nil {
			more.byID = map[string]Heard{}
		}
		more.byID[id] = Heard{n, time.Now().Add(time.Duration(n.Lease) * time.Millisecond)} // at most: the next beat says
		if d.table.CompareAndSwap(old, more) {
			return n, nil
		}
	}
}

// nodeOf is node, for whom an ID is better than nothing.
func (d *Directory) nodeOf(ctx context.Context, id string) Node {
	n, err := d.node(ctx, id)
	if err != nil {
		if !errors.Is(err, redis.Nil) {
			d.fail(err)
		}
		return Node{ID: id}
	}
	return n
}

// Nodes lists the servers of the cluster that live, by their IDs; this one too, when it has told of itself. They are as they
// were about a second ago, or before Redis went away.
func (d *Directory) Nodes() []Heard {
	return slices.SortedFunc(maps.Values(d.table.Load().byID), func(a, b Heard) int { return cmp.Compare(a.ID, b.ID) })
}

// Self is this node as it told of itself last, or would have if Redis were there.
func (d *Directory) Self() Node {
	self := *d.self.Load()
	self.Claims = d.Claims()
	return self
}

// Node returns a server of the cluster, as Nodes has it.
func (d *Directory) Node(id string) (Node, bool) {
	h, ok := d.table.Load().byID[id]
	return h.Node, ok
}

// nearLoad is by how much the loads of nodes may differ that have as little to do as each other.
const nearLoad = 0.05

// Least returns a node that has little to do of those that take publishers: that have a port of RTMP and are not draining. It is
// the one with the least load; of several that are near to that, the one with fewer streams of two chosen by chance, as what nodes
// tell is a second old, and all who ask meanwhile would come to the same one. It is false if there is none.
func (d *Directory) Least() (Node, bool) {
	var near []Node
	least := math.Inf(1)
	for _, h := range d.table.Load().byID {
		if n := h.Node; !n.Draining && n.RTMP != 0 {
			near = append(near, n)
			least = min(least, n.Load)
		}
	}
	near = slices.DeleteFunc(near, func(n Node) bool { return n.Load > least+nearLoad })
	if len(near) == 0 {
		return Node{}, false
	}
	rand.Shuffle(len(near), func(i, j int) { near[i], near[j] = near[j], near[i] })
	return slices.MinFunc(near[:min(len(near), 2)], func(a, b Node) int { return cmp.Compare(a.Streams, b.Streams) }), true
}

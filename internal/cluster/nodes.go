package cluster

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/redis/go-redis/v9"
)

// maxNodes is how many servers a cluster may have. Those that would be more are not seen.
const maxNodes = 1024

// table is the nodes of the cluster, as they were told of at the last beat. It is not changed, but replaced.
type table struct {
	byID map[string]Node
}

// beat tells of this node, and learns of all.
func (d *Directory) beat(ctx context.Context, self Node) error {
	self.ID = d.id
	record, err := self.record()
	if err != nil {
		return err
	}
	return d.tell(ctx, string(record))
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
	records, _ := answer.([]any)
	t := &table{byID: make(map[string]Node, len(records))}
	for _, r := range records[:min(len(records), maxNodes)] {
		text, _ := r.(string) // a record that is missing, or makes no sense, is of no node
		if n, err := ParseNode([]byte(text)); err == nil {
			t.byID[n.ID] = n
		}
	}
	d.table.Store(t)
	return nil
}

// node returns a node of the cluster. One that is not in the table, as it has come just now, is asked for. The error is
// redis.Nil if there is none.
func (d *Directory) node(ctx context.Context, id string) (Node, error) {
	if n, ok := d.table.Load().byID[id]; ok {
		return n, nil
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
			more.byID = map[string]Node{}
		}
		more.byID[id] = n
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
func (d *Directory) Nodes() []Node {
	return slices.SortedFunc(maps.Values(d.table.Load().byID), func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
}

// nearLoad is by how much the loads of nodes may differ that have as little to do as each other.
const nearLoad = 0.05

// Least returns a node that has little to do of those that take publishers: that have a port of RTMP and are not draining. It is
// the one with the least load; of several that are near to that, the one with fewer streams of two chosen by chance, as what nodes
// tell is a second old, and all who ask meanwhile would come to the same one. It is false if there is none.
func (d *Directory) Least() (Node, bool) {
	var near []Node
	least := math.Inf(1)
	for _, n := range d.table.Load().byID {
		if !n.Draining && n.RTMP != 0 {
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

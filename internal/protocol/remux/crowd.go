package remux

import "sync"

// crowd counts viewers whose goroutines nobody else waits for.
type crowd struct {
	mu    sync.Mutex
	count int
	empty chan struct{} // closed when count is zero again; nil while nobody waits
}

// admit runs f on a goroutine of its own.
func (c *crowd) admit(f func()) {
	c.mu.Lock()
	c.count++
	c.mu.Unlock()
	go func() {
		defer c.leave()
		f()
	}()
}

func (c *crowd) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count--; c.count == 0 && c.empty != nil {
		close(c.empty)
		c.empty = nil
	}
}

// wait returns when there is nobody.
func (c *crowd) wait() {
	c.mu.Lock()
	if c.count == 0 {
		c.mu.Unlock()
		return
	}
	if c.empty == nil {
		c.empty = make(chan struct{})
	}
	empty := c.empty
	c.mu.Unlock()
	<-empty
}

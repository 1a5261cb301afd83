package relay

import (
	"context"
	"sync"
)

// Registries is this server's part in the registries that Join has found. It goes on for as long as anything is published here, which
// is longer than Relay.Run where another process takes the place of this one: until the streams have left, others find them.
type Registries struct{ relay *Relay }

// Registries returns what is to run beside the Relay.
func (v *Relay) Registries() Registries { return Registries{v} }

// Run keeps the part until ctx ends.
func (g Registries) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for _, d := range g.relay.directories {
		all.Go(func() { _ = d.Run(ctx) }) // which never fails
	}
	return nil
}

// Name tells it from others in the log.
func (Registries) Name() string { return "registries" }

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// stopTime bounds the end of all services, from the end of their context.
const stopTime = 10 * time.Second

// ErrStuck is wrapped by the error of Run when services have not ended in time.
var ErrStuck = errors.New("server: these parts do not end")

// named is a Service that says which one it is.
type named interface{ Name() string }

func nameOf(s Service) string {
	if n, ok := s.(named); ok {
		return n.Name()
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", s), "*")
}

// runAll runs services until ctx ends or one of them fails. Those that do not end within stopTime
// are left behind, and their names are in the log and in the error.
func runAll(ctx context.Context, services []Service, log *slog.Logger) error {
	group, ctx := errgroup.WithContext(ctx)
	var mu sync.Mutex
	running := map[int]string{}
	for i, service := range services {
		running[i] = nameOf(service)
	}
	for i, service := range services {
		group.Go(func() error {
			err := service.Run(ctx)
			mu.Lock()
			defer mu.Unlock()
			delete(running, i)
			return err
		})
	}
	ended := make(chan error, 1)
	go func() { ended <- group.Wait() }()
	<-ctx.Done() // Wait ends it too
	late := time.NewTimer(stopTime)
	defer late.Stop()
	select {
	case err := <-ended:
		return err
	case <-late.C:
	}
	mu.Lock()
	defer mu.Unlock()
	var stuck []string
	for i := range services {
		if name, ok := running[i]; ok {
			stuck = append(stuck, name)
		}
	}
	slices.Sort(stuck)
	log.Error("these parts of the server do not end, and are left", "parts", stuck, "wait", stopTime)
	return fmt.Errorf("%w within %s: %s", ErrStuck, stopTime, strings.Join(stuck, ", "))
}

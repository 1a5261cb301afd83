package shelf

import (
	"context"
	"time"
)

// SweepEvery is how often it is looked for what is over: sessions, and streams without frames.
const SweepEvery = time.Second

// afterlife is for how long a stream that has ended is remembered if it is never disposed of. Its files stay, and may
// be found again; what is in memory alone does not.
const afterlife = time.Hour

// Tended is what is made of a stream, and goes in its time.
type Tended interface {
	comparable
	Lasts() time.Duration                            // without a frame, until all is deleted; 0: it never is
	Idle(now time.Time) (d time.Duration, full bool) // since the newest frame, and whether there is anything
	Purge(now time.Time)                             // deletes what has left the list
	Dispose()                                        // deletes all files, and the list with them
	Abandon()                                        // forgets the stream, and leaves its files where they are
}

// Tend ends sessions and wishes that are over, and deletes what is of streams that are, until ctx ends. Then it waits for
// those who add to the stock, whom somebody else must end, and deletes what is not to stay.
func Tend[O Tended](ctx context.Context, stock *Stock[O], sessions *Sessions, wishes *Wishes) error {
	tick := time.NewTicker(SweepEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			sessions.Expire(now)
			wishes.Expire(now)
			sweep(stock, now)
		case <-ctx.Done():
			idle := stock.Stop()
			sessions.Stop()
			wishes.Stop()
			<-idle
			for _, o := range stock.All() {
				if o.Lasts() > 0 {
					o.Dispose()
				}
			}
			return nil
		}
	}
}

func sweep[O Tended](stock *Stock[O], now time.Time) {
	for _, o := range stock.All() {
		limit, busy := o.Lasts(), stock.Busy(o)
		d, full := o.Idle(now)
		switch {
		case limit > 0 && d >= limit && (full || !busy):
			o.Dispose()
		case limit == 0 && d >= afterlife && !busy:
			o.Abandon()
		case full:
			o.Purge(now)
		}
	}
}

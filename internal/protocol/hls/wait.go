package hls

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"weir/internal/web"
)

const (
	// blockFor is how many target durations a request waits for what it names. Spec: rfc8216bis, 6.2.5.2.
	blockFor = 3
	// ahead is how many segments behind the newest may be waited for.
	ahead = 2
)

// directivePrefix begins the parameters by which players of low latency say what they want.
const directivePrefix = "_HLS_"

// delivery is what a request for a playlist wants, and the playlist that it gets.
type delivery struct {
	blocks bool // until there is what follows
	msn    uint64
	part   int  // -1: the whole segment
	skip   bool // what the player knows already may be left out
	page   *page
	output *output // that it is of
	target time.Duration
}

// deliveryOf reads the directives of a request. Spec: rfc8216bis, 6.2.5.
func deliveryOf(query string) (d delivery, err error) {
	values, _ := url.ParseQuery(query) // what it cannot read, it leaves out
	d.part = -1
	switch values.Get(directivePrefix + "skip") {
	case "YES", "v2":
		d.skip = true
	}
	msn, part := values.Get(directivePrefix+"msn"), values.Get(directivePrefix+"part")
	if msn == "" {
		if part != "" {
			err = fmt.Errorf("_HLS_part needs _HLS_msn")
		}
		return d, err
	}
	d.blocks = true
	if d.msn, err = strconv.ParseUint(msn, 10, 63); err != nil {
		return d, fmt.Errorf("_HLS_msn is no number")
	}
	if part != "" {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return d, fmt.Errorf("_HLS_part is no number")
		}
		d.part = int(n)
	}
	return d, nil
}

// text is the form of the playlist that is wanted.
func (d *delivery) text() form {
	if d.skip {
		return d.page.delta()
	}
	return d.page.text
}

// age is how long others may keep the answer: one that has what it names never changes.
func (d *delivery) age() string {
	if d.blocks && d.page.low && d.page.has(d.msn, d.part) {
		return fmt.Sprintf("max-age=%d", int(2*blockFor*d.target.Seconds()))
	}
	return "max-age=1"
}

// patience is how long a request waits for what comes next.
func (o *output) patience() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return blockFor * time.Duration(max(1, o.target)) * time.Second
}

// await finds the playlist that a request wants. If the stream is live and it will come soon, it waits; it is
// false if there is none, and then the request is answered. One that waits for the next publisher is given what
// there is after a while, so that its player asks again. The first segment is waited for as long as wait says; anew is
// that one of long ago will not do.
func (s *Server) await(w http.ResponseWriter, r *http.Request, o *output, wait time.Duration, anew bool) (delivery, bool) {
	d, err := deliveryOf(r.URL.RawQuery)
	d.output = o
	if err != nil {
		web.Fail(w, http.StatusBadRequest, err.Error())
		return d, false
	}
	late := anew && !o.Here(time.Now())
	now, _ := o.look()
	var old *page
	if late {
		old, now = now, nil
	}
	if now == nil && s.outputs.Busy(o) {
		now = o.until(r, wait, func(p *page) bool { return p != old })
	}
	if now == nil {
		web.Fail(w, http.StatusNotFound, "there is no segment of this stream yet")
		return d, false
	}
	d.page, d.target = now, o.patience()/blockFor
	if !d.blocks || !now.low || now.has(d.msn, d.part) {
		return d, true
	}
	if d.msn > now.next+ahead {
		web.Fail(w, http.StatusBadRequest, "_HLS_msn is too far ahead")
		return d, false
	}
	will := func(p *page) bool { return p.has(d.msn, d.part) }
	came := o.until(r, d.target, will)
	if came == nil && s.outputs.Busy(o) {
		came = o.until(r, (blockFor-1)*d.target, will)
	}
	switch {
	case came != nil:
		d.page = came
	case r.Context().Err() != nil:
		return d, false
	case s.outputs.Busy(o):
		w.Header().Set("Retry-After", "1")
		web.Fail(w, http.StatusServiceUnavailable, "what was asked for has not come")
		return d, false
	}
	return d, true
}

// until waits until there is a page that will do; nil if none comes in time, or the client has gone.
func (o *output) until(r *http.Request, wait time.Duration, will func(*page) bool) *page {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for {
		p, changed := o.look()
		if p != nil && will(p) {
			return p
		}
		select {
		case <-changed:
		case <-timeout.C:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
}

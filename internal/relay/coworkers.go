package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"weir/internal/stream"
)

const (
	coworkerTime   = 2 * time.Second        // for a coworker to answer
	coworkerGrace  = 200 * time.Millisecond // for those before one in the list who has said that it knows
	coworkerAnswer = 64 << 10               // bytes of an answer
)

// coworkers ask the other origins of a cluster who has a stream, by their HTTP API.
type coworkers struct{ client *http.Client }

func newCoworkers() *coworkers {
	return &coworkers{&http.Client{
		Timeout:   coworkerTime,
		Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: coworkerTime}).DialContext, MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second},
	}}
}

func (w *coworkers) close() { w.client.CloseIdleConnections() }

// found is the part of the answer that counts.
type found struct {
	Data struct {
		Origin *struct {
			IP   string `json:"ip"`
			Port int    `json:"port"`
		} `json:"origin"`
	} `json:"data"`
}

// find returns host:port of the origin, by RTMP, that publishes a stream, and "" if none of the coworkers knows one. All are
// asked at once; the first in the list who knows is believed, of those who answer in time. The error says who has not answered, if nobody
// knows.
func (w *coworkers) find(ctx context.Context, list []string, r *stream.Request) (string, error) {
	type answer struct {
		place  int
		origin string
		err    error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer, len(list))
	for i, coworker := range list {
		go func() {
			origin, err := w.ask(ctx, coworker, r)
			answers <- answer{i, origin, err}
		}()
	}
	best, first := answer{place: len(list)}, 0 // who has not answered, in the list
	errs, said := make([]error, len(list)), make([]bool, len(list))
	var late <-chan time.Time
	for first < best.place {
		select {
		case a := <-answers:
			if said[a.place] = true; a.err != nil {
				errs[a.place] = fmt.Errorf("coworker %s: %w", list[a.place], a.err)
			} else if a.origin != "" && a.place < best.place {
				best = a
			}
		case <-late:
			return best.origin, nil
		}
		for first < len(list) && said[first] {
			first++
		}
		if best.origin != "" && late == nil {
			late = time.After(coworkerGrace)
		}
	}
	if best.origin != "" {
		return best.origin, nil
	}
	return "", errors.Join(errs...)
}

// ask asks one coworker.
func (w *coworkers) ask(ctx context.Context, coworker string, r *stream.Request) (string, error) {
	host := ""
	if u, err := url.Parse(r.TCURL); err == nil {
		host = u.Hostname()
	}
	query := "vhost=" + plain(r.Vhost) + "&ip=" + plain(host) + "&app=" + plain(r.App) + "&stream=" + plain(r.Stream) + "&coworker=" + plain(coworker)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+coworker+"/api/v1/clusters?"+query, http.NoBody)
	if err != nil {
		return "", err
	}
	answer, err := w.client.Do(req)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %s", answer.Status)
	}
	var f found
	if err := json.NewDecoder(io.LimitReader(answer.Body, coworkerAnswer)).Decode(&f); err != nil {
		return "", err
	}
	o := f.Data.Origin
	if o == nil || o.IP == "" || o.Port <= 0 {
		return "", nil
	}
	return net.JoinHostPort(o.IP, strconv.Itoa(o.Port)), nil
}

// plain is a value for a query that nobody decodes, as servers of this API do not: it stays as it is, but for what would
// end it.
func plain(value string) string {
	var b strings.Builder
	for i := range len(value) {
		if c := value[i]; c <= ' ' || c == 0x7f || strings.IndexByte("&;,#", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/stream"
	"weir/internal/testkit/boxes"
)

// cmafViewer plays fragmented MP4 by a playlist or a manifest, with a session of its own, and writes
// what it gets into files: programs do not follow a change of codecs in these.
type cmafViewer struct {
	t           *testing.T
	server      *fixture
	id, address string // of its session, and where it begins
	way         *http.Transport
	quit        context.CancelFunc
	done        sync.WaitGroup
	frozen      sync.RWMutex // locked while it is frozen

	mu       sync.Mutex
	cuts     []*cut
	failure  error
	troubles []string // which are no reason to end
}

// cut is what belongs to one initialization segment.
type cut struct {
	name     string // of its file
	file     *os.File
	init     []byte
	segments [][]byte
	video    map[uint32]bool
	kind     string // of DASH: audio or video
	period   string // the same
	samples  int    // of video
	tail     []byte // of the last segment: a fragment that is not whole
}

var errGone = errors.New("the session is gone")

// openCMAF begins with a session whose id is the viewer's own, as hlsPlayer does.
func openCMAF(t *testing.T, raw, ctx string, at func(*testing.T, string) string) *cmafViewer {
	t.Helper()
	f, _ := serverOf(t, raw)
	v := &cmafViewer{t: t, server: f, id: stream.NewID(), address: at(t, raw), way: &http.Transport{DialContext: dialNarrow}}
	v.address = withQuery(v.address, ctx+"="+v.id)
	var status int
	var said string
	if !poll(func() bool { status, said = f.get(v.address); return status == http.StatusOK }) {
		t.Fatalf("nothing at %s: %d %s", v.address, status, said)
	}
	return v
}

// begin runs a player until it fails or is closed.
func (v *cmafViewer) begin(run func(context.Context) error) {
	ctx, quit := context.WithCancel(context.Background())
	v.quit = quit
	v.t.Cleanup(v.close)
	v.done.Go(func() {
		err := run(ctx)
		v.mu.Lock()
		defer v.mu.Unlock()
		v.failure = err
	})
}

func (v *cmafViewer) close() {
	v.quit()
	v.done.Wait()
	v.way.CloseIdleConnections()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range v.cuts {
		c.file.Close()
	}
}

func withQuery(address, query string) string {
	if query == "" {
		return address
	}
	if strings.Contains(address, "?") {
		return address + "&" + query
	}
	return address + "?" + query
}

// get asks for something and hands its bytes on as they come. What is not there is an error.
func (v *cmafViewer) get(ctx context.Context, address string, more func([]byte)) error {
	v.thaw()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := v.way.RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
		return fmt.Errorf("%w: %s: %s %s", errGone, address, answer.Status, said)
	}
	room := make([]byte, 64<<10)
	for {
		n, err := answer.Body.Read(room)
		more(room[:n])
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("%s: %w", address, err)
		}
		v.thaw()
	}
}

// thaw waits while the viewer is frozen.
func (v *cmafViewer) thaw() {
	v.frozen.RLock()
	defer v.frozen.RUnlock()
}

func (v *cmafViewer) all(ctx context.Context, address string) (body []byte, err error) {
	err = v.get(ctx, address, func(b []byte) { body = append(body, b...) })
	return body, err
}

// open begins a file with an initialization segment.
func (v *cmafViewer) open(name string, init []byte) (*cut, error) {
	c := &cut{name: filepath.Join(v.t.TempDir(), name), init: init, video: map[uint32]bool{}}
	tracks, found := boxes.Tracks(init)
	for _, t := range tracks {
		c.video[t.ID] = t.Kind == "vide"
	}
	for _, f := range found {
		v.trouble("%s: %s", name, f)
	}
	var err error
	if c.file, err = os.Create(c.name); err != nil {
		return nil, err
	}
	if _, err = c.file.Write(init); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cuts = append(v.cuts, c)
	return c, nil
}

// piece adds some bytes of a segment, the last one or a new one, in the order in which they come.
func (v *cmafViewer) piece(c *cut, begins bool, b []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if begins {
		c.segments = append(c.segments, nil)
	}
	last := &c.segments[len(c.segments)-1]
	*last = append(*last, b...)
	c.tail = append(c.tail, b...)
	n := boxes.Whole(c.tail)
	c.samples += c.count(c.tail[:n])
	c.tail = c.tail[n:]
	_, err := c.file.Write(b)
	return err
}

// trim takes away what has come of a fragment that is not whole: the viewer was closed meanwhile.
func (c *cut) trim() error {
	if len(c.tail) == 0 {
		return nil
	}
	last := &c.segments[len(c.segments)-1]
	*last = (*last)[:len(*last)-len(c.tail)]
	if len(*last) == 0 {
		c.segments = c.segments[:len(c.segments)-1]
	}
	info, err := os.Stat(c.name)
	if err != nil {
		return err
	}
	return os.Truncate(c.name, info.Size()-int64(len(c.tail)))
}

// count counts pictures.
func (c *cut) count(b []byte) (n int) {
	for id, samples := range boxes.Samples(b) {
		if c.video[id] {
			n += samples
		}
	}
	return n
}

func (v *cmafViewer) trouble(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.troubles = append(v.troubles, fmt.Sprintf(format, args...))
}

func (v *cmafViewer) frames() (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range v.cuts {
		n += c.samples
	}
	return n
}

func (v *cmafViewer) freeze(on bool) {
	if on {
		v.frozen.Lock()
	} else {
		v.frozen.Unlock()
	}
}

// end closes the viewer and its session, and tells of what was wrong.
func (v *cmafViewer) end() {
	v.t.Helper()
	v.close()
	v.server.kick(v.id)
	for _, s := range v.troubles {
		v.t.Error(s)
	}
	for _, c := range v.cuts {
		if err := c.trim(); err != nil {
			v.t.Error(err)
		}
		_, found := boxes.Check(c.init, c.segments)
		for _, f := range found {
			v.t.Errorf("%s: %s", filepath.Base(c.name), f)
		}
	}
}

func (v *cmafViewer) wait() error {
	if !poll(func() bool { return v.shown() != "" }) {
		return errors.New("it does not end")
	}
	return errors.New(v.shown())
}

func (v *cmafViewer) shown() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.failure == nil || errors.Is(v.failure, context.Canceled) {
		return ""
	}
	return v.failure.Error()
}

// isTold checks what a player hears whose session has been kicked.
func (v *cmafViewer) isTold(t *testing.T) {
	t.Helper()
	if status, body := v.server.get(v.address); status == http.StatusOK {
		t.Errorf("the session is kicked, and %s is answered with %d %s", v.address, status, body)
	}
}

// rest waits.
func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

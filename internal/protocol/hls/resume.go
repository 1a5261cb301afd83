package hls

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"

	"weir/internal/config"
)

const (
	maxPlaylist = 1 << 20 // bytes of a playlist that is gone on with
	maxEntries  = 10_000  // segments in it
	maxTarget   = 24 * 3600
)

var errEntries = errors.New("it is not a playlist of ours")

// resume goes on with the playlist on disk, if there is one: of a stream that ended, or that
// another process made. It does so once; who comes at the same time waits for it.
func (o *output) resume(h *config.HLS) { o.resumed.Do(func() { o.load(h) }) }

func (o *output) load(h *config.HLS) {
	if h.HlsServeFrom == "memory" {
		return
	}
	raw, err := o.dir.read(o.file, maxPlaylist)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var m *playlist.Media
	if err == nil {
		m, err = parse(raw)
	}
	if err != nil {
		o.server.o.Log.Warn("the playlist that is there cannot be gone on with, and will be replaced", "file", joined(o.dir, o.file), "cause", err)
		return
	}
	o.take(m, h)
}

// parse reads a playlist, as far as segments can follow it.
func parse(raw []byte) (*playlist.Media, error) {
	m := &playlist.Media{}
	if err := m.Unmarshal(raw); err != nil {
		return nil, err
	}
	if len(m.Segments) > maxEntries || m.TargetDuration > maxTarget || m.Map != nil {
		return nil, errEntries
	}
	for _, s := range m.Segments {
		if s.Duration <= 0 || s.Duration > maxTarget*time.Second || s.ByteRangeLength != nil {
			return nil, fmt.Errorf("%w: a segment of %s", errEntries, s.Duration)
		}
	}
	return m, nil
}

// take goes on with a playlist. Segments whose files are gone leave it, with those before them.
func (o *output) take(m *playlist.Media, h *config.HLS) {
	keys := map[playlist.MediaKey]*key{}
	var list []*segment
	discontinuities := 0
	if m.DiscontinuitySequence != nil {
		discontinuities = *m.DiscontinuitySequence
	}
	for i, e := range m.Segments {
		s := &segment{
			seq: uint64(m.MediaSequence + i), duration: e.Duration, discontinuity: e.Discontinuity, uri: e.URI,
			file: o.fileOf(e.URI, h), disk: true,
		}
		if e.DateTime != nil {
			s.wall = *e.DateTime
		}
		s.key = o.keyOf(e.Key, keys, h)
		info, err := o.dir.stat(s.file)
		if s.file == "" || err != nil || !info.Mode().IsRegular() {
			for _, old := range append(list, s) {
				if old.discontinuity {
					discontinuities++
				}
			}
			list = nil
			continue
		}
		s.size, s.at, s.path = info.Size(), info.ModTime(), path.Join(o.base, s.file)
		list = append(list, s)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.begun, o.next = true, uint64(m.MediaSequence+len(m.Segments))
	o.list, o.target, o.discontinuities = list, m.TargetDuration, discontinuities
	if len(list) == 0 {
		return
	}
	p, err := write(list, o.target, discontinuities)
	if err != nil {
		return
	}
	o.page = p
	close(o.shown)
	for _, s := range list {
		o.server.put(o, s.path, &place{output: o, segment: s})
		if s.key != nil {
			o.server.put(o, s.key.path, &place{output: o, key: s.key})
		}
	}
}

// fileOf returns the file that a playlist's entry means, or nothing if that cannot be told.
func (o *output) fileOf(uri string, h *config.HLS) string {
	if p := h.HlsEntryPrefix; p != "" && strings.HasPrefix(uri, p) {
		uri = strings.TrimPrefix(uri, p)
		if !strings.HasSuffix(p, "/") {
			dir := strings.TrimPrefix(path.Dir(o.url), "/")
			uri = strings.TrimPrefix(strings.TrimPrefix(uri, strings.TrimSuffix("/"+escaped(dir), "/")), "/")
		}
	}
	u, err := url.Parse(uri)
	if err != nil || u.IsAbs() || u.Host != "" || strings.HasPrefix(u.Path, "/") {
		return ""
	}
	file := path.Join(path.Dir(o.file), u.Path)
	if !fs.ValidPath(file) {
		return ""
	}
	return file
}

// keyOf returns the key of an entry, the same for equal ones. Its value is in its file.
func (o *output) keyOf(k *playlist.MediaKey, known map[playlist.MediaKey]*key, h *config.HLS) *key {
	if k == nil || k.Method != playlist.MediaKeyMethodAES128 {
		return nil
	}
	if known[*k] == nil {
		n := &key{url: k.URI, vector: k.IV}
		if ownKeys(h) {
			n.own, n.file = true, o.fileOf(k.URI, &config.HLS{})
		} else if name, ok := strings.CutPrefix(k.URI, h.HlsKeyURL); ok {
			if name, err := url.PathUnescape(name); err == nil && fs.ValidPath(name) {
				n.file = name
			}
		}
		if n.file != "" {
			n.path = path.Join(o.base, n.file)
			raw, err := dir(h.HlsKeyFilePath).read(n.file, int64(len(n.value)))
			if err == nil && len(raw) == len(n.value) {
				copy(n.value[:], raw)
			} else {
				n.path = "" // it is served from the disk, if at all
			}
		}
		known[*k] = n
	}
	return known[*k]
}

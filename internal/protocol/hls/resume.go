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
	"weir/internal/shelf"
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
	raw, err := o.dir.Read(o.file, maxPlaylist)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var m *playlist.Media
	var maps []string
	if err == nil {
		m, maps, err = parse(raw)
	}
	if err != nil {
		o.server.o.Log.Warn("the playlist that is there cannot be gone on with, and will be replaced", "file", o.dir.Path(o.file), "cause", err)
		return
	}
	o.take(m, maps, h)
}

// parse reads a playlist, as far as segments can follow it. Maps are the addresses of the segments' headers.
func parse(raw []byte) (m *playlist.Media, maps []string, err error) {
	m = &playlist.Media{}
	if err := m.Unmarshal(raw); err != nil {
		return nil, nil, err
	}
	maps = mapsOf(raw)
	if len(m.Segments) > maxEntries || m.TargetDuration > maxTarget || len(maps) != len(m.Segments) {
		return nil, nil, errEntries
	}
	for i, s := range m.Segments {
		if s.Duration <= 0 || s.Duration > maxTarget*time.Second || s.ByteRangeLength != nil {
			return nil, nil, fmt.Errorf("%w: a segment of %s", errEntries, s.Duration)
		}
		if (maps[i] == "") != (maps[0] == "") {
			return nil, nil, fmt.Errorf("%w: segments of two forms", errEntries)
		}
	}
	return m, maps, nil
}

// mapsOf returns for each segment of a playlist the address of its header: the library knows of one alone.
func mapsOf(raw []byte) (list []string) {
	uri := ""
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\r\n")
		if attributes, ok := strings.CutPrefix(line, "#EXT-X-MAP:"); ok {
			_, rest, _ := strings.Cut(attributes, `URI="`)
			uri, _, _ = strings.Cut(rest, `"`)
		} else if line != "" && line[0] != '#' {
			list = append(list, uri)
		}
	}
	return list
}

// take goes on with a playlist. Segments whose files are gone leave it, with those before them.
func (o *output) take(m *playlist.Media, maps []string, h *config.HLS) {
	headers := map[string]*header{}
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
		s.key, s.header = o.keyOf(e.Key, keys, h), o.headerOf(maps[i], headers, h)
		info, err := o.dir.Stat(s.file)
		if s.file == "" || err != nil || !info.Mode().IsRegular() || maps[i] != "" && s.header == nil {
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
	o.mp4 = len(list) > 0 && list[0].header != nil
	o.show()
	for _, s := range list {
		o.server.places.Put(o, o.name.Vhost, s.path, &place{output: o, segment: s})
		if s.key != nil {
			o.server.places.Put(o, o.name.Vhost, s.key.path, &place{output: o, key: s.key})
		}
		if s.header != nil {
			o.server.places.Put(o, o.name.Vhost, s.header.path, &place{output: o, header: s.header})
		}
	}
}

const maxHeader = 1 << 20 // bytes of a segment's header on the disk

// headerOf returns the header that a playlist means, the same for equal addresses: nil if it is not there.
func (o *output) headerOf(uri string, known map[string]*header, h *config.HLS) *header {
	if uri == "" || known[uri] != nil {
		return known[uri]
	}
	n := &header{uri: uri, file: o.fileOf(uri, h), disk: true}
	if n.file == "" {
		return nil
	}
	var err error
	if n.data, err = o.dir.Read(n.file, maxHeader); err != nil {
		return nil
	}
	n.path = path.Join(o.base, n.file)
	known[uri] = n
	return n
}

// fileOf returns the file that a playlist's entry means, or nothing if that cannot be told.
func (o *output) fileOf(uri string, h *config.HLS) string {
	if p := h.HlsEntryPrefix; p != "" && strings.HasPrefix(uri, p) {
		uri = strings.TrimPrefix(uri, p)
		if !strings.HasSuffix(p, "/") {
			dir := strings.TrimPrefix(path.Dir(o.url), "/")
			uri = strings.TrimPrefix(strings.TrimPrefix(uri, strings.TrimSuffix("/"+shelf.Escaped(dir), "/")), "/")
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
			raw, err := shelf.Dir(h.HlsKeyFilePath).Read(n.file, int64(len(n.value)))
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

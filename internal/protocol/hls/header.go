package hls

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"weir/internal/config"
	"weir/internal/format/fmp4"
)

// header is what decoders are set up with before the segments that need it.
type header struct {
	data []byte
	uri  string // in the playlist
	file string // below hls_path
	path string // of the URL at which we serve it
	disk bool   // there is a file
}

// head returns the header of some tracks: one that is in use, if it is the same, else a new one under a name
// that none in use has.
func (o *output) head(h *config.HLS, tracks []*fmp4.Track) (*header, error) {
	data, err := fmp4.Header(tracks...)
	if err != nil {
		return nil, err
	}
	o.turn.Lock()
	defer o.turn.Unlock()
	o.mu.Lock()
	taken := map[string]bool{}
	var same *header
	disk := h.HlsServeFrom != "memory"
	for n := range o.used().headers {
		taken[n.file] = true
		if bytes.Equal(n.data, data) && n.disk == disk && (same == nil || n == o.header) {
			same = n
		}
	}
	number := o.next
	o.mu.Unlock()
	if same != nil {
		o.replace(same, h.HlsCleanup)
		return same, nil
	}
	n := &header{data: data, file: o.name.Expand(h.HlsInitFile)}
	if taken[n.file] {
		ext := path.Ext(n.file)
		n.file = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(n.file, ext), number, ext)
	}
	n.path, n.uri = path.Join(o.base, n.file), entry(h.HlsEntryPrefix, o.url, o.file, n.file)
	if n.disk = disk; n.disk {
		if err := o.dir.Write(n.file, data); err != nil {
			return nil, fmt.Errorf("header: %w", err)
		}
	}
	o.server.places.Put(o, o.name.Vhost, n.path, &place{output: o, header: n})
	o.replace(n, h.HlsCleanup)
	return n, nil
}

// replace has another header be the newest. The one before may have come to no segment. The turn is held.
func (o *output) replace(n *header, remove bool) {
	o.mu.Lock()
	old := o.header
	o.header = n
	still := o.used()
	o.mu.Unlock()
	if old != nil {
		o.forget([]*segment{{header: old}}, still, remove, "")
	}
}

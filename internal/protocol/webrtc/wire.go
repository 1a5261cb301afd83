package webrtc

import (
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"weir/internal/audio"
	"weir/internal/config"
	"weir/internal/format/rtp"
	"weir/internal/media"
	"weir/internal/stream"
)

const (
	// lag is how many frames a wire keeps that its stream has forgotten: the newest batches of its readers.
	lag = media.MaxBatch
	// staleSound is the age of sound that nobody wants to hear any more: a player who begins with an earlier key frame is
	// shown the pictures up to now in a moment.
	staleSound = int64(time.Second)
)

// wire is a stream's newest frames as payloads of RTP, which are the same for all players: a derivation of the stream.
// Whoever of its readers comes first to a frame puts it in, by extend. Sound is made Opus on the way, as long as somebody
// listens.
type wire struct {
	// Set at construction.
	sub *stream.Subscriber // holds the frames that are not in
	log *slog.Logger
	wireKey

	listeners atomic.Int32
	next      atomic.Uint64 // position behind the last frame; changes under mu

	mu      sync.RWMutex
	base    uint64 // position of the first item
	items   []item
	packers map[media.Codec]*rtp.Packetizer
	order   rtp.Order
	voice   *audio.Transcoder
	heard   []*media.Frame
	refused *media.Track // whose sound cannot be made Opus
}

// item is a frame on the wire; without payloads, if it is of no track that is sent, or carries nothing.
type item struct {
	kind     media.Kind
	codec    media.Codec // of the payloads
	key      bool
	early    bool // it is shown before one that came earlier
	at       int64
	pts      int64
	source   *media.Track
	layout   *media.Layout
	payloads []rtp.Payload
}

// wireKey is by what rules a wire is made: viewers who come after a reload have another one.
type wireKey struct {
	dropSEI bool
	bitrate int
}

// wireOf returns the stream's wire, made by the rules in force. Release must be called when the reader is done with it.
func wireOf(s *stream.Stream, rules *config.RTC, log *slog.Logger) (*wire, func(), error) {
	key := wireKey{!rules.KeepAvcNaluSei, rules.OpusBitrate}
	return stream.Derive(s, key, func(sub *stream.Subscriber) (stream.Output[*wire], error) {
		w := &wire{sub: sub, log: log, wireKey: key, packers: map[media.Codec]*rtp.Packetizer{}}
		return stream.Output[*wire]{Value: w, Run: func() {
			<-sub.Done()
			w.mu.Lock()
			defer w.mu.Unlock()
			w.mute()
		}}, nil
	})
}

// extend puts those of a batch's frames in that are not there, and forgets what the stream has forgotten a while ago.
func (w *wire) extend(b *stream.Batch) {
	end := b.Pos + uint64(len(b.Frames))
	if w.next.Load() >= end {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	next := w.next.Load()
	if next >= end {
		return
	}
	var between []*media.Frame // which a slower reader has not put in yet
	if b.Pos > next && len(w.items) > 0 {
		between = w.sub.Stream().Between(next, b.Pos)
	}
	if b.Pos > next && between == nil || len(w.items) == 0 {
		clear(w.items)
		w.items, w.base = w.items[:0], b.Pos
		next = b.Pos
	}
	w.forget(b.Base)
	w.add(between)
	w.add(b.Frames[max(next, b.Pos)-b.Pos:])
	w.next.Store(end)
	w.sub.Hold(end)
}

func (w *wire) add(frames []*media.Frame) {
	for _, f := range frames {
		w.items = append(w.items, w.pack(f))
	}
}

// forget drops the items longer than lag before pos; mu is held.
func (w *wire) forget(pos uint64) {
	if pos <= w.base+lag {
		return
	}
	n := int(min(pos-lag-w.base, uint64(len(w.items))))
	if n < len(w.items)/8 { // rather rarely
		return
	}
	kept := copy(w.items, w.items[n:])
	clear(w.items[kept:])
	w.items, w.base = w.items[:kept], w.base+uint64(n)
}

// read appends n items from pos on, without those of them that have been forgotten.
func (w *wire) read(dst []item, pos uint64, n int) []item {
	w.mu.RLock()
	defer w.mu.RUnlock()
	from, to := max(pos, w.base), min(pos+uint64(n), w.base+uint64(len(w.items)))
	if from >= to {
		return dst
	}
	return append(dst, w.items[from-w.base:to-w.base]...)
}

// pack makes a frame's item. A frame of which a panic comes is sent to nobody.
func (w *wire) pack(f *media.Frame) (i item) {
	t := f.Source()
	i = item{kind: t.Kind, codec: t.Codec, key: f.Key, at: f.At, pts: f.PTS, source: t, layout: f.Layout}
	if int(f.Track) != f.Layout.First(t.Kind) {
		return i
	}
	defer func() {
		if p := recover(); p != nil {
			i.payloads, w.voice = nil, nil
			delete(w.packers, t.Codec)
			w.log.Error("panic: a frame is left out for WebRTC players", "codec", t.Codec, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	switch t.Kind {
	case media.Video:
		i.early = w.order.Early(f)
		i.payloads = w.cut(f)
	case media.Audio:
		if w.listeners.Load() == 0 || media.Now()-f.At > staleSound {
			w.mute()
			return i
		}
		if rtp.Rate(t.Codec) > 0 {
			i.payloads = w.cut(f)
			return i
		}
		i.codec = media.Opus
		i.payloads = w.speak(f)
	}
	return i
}

// cut makes a frame's payloads.
func (w *wire) cut(f *media.Frame) []rtp.Payload {
	codec := f.Source().Codec
	p := w.packers[codec]
	if p == nil {
		if p, _ = rtp.NewPacketizer(codec, rtp.PacketizerOptions{DropSEI: w.dropSEI}); p == nil {
			return nil
		}
		w.packers[codec] = p
	}
	return p.Pack(f)
}

// speak makes payloads of Opus of a frame of another kind of sound.
func (w *wire) speak(f *media.Frame) (list []rtp.Payload) {
	if w.refused == f.Source() {
		return nil
	}
	var err error
	if w.voice == nil {
		w.voice, err = audio.NewTranscoder(media.Opus, audio.Options{Bitrate: w.bitrate})
	}
	if err == nil {
		w.heard, err = w.voice.Append(w.heard[:0], f)
	}
	for _, o := range w.heard {
		list = append(list, w.cut(o)...)
	}
	clear(w.heard)
	if errors.Is(err, audio.ErrUnsupported) {
		w.refused = f.Source()
		w.log.Warn("WebRTC players hear nothing of this stream", "cause", err)
	}
	return list
}

// mute ends the making of Opus; mu is held.
func (w *wire) mute() {
	if w.voice != nil {
		w.voice.Close()
		w.voice = nil
	}
}

package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"weir/internal/codec/h264"
	"weir/internal/format/flv"
)

// maxClip bounds the bytes of a file that is published: it is held in memory.
const maxClip = 1 << 30

var (
	errClipEmpty = errors.New("no audio and no video")
	errClipLong  = errors.New("too long")
)

// clip is a file to be published again and again.
type clip struct {
	header []flv.Tag
	tags   []flv.Tag // in their order, with times from 0
	length time.Duration
	stamps bool // its pictures can be stamped: they are H.264 with lengths of 4 bytes
}

// openClip reads an FLV file.
func openClip(path string) (*clip, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c, err := readClip(bufio.NewReader(io.LimitReader(file, maxClip)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func readClip(src io.Reader) (*clip, error) {
	r := flv.NewReader(src)
	if _, _, err := r.ReadHeader(); err != nil {
		return nil, err
	}
	c := &clip{}
	size := 0
	for {
		tag, err := r.ReadTag()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, io.ErrUnexpectedEOF) && len(c.tags) > 0 { // a recording that was cut off
			break
		}
		if err != nil {
			return nil, err
		}
		if size += len(tag.Body); size > maxClip/2 {
			return nil, errClipLong
		}
		c.add(tag)
	}
	if len(c.tags) == 0 {
		return nil, errClipEmpty
	}
	c.settle()
	return c, nil
}

// add sorts a tag to the headers or the frames.
func (c *clip) add(tag flv.Tag) {
	b := tag.Body
	switch {
	case tag.Type == flv.TagScript:
		c.begin(tag)
	case tag.Type == flv.TagVideo && videoOf(b).header, tag.Type == flv.TagAudio && audioHeader(b):
		if tag.Type == flv.TagVideo && len(b) > videoHead && b[0]&0x8f == 7 {
			c.stamps = h264.LengthSize(b[videoHead:]) == 4
		}
		c.begin(tag)
	case len(b) > 0 && (tag.Type == flv.TagVideo || tag.Type == flv.TagAudio):
		c.tags = append(c.tags, tag)
	}
}

// begin keeps the first header of each kind.
func (c *clip) begin(tag flv.Tag) {
	for _, had := range c.header {
		if had.Type == tag.Type {
			return
		}
	}
	tag.Time = 0
	c.header = append(c.header, tag)
}

// settle counts times from the first, and finds when the file begins again: as long after its
// last picture as that is after the one before.
func (c *clip) settle() {
	var first, last, before time.Duration
	first = c.tags[0].Time
	for i := range c.tags {
		t := &c.tags[i]
		t.Time = max(0, t.Time-first)
		c.length = max(c.length, t.Time)
		if t.Type == flv.TagVideo {
			last, before = t.Time, last
		}
	}
	c.length += max(last-before, 10*time.Millisecond)
}

// loop is one stream of a clip.
type loop struct {
	*clip
	stream uint32
	round  int
	at     int // of tags
	number uint32
}

func (l *loop) headers() []flv.Tag {
	list := append([]flv.Tag(nil), l.header...)
	for i := range list {
		if list[i].Type == flv.TagScript {
			list[i].Body = keepForAll(list[i].Body)
		}
	}
	return list
}

func (l *loop) due() time.Duration {
	return time.Duration(l.round)*l.length + l.tags[l.at].Time
}

func (l *loop) next(dst []byte, now time.Time) flv.Tag {
	tag, at := l.tags[l.at], l.due()
	if l.at++; l.at == len(l.tags) {
		l.at, l.round = 0, l.round+1
	}
	body := tag.Body
	if tag.Type == flv.TagVideo && l.stamps && len(body) > videoHead && body[0]&0x8f == 7 && body[1] == packetFrame {
		dst = append(dst, body[:videoHead]...)
		dst = appendStampUnit(dst, stamp{now, l.number, l.stream})
		body = body[videoHead:]
		l.number++
	}
	return flv.Tag{Type: tag.Type, Time: at, Body: append(dst, body...)}
}

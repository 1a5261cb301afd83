package hls

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
)

// content is what an independent reader finds in MP4, by kind of track.
type content struct {
	videos, sounds int
	key            bool       // it begins with a key picture
	from, to       [2]float64 // seconds, of pictures and of sound
	payload        []byte     // of all samples, one behind the other
}

// unpack reads fragments behind their header.
func unpack(t testing.TB, head, body string) (c content) {
	t.Helper()
	f, err := mp4.DecodeFile(strings.NewReader(head + body))
	if err != nil || f.Init == nil {
		t.Fatalf("header of %d bytes, segment of %d: %v", len(head), len(body), err)
	}
	for _, segment := range f.Segments {
		for _, fragment := range segment.Fragments {
			c.fragment(t, f.Init.Moov, fragment)
		}
	}
	return c
}

// fragment notes what one fragment has.
func (c *content) fragment(t testing.TB, moov *mp4.MoovBox, f *mp4.Fragment) {
	t.Helper()
	for _, traf := range f.Moof.Trafs {
		id := traf.Tfhd.TrackID
		at := slices.IndexFunc(moov.Traks, func(k *mp4.TrakBox) bool { return k.Tkhd.TrackID == id })
		if at < 0 {
			t.Fatalf("a fragment of track %d, which the header has not", id)
		}
		trex, _ := moov.Mvex.GetTrex(id)
		samples, err := f.GetFullSamples(trex)
		if err != nil {
			t.Fatal(err)
		}
		scale := float64(moov.Traks[at].Mdia.Mdhd.Timescale)
		kind, count := 0, &c.videos
		if moov.Traks[at].Mdia.Hdlr.HandlerType != "vide" {
			kind, count = 1, &c.sounds
		}
		for i, s := range samples {
			from := float64(s.DecodeTime) / scale
			switch {
			case *count == 0:
				c.from[kind] = from
				c.key = c.key || kind == 0 && s.IsSync()
			case i == 0 && math.Abs(from-c.to[kind]) > 1e-4:
				t.Errorf("fragments of track %d: %f s behind %f s", id, from, c.to[kind])
			}
			c.to[kind] = from + float64(s.Dur)/scale
			c.payload = append(c.payload, s.Data...)
			*count++
		}
	}
}

// fetch returns the segments of a playlist below /live/ as they are without encryption, each unpacked, and
// checks that they go on behind each other where nothing is cut.
func (r *rig) fetch(p text) (list []content) {
	r.t.Helper()
	for i, e := range p.entries {
		c := unpack(r.t, r.Must(below(e.header)), r.open(e.key, r.Must(below(e.uri))))
		list = append(list, c)
		long, exact := max(c.to[0]-c.from[0], 0), 0.002
		if c.videos == 0 { // what comes with pictures is cut by them
			long, exact = c.to[1]-c.from[1], 0.03
		}
		if math.Abs(long-e.duration) > exact {
			r.t.Errorf("%s is said to last %f s and has %f s", e.uri, e.duration, long)
		}
		if i == 0 || e.discontinuity {
			continue
		}
		for kind, end := range list[i-1].to {
			if end > 0 && c.to[kind] > 0 && math.Abs(c.from[kind]-end) > 1e-4 {
				r.t.Errorf("%s: track %d goes on at %f s behind %f s", e.uri, kind, c.from[kind], end)
			}
		}
	}
	return list
}

// below is the path of what a playlist in /live refers to.
func below(uri string) string {
	if up, ok := strings.CutPrefix(uri, "../"); ok {
		return "/" + up
	}
	return "/live/" + strings.TrimPrefix(uri, "./")
}

var keyParts = regexp.MustCompile(`URI="(.*)",IV=0x(.*)`)

// open decrypts, where there is a key.
func (r *rig) open(key, body string) string {
	r.t.Helper()
	if key == "" {
		return body
	}
	found := keyParts.FindStringSubmatch(key)
	iv, _ := hex.DecodeString(found[2])
	block, err := aes.NewCipher([]byte(r.Must(below(found[1]))))
	if err != nil || len(body)%aes.BlockSize != 0 || body == "" {
		r.t.Fatalf("%d bytes with key %s: %v", len(body), key, err)
	}
	b := []byte(body)
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(b, b)
	pad := int(b[len(b)-1])
	if pad == 0 || pad > aes.BlockSize || !bytes.Equal(b[len(b)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		r.t.Fatalf("padding % x", b[len(b)-16:])
	}
	return string(b[:len(b)-pad])
}

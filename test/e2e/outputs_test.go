package e2e

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"weir/internal/protocol/rtmp"
	"weir/internal/stream"
)

// content is what a publisher sends to be recorded from all outputs.
type content struct {
	name         string
	program      string // that encodes and publishes it
	video, audio string // options of the encoder; empty: none
	codecs       string // as ffprobe calls them
	send         string // options of the publisher
	clip         string // of testdata, instead of all these: what ffmpeg cannot write is sent by our own client
	srt          bool   // it goes over SRT, not RTMP
	whip         bool   // it goes over WebRTC, not RTMP
	long         bool   // it is for long runs
}

var contents = []content{
	{name: "h264+aac", program: "ffmpeg", video: "-c:v libx264 -preset veryfast -bf 2", audio: "-c:a aac", codecs: "h264 aac"},
	{
		name: "hevc+aac", program: "ffmpeg7", video: "-c:v libx265 -preset ultrafast -x265-params log-level=error:scenecut=0:open-gop=0",
		audio: "-c:a aac", codecs: "hevc aac", send: "-rtmp_enhanced_codecs hvc1",
	},
	{name: "h264+mp3", program: "ffmpeg", video: "-c:v libx264 -preset veryfast -bf 2", audio: "-c:a libmp3lame", codecs: "h264 mp3"},
	{name: "av1+opus", clip: "av1-opus", codecs: "av1 opus", video: "-", audio: "-"},
	{name: "audio", program: "ffmpeg", audio: "-c:a aac", codecs: "aac"},
	{name: "video", program: "ffmpeg", video: "-c:v libx264 -preset veryfast -bf 2", codecs: "h264"},
	{name: "srt h264+aac", program: "ffmpeg", video: "-c:v libx264 -preset veryfast -bf 2", audio: "-c:a aac", codecs: "h264 aac", srt: true},
	{
		name: "whip h264+opus", program: "ffmpeg9", video: "-c:v libx264 -preset veryfast -profile:v baseline", audio: "-c:a libopus -ac 2 -ar 48000",
		codecs: "h264 aac", whip: true,
	},
	{
		name: "srt hevc+aac", program: "ffmpeg7", video: "-c:v libx265 -preset ultrafast -x265-params log-level=error:scenecut=0:open-gop=0",
		audio: "-c:a aac", codecs: "hevc aac", srt: true, long: true,
	},
}

// outlet is a way to get a stream out of the server.
type outlet struct {
	name  string
	vhost string // to which the stream is published for it; empty is the default one
	at    func(*testing.T, string) string
	form  string // of ffmpeg, of the recording
	sound string // the codec without which there is nothing, and beside which there is nothing else
	late  bool
	mp4   bool // it carries AV1 and Opus as ffmpeg reads them
}

var outlets = []outlet{
	{name: "rtmp", at: func(_ *testing.T, raw string) string { return raw }, form: "flv"},
	{name: "http-flv", at: httpFLV, form: "flv"},
	{name: "ws-flv", at: wsFLV, form: "flv"},
	{name: "http-ts", vhost: "ts", at: httpTS, form: "mpegts"},
	{name: "http-aac", vhost: "aac", at: ending(".aac"), form: "adts", sound: "aac"},
	{name: "http-mp3", vhost: "mp3", at: ending(".mp3"), form: "mp3", sound: "mp3"},
	{name: "srt", at: srtPlay, form: "mpegts"},
	{name: "hls", at: httpHLS, form: "mpegts", late: true},
	{name: "hls-fmp4", vhost: "mp4", at: httpHLS, form: "mp4", late: true, mp4: true},
	{name: "ll-hls", vhost: "low", at: httpHLS, form: "mp4", late: true, mp4: true},
	{name: "dash", vhost: "mp4", at: ending(".mpd"), form: "mp4", late: true, mp4: true},
	{name: "ll-dash", vhost: "low", at: ending(".mpd"), form: "mp4", late: true, mp4: true},
}

// carries reports whether an outlet has what a content consists of.
func (o outlet) carries(c content) bool {
	if c.clip != "" {
		return o.mp4
	}
	return o.sound == "" || slices.Contains(strings.Fields(c.codecs), o.sound)
}

// mp4Outputs are directives of vhosts that make everything of MP4, of low latency and not.
func mp4Outputs(t *testing.T) string {
	t.Helper()
	more := ""
	for name, low := range map[string]string{"mp4": "", "low": "hls_low_latency on;"} {
		more += fmt.Sprintf("vhost %s.test { "+bridges+" srt { enabled on; } hls { enabled on; hls_use_fmp4 on; hls_path %s; hls_fragment 1; %s }\n"+
			"dash { enabled on; dash_path %s; dash_fragment 2; dash_update_period 1; dash_window_size 60; %s } }\n",
			name, t.TempDir(), low, t.TempDir(), strings.Replace(low, "hls", "dash", 1))
	}
	return more
}

func ending(e string) func(*testing.T, string) string {
	return func(t *testing.T, raw string) string { t.Helper(); return onWeb(t, raw, "http", e) }
}

// of returns the address of an outlet's stream.
func (o outlet) of(f *fixture) string {
	if o.vhost != "" {
		return f.url("s?vhost=" + o.vhost + ".test")
	}
	return f.url("s")
}

// bridges are directives of a vhost for WebRTC and everything else.
const bridges = "rtc { enabled on; rtc_to_rtmp on; rtmp_to_rtc on; }\n"

const recorded = 5 // seconds of media

// TestOutputs has one ffmpeg publish a stream that flashes and beeps at once, records every output,
// and holds the recordings against the source.
func TestOutputs(t *testing.T) {
	t.Parallel()
	outputs(t, false)
}

// outputs does so with the contents of every run, or with the others.
func outputs(t *testing.T, long bool) {
	t.Helper()
	for _, c := range contents {
		if c.long != long {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			outputsOf(t, c)
		})
	}
}

func outputsOf(t *testing.T, c content) {
	t.Helper()
	more := ""
	for _, kind := range []string{"ts", "aac", "mp3"} {
		more += fmt.Sprintf("vhost %s.test { "+bridges+" srt { enabled on; } http_remux { enabled on; mount [vhost]/[app]/[stream].%s; } }\n", kind, kind)
	}
	f := serve(t, conf{srt: "latency 120;", rtc: " ", vhost: bridges + flvAndHLS(t, ""), more: more + mp4Outputs(t)})
	source := c.make(t)
	files := map[string]string{}
	ends := map[string]func(){}
	begin := func(late bool) {
		for _, o := range outlets {
			if o.late == late && o.carries(c) {
				files[o.name], ends[o.name] = record(t, f, o, c)
			}
		}
	}
	begin(false)
	waitFor(t, "the viewers", func() bool { return len(f.players()) == len(ends) })
	stop := c.publish(t, f, source)
	begin(true)
	want := look(t, source, strings.Replace(c.codecs, "aac", c.sound(), 1))
	for _, o := range outlets {
		if files[o.name] == "" {
			continue
		}
		t.Run(o.name, func(t *testing.T) {
			ends[o.name]()
			codecs := c.codecs
			if o.sound != "" {
				codecs = o.sound
			}
			look(t, files[o.name], codecs).hold(t, want)
		})
	}
	stop()
	for _, each := range f.players() { // HLS: the player has gone, and its session ends later
		f.kick(each.ID)
	}
}

// sound is the codec of the source's sound where outputs have AAC.
func (c content) sound() string {
	if c.whip {
		return "opus"
	}
	return "aac"
}

// whip is the address to which a vhost's stream is published by WebRTC.
func (f *fixture) whip(vhost string) string {
	at := "http://" + f.api + "/rtc/v1/whip/?app=live&stream=s"
	if vhost != "" {
		at += "&vhost=" + vhost + ".test"
	}
	return at
}

// publish sends the source to all vhosts, and returns what ends that.
func (c content) publish(t *testing.T, f *fixture, source string) (stop func()) {
	t.Helper()
	vhosts := []string{"", "ts", "aac", "mp3", "mp4", "low"}
	if c.clip != "" {
		tags := readClip(t, clip{file: strings.TrimSuffix(source, ".mkv") + ".flv"})
		var pubs []*clientPublisher
		for _, vhost := range vhosts {
			pubs = append(pubs, publishTags(t, outlet{vhost: vhost}.of(f), tags, 0))
		}
		return func() {
			for _, p := range pubs {
				p.stop()
			}
		}
	}
	args := slices.Concat(strings.Fields("-hide_banner -loglevel error -re -stream_loop -1 -i"), []string{source})
	if c.whip { // one after the other takes its time to connect, and the first ones' pictures would wait for that
		var pubs []*process
		for _, vhost := range vhosts {
			pubs = append(pubs, launch(t, c.program, append(slices.Clone(args), "-map", "0", "-c", "copy", "-f", "whip", "-whip_flags", "dtls_active", f.whip(vhost))...))
		}
		return func() {
			for _, p := range pubs {
				p.stop()
			}
		}
	}
	for _, vhost := range vhosts {
		to := outlet{vhost: vhost}.of(f)
		if c.srt {
			args = append(args, strings.Fields("-map 0 -c copy -f mpegts "+c.send)...)
			args = append(args, srtAddress(t, to, "publish"))
			continue
		}
		args = append(args, strings.Fields("-map 0 -c copy -flvflags no_duration_filesize -f flv "+c.send)...)
		args = append(args, to)
	}
	return launch(t, c.program, args...).stop
}

// make encodes the source. Each second it flashes for two pictures and beeps as long.
func (c content) make(t *testing.T) string {
	t.Helper()
	if c.clip != "" {
		return filepath.Join("testdata", c.clip+".mkv")
	}
	file := filepath.Join(t.TempDir(), "source.flv")
	if c.whip { // FLV has no Opus for all who are to read it here
		file = strings.TrimSuffix(file, "flv") + "mkv"
	}
	args := strings.Fields("-hide_banner -loglevel error -y")
	if c.video != "" {
		args = append(args, "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25,format=yuv420p,geq=lum='if(between(mod(T,1),0.39,0.47),235,16+lum(X,Y)/16)':cb='cb(X,Y)':cr='cr(X,Y)'")
	}
	if c.audio != "" {
		args = append(args, "-f", "lavfi", "-i", "aevalsrc='if(between(mod(t,1),0.4,0.48),0.8*sin(2*PI*1000*t),0)':s=44100")
	}
	args = append(args, "-t", "12")
	if c.video != "" {
		args = append(args, strings.Fields(c.video+" -g 25 -keyint_min 25 -pix_fmt yuv420p")...)
	}
	args = append(args, strings.Fields(c.audio)...)
	run(t, c.program, append(args, file)...)
	return file
}

// record begins to record an outlet, and returns the file and what waits for its end.
func record(t *testing.T, f *fixture, o outlet, c content) (file string, end func()) {
	t.Helper()
	address := o.at(t, o.of(f))
	if strings.HasPrefix(address, "ws:") { // which ffmpeg does not know
		v := socketPlayer(t, address, "").(*flvViewer)
		file = filepath.Join(t.TempDir(), "record.flv")
		return file, func() {
			waitFor(t, "the recording", func() bool {
				m := v.messages()
				return v.shown() != "" || len(m) > 0 && m[len(m)-1].Time-m[0].Time > recorded*1000
			})
			if v.shown() != "" {
				t.Errorf("the stream has ended: %s", v.shown())
			}
			v.close()
			if v.audio != (c.audio != "") || v.video != (c.video != "") {
				t.Errorf("the header promises audio: %t, video: %t", v.audio, v.video)
			}
			m := v.messages() // of which what is too much has been played from the start again
			m = m[:slices.IndexFunc(m, func(one rtmp.Message) bool { return one.Time-m[0].Time > recorded*1000 })]
			if err := os.Rename(saveMessages(t, m), file); err != nil {
				t.Error(err)
			}
		}
	}
	switch {
	case strings.Contains(address, ".mpd"):
		awaitManifest(t, f, address)
	case o.late:
		awaitPlaylist(t, f, address)
	}
	file = filepath.Join(t.TempDir(), "record."+o.form)
	args := append(strings.Fields("-hide_banner -loglevel warning -nostdin -i"), address)
	args = append(args, strings.Fields(fmt.Sprintf("-map 0 -c copy -t %d -f %s", recorded, o.form))...)
	p := launch(t, "ffmpeg7", append(args, file)...)
	return file, func() {
		if err := p.wait(); err != nil {
			t.Errorf("ffmpeg: %v", err)
		}
		quiet(t, p.shown())
	}
}

// awaitPlaylist waits until there is HLS to play, by a session that ends then.
func awaitPlaylist(t *testing.T, f *fixture, address string) {
	t.Helper()
	id, with := stream.NewID(), "?"
	if strings.Contains(address, "?") {
		with = "&"
	}
	waitFor(t, "a playlist", func() bool { status, _ := f.get(address + with + "hls_ctx=" + id); return status == 200 })
	f.kick(id)
}

// awaitManifest waits until there is as much of DASH as is to be recorded: ffmpeg that comes to the newest segment plays
// it twice, or takes the place of a segment in the list for its number.
func awaitManifest(t *testing.T, f *fixture, address string) {
	t.Helper()
	id := stream.NewID()
	waitFor(t, "a manifest", func() bool {
		_, manifest := f.get(address + "&dash_ctx=" + id)
		whole := 0
		for _, s := range regexp.MustCompile(`<S [^>]*d="\d+"(?: r="(\d+)")?`).FindAllStringSubmatch(manifest, -1) {
			n, _ := strconv.Atoi(s[1]) // nothing is zero
			whole += n + 1
		}
		return whole/max(1, strings.Count(manifest, "<SegmentTimeline>")) >= recorded/2+2
	})
	f.kick(id)
}

// sight is what is seen and heard in a recording, all of which decodes.
type sight struct {
	video, audio   bool
	flashes, beeps []float64 // when they begin, in seconds
}

var stamped = regexp.MustCompile(`pts_time:([-0-9.]+)\s+lavfi\.\S+=(\S+)`)

// look decodes a recording and finds the marks. It must have these codecs, begin with a key frame,
// and give a picture for every packet.
func look(t *testing.T, file, codecs string) (s sight) {
	t.Helper()
	raw, complaints := run(t, "ffprobe7", "-loglevel", "warning", "-show_entries", probeEntries, "-of", "json", file)
	var p probed
	unmarshal(t, raw, &p)
	var have []string
	for _, x := range p.Streams {
		s.video, s.audio = s.video || x.Type == "video", s.audio || x.Type == "audio"
		if x.Type == "video" || x.Type == "audio" {
			have = append(have, x.Codec)
		}
	}
	slices.Sort(have)
	want := strings.Fields(codecs)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Fatalf("the recording has %v, want %v", have, want)
	}
	var packets []packet
	for _, k := range p.Packets {
		if k.Type == "video" {
			packets = append(packets, k)
		}
	}
	args := strings.Fields("-hide_banner -loglevel warning -xerror -copyts -i")
	args = append(args, file)
	seen, heard := filepath.Join(t.TempDir(), "seen"), filepath.Join(t.TempDir(), "heard")
	if s.video {
		args = append(args, "-map", "0:v", "-vf", "signalstats,metadata=mode=print:key=lavfi.signalstats.YAVG:file="+seen, "-fps_mode", "passthrough", "-enc_time_base", "demux", "-f", "null", "-")
	}
	if s.audio {
		args = append(args, "-map", "0:a", "-af", "asetnsamples=n=96:p=0,astats=metadata=1:reset=1:measure_perchannel=none:measure_overall=RMS_level,"+
			"ametadata=mode=print:key=lavfi.astats.Overall.RMS_level:file="+heard, "-f", "null", "-")
	}
	_, said := run(t, "ffmpeg7", args...)
	quiet(t, complaints+said)
	if s.video {
		var pictures int
		s.flashes, pictures = marks(t, seen, 120)
		if len(packets) == 0 || packets[0].Flags[:1] != "K" {
			t.Error("the recording does not begin with a key frame")
		}
		if pictures != len(packets) {
			t.Errorf("%d packets give %d pictures", len(packets), pictures)
		}
	}
	if s.audio {
		s.beeps, _ = marks(t, heard, -25)
	}
	return s
}

// usual is what ffmpeg says whoever has made a stream: that ADTS has no times, and TS of sound alone no frame size;
// and, since it puts the header before each segment that it fetches, that there is one already.
var usual = regexp.MustCompile(`Estimating duration from bitrate|frame size (is )?not set|Found duplicated MOOV Atom|Last message repeated`)

// quiet checks that ffmpeg has nothing to complain about.
func quiet(t *testing.T, said string) {
	t.Helper()
	for line := range strings.Lines(said) {
		if !usual.MatchString(line) {
			t.Errorf("ffmpeg complains: %s", line)
		}
	}
}

// marks returns when a level begins to be above a limit after having been below for long, and how
// many levels there are.
func marks(t *testing.T, file string, limit float64) (at []float64, n int) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	above := -math.MaxFloat64
	for _, m := range stamped.FindAllStringSubmatch(string(raw), -1) {
		when, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		level, err := strconv.ParseFloat(m[2], 64) // -inf too
		if err != nil {
			t.Fatal(err)
		}
		n++
		if level <= limit {
			continue
		}
		if when-above > 0.3 {
			at = append(at, when)
		}
		above = when
	}
	return at, n
}

// hold compares a recording with the source: the marks come every second, and sound and picture are as
// far apart as they were.
func (s sight) hold(t *testing.T, source sight) {
	t.Helper()
	for what, list := range map[string][]float64{"flashes": s.flashes, "beeps": s.beeps} {
		if (what == "flashes") != s.video && (what == "beeps") != s.audio {
			continue
		}
		if len(list) < recorded-1 {
			t.Errorf("%s at %v, want %d", what, list, recorded)
		}
		for i := 1; i < len(list); i++ {
			if d := list[i] - list[i-1]; math.Abs(d-1) > 0.03 {
				t.Errorf("%s at %v: %.3f s apart", what, list, d)
			}
		}
	}
	if !s.video || !s.audio {
		return
	}
	was, is := source.apart(t), s.apart(t)
	t.Logf("sound is %.1f ms behind the picture, %.1f ms at the source", is*1000, was*1000)
	if d := is - was; math.Abs(d) >= 0.040 {
		t.Errorf("sound is %.1f ms later than at the source", d*1000)
	}
}

// apart returns by how much the sound is behind the picture, as the median of the marks.
func (s sight) apart(t *testing.T) float64 {
	t.Helper()
	var all []float64
	for _, flash := range s.flashes {
		for _, beep := range s.beeps {
			if d := beep - flash; math.Abs(d) < 0.5 {
				all = append(all, d)
			}
		}
	}
	if len(all) < recorded-2 {
		t.Fatalf("flashes at %v and beeps at %v do not belong together", s.flashes, s.beeps)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

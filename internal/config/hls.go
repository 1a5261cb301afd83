package config

import "time"

// HLS writes playlists and segments.
type HLS struct {
	Enabled            bool          `conf:"enabled" default:"off" doc:"Makes HLS of every stream."`
	HlsFragment        time.Duration `conf:"hls_fragment" unit:"fs" default:"10" range:">0" doc:"Length of a segment. It ends at the next key frame, so the encoder decides with."`
	HlsTdRatio         float64       `conf:"hls_td_ratio" default:"1.0" range:">0" doc:"Multiple of hls_fragment after which a segment ends, at its next key frame."`
	HlsAofRatio        float64       `conf:"hls_aof_ratio" default:"2.1" range:">0" doc:"Multiple of hls_fragment after which a segment ends that has no pictures, or need not wait for a key frame."`
	HlsWindow          time.Duration `conf:"hls_window" unit:"fs" default:"60" range:">0" doc:"How much of the stream is in the playlist, but never less than three segments of the longest."`
	HlsOnError         string        `conf:"hls_on_error" default:"continue" enum:"ignore|continue|disconnect" doc:"What happens when a segment cannot be made: ignore gives up HLS for this stream, continue goes on, disconnect ends the publisher."`
	HlsPath            string        `conf:"hls_path" default:"./objs/nginx/html" doc:"Directory for playlists and segments."`
	HlsServeFrom       string        `conf:"hls_serve_from" default:"disk" enum:"disk|memory|both" doc:"Where playlists and segments are kept and served from: files, memory without any file, or memory and files. In memory a stream needs twice its hls_window."`
	HlsM3u8File        string        `conf:"hls_m3u8_file" default:"[app]/[stream].m3u8" doc:"Name of the playlist below it; [vhost], [app] and [stream] may be used."`
	HlsTSFile          string        `conf:"hls_ts_file" default:"[app]/[stream]-[seq].ts" doc:"Name of a segment below it; also [seq], [timestamp], [duration] and parts of the date."`
	HlsUseFmp4         bool          `conf:"hls_use_fmp4" default:"off" doc:"Makes segments of MP4 instead of a transport stream: also of AV1 and VP9, and of HEVC as Apple's devices want it."`
	HlsFmp4File        string        `conf:"hls_fmp4_file" default:"[app]/[stream]-[seq].m4s" doc:"Name of such a segment below hls_path; the same variables as in hls_ts_file."`
	HlsInitFile        string        `conf:"hls_init_file" default:"[app]/[stream]/init.mp4" doc:"Name of the header that goes before them. Where the coding changes, the next one has a number at the end of its name."`
	HlsLowLatency      bool          `conf:"hls_low_latency" default:"off" doc:"Low-Latency HLS: players get parts of segments as they are made, and lists that wait for them. Makes segments of MP4, whatever hls_use_fmp4 says."`
	HlsPart            time.Duration `conf:"hls_part" unit:"fs" default:"0.2" range:"0.05..2" doc:"The most that a part lasts, with hls_low_latency. Players stay three parts behind the newest."`
	HlsTSFloor         bool          `conf:"hls_ts_floor" default:"off" doc:"Numbers segments by the clock, so that several servers make the same names."`
	HlsEntryPrefix     string        `conf:"hls_entry_prefix" example:"http://your-server" doc:"Put in front of segment names in the playlist, for instance the address of a CDN."`
	HlsAcodec          string        `conf:"hls_acodec" default:"aac" enum:"aac|mp3|an" doc:"Sound expected until the stream says otherwise; an means none."`
	HlsVcodec          string        `conf:"hls_vcodec" default:"h264" enum:"h264|h265|vn" doc:"Pictures expected until the stream says otherwise; vn means none."`
	HlsCleanup         bool          `conf:"hls_cleanup" default:"on" doc:"Deletes segments which have left the playlist."`
	HlsDispose         time.Duration `conf:"hls_dispose" unit:"s" default:"120" range:"0.." doc:"Time after the last frame after which the files of a stream are deleted; 0 never deletes them."`
	HlsWaitKeyframe    bool          `conf:"hls_wait_keyframe" default:"on" doc:"Ends segments only at key frames. Off cuts on time, and some players show garbage."`
	HlsNbNotify        int           `conf:"hls_nb_notify" default:"64" range:"0.." doc:"Bytes read from the answer to on_hls_notify."`
	HlsCtx             bool          `conf:"hls_ctx" default:"on" doc:"Gives every player a playlist of its own, so that players can be counted and callbacks made. Turn it off behind caches."`
	HlsTSCtx           bool          `conf:"hls_ts_ctx" default:"on" doc:"Marks segments for the same purpose."`
	HlsDtsDirectly     bool          `conf:"hls_dts_directly" default:"on" doc:"Takes timestamps from the stream as they are, instead of counting sound samples."`
	HlsKeys            bool          `conf:"hls_keys" default:"off" doc:"Encrypts segments with AES-128."`
	HlsFragmentsPerKey int           `conf:"hls_fragments_per_key" default:"5" range:"1.." doc:"Segments after which a new key is used."`
	HlsKeyFile         string        `conf:"hls_key_file" default:"[app]/[stream]-[seq].key" doc:"Name of a key file."`
	HlsKeyFilePath     string        `conf:"hls_key_file_path" default:"= hls_path" doc:"Directory for key files."`
	HlsKeyURL          string        `conf:"hls_key_url" example:"https://your-server/keys/" doc:"Put in front of the name of the key file in the playlist, as it is: give it a slash at its end. Without it keys are served beside the playlist, with hls_ctx to its players only."`
	_                  struct{}      `conf:"hls_storage,ignored" doc:"Once kept segments in memory."`
	_                  struct{}      `conf:"hls_mount,ignored" doc:"Once served segments from memory."`
}

// FMP4 reports whether segments are of MP4.
func (h *HLS) FMP4() bool { return h.HlsUseFmp4 || h.HlsLowLatency }

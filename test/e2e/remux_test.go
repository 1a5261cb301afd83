package e2e

import (
	"strings"
	"testing"
)

// TestRemuxSound has ffmpeg listen to streams of sound alone, which decode without a complaint from
// their first byte.
func TestRemuxSound(t *testing.T) {
	t.Parallel()
	for ending, coder := range map[string]string{"aac": "aac", "mp3": "libmp3lame"} {
		for name, pictures := range map[string]string{"with pictures": "-f lavfi -i testsrc2=size=160x120:rate=25 -c:v libx264 -preset ultrafast -g 50", "alone": ""} {
			t.Run(ending+" "+name, func(t *testing.T) {
				t.Parallel()
				f := serve(t, conf{vhost: "http_remux { enabled on; mount [vhost]/[app]/[stream]." + ending + "; fast_cache 2; }"})
				launch(t, "ffmpeg", strings.Fields("-hide_banner -loglevel error -nostdin -re -f lavfi -i sine=frequency=440:sample_rate=44100 "+pictures+
					" -c:a "+coder+" -b:a 64k -f flv "+f.url("s"))...)
				published(t, f)
				address := "http://" + f.http + "/live/s." + ending
				listen := func() {
					t.Helper()
					_, complaints := run(t, "ffmpeg", strings.Fields("-hide_banner -loglevel warning -nostdin -xerror -i "+address+" -t 2 -f null -")...)
					if complaints != "" {
						t.Errorf("ffmpeg complains:\n%s", complaints)
					}
				}
				listen()
				listen() // late
			})
		}
	}
}

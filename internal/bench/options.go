package bench

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// The modes.
const (
	modePublish = "publish"
	modePlay    = "play"
	modeIdle    = "idle"
	modeChurn   = "churn"
)

// options are the command line.
type options struct {
	mode string
	url  string

	connections int
	ramp        float64 // new connections per second
	duration    time.Duration
	warmup      time.Duration
	interval    time.Duration // of the progress line
	json, quiet bool
	insecure    bool

	bitrate int // bits per second
	fps     float64
	gop     time.Duration
	file    string

	streams int
	late    time.Duration
	life    time.Duration
}

// The bounds of options.
const (
	maxConnections = 100000
	maxRamp        = 10000
	maxDuration    = 24 * time.Hour
	minBitrate     = 32000
	maxBitrate     = 200e6
	maxFPS         = 240
	maxGOP         = time.Minute
)

// errUsage is a command line that makes no sense.
var errUsage = errors.New("bench")

const usage = `Usage: weir bench publish|play|idle|churn -u URL [options]

  publish   send made-up streams, or a file, in real time
  play      play streams, and measure what arrives and when
  idle      connect, and ask for nothing
  churn     players that come and go at a fixed rate

For example, in two terminals:
  weir bench publish -u rtmp://localhost/live/bench{n} -n 10 -bitrate 1M -duration 1m
  weir bench play -u rtmp://localhost/live/bench{n} -streams 10 -n 500

{n} is the number of the stream, from 0. weir bench MODE -h lists the options of a mode.
The exit status is 0 if all went well, 1 if not, 2 if the command line makes no sense.
`

// parseOptions reads a mode and its flags. The error is flag.ErrHelp where help was asked for,
// which out has then got, and errUsage for what makes no sense.
func parseOptions(args []string, out io.Writer) (*options, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("%w: no mode\n\n%s", errUsage, usage)
	}
	o := &options{mode: args[0], streams: 1}
	switch o.mode {
	case modePublish, modePlay, modeIdle, modeChurn:
	case "-h", "-help", "--help", "help":
		_, _ = io.WriteString(out, usage) // nobody there to tell
		return nil, flag.ErrHelp
	default:
		return nil, fmt.Errorf("%w: %q is no mode\n\n%s", errUsage, o.mode, usage)
	}
	set := o.flags()
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	if err := set.Parse(args[1:]); errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintf(out, "Usage: weir bench %s -u URL [options]\n\n", o.mode)
		set.SetOutput(out)
		set.PrintDefaults()
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("%w %s: %w", errUsage, o.mode, err)
	}
	if set.NArg() > 0 {
		return nil, fmt.Errorf("%w %s: %q is no option", errUsage, o.mode, set.Arg(0))
	}
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("%w %s: %w", errUsage, o.mode, err)
	}
	return o, nil
}

// flags returns the flags of the mode.
func (o *options) flags() *flag.FlagSet {
	f := flag.NewFlagSet(o.mode, flag.ContinueOnError)
	f.StringVar(&o.url, "u", "", "`URL`: rtmp://host[:port]/app/stream or rtmps://...; {n} is the stream's number")
	duration := 30 * time.Second
	if o.mode == modeIdle {
		duration = 20 * time.Second // servers send away who asks for nothing in 30 s
	}
	f.DurationVar(&o.duration, "duration", duration, "how long to measure, after all are connected")
	f.DurationVar(&o.interval, "interval", time.Second, "between two lines of progress")
	f.BoolVar(&o.json, "json", false, "print the report as JSON")
	f.BoolVar(&o.quiet, "quiet", false, "no progress")
	f.BoolVar(&o.insecure, "insecure", false, "rtmps: take any certificate")
	if o.mode == modeChurn {
		f.Float64Var(&o.ramp, "rate", 50, "new players per `second`")
		f.DurationVar(&o.life, "life", time.Second, "how long each stays")
	} else {
		f.IntVar(&o.connections, "n", 1, "`connections`: streams to publish, players, or idle ones")
		f.Float64Var(&o.ramp, "ramp", 100, "new connections per `second`")
	}
	switch o.mode {
	case modePublish:
		o.bitrate = 1000000
		f.Func("bitrate", "bits per second of each stream, as 500k or 2M (default 1M)", func(s string) (err error) {
			o.bitrate, err = parseBitrate(s)
			return err
		})
		f.Float64Var(&o.fps, "fps", 30, "pictures per second")
		f.DurationVar(&o.gop, "gop", 2*time.Second, "from one key picture to the next")
		f.StringVar(&o.file, "file", "", "publish this `FLV file` again and again, instead of made-up streams")
	case modePlay, modeChurn:
		f.IntVar(&o.streams, "streams", 1, "how many streams there are: player i plays number i modulo that")
		f.DurationVar(&o.late, "late", time.Second, "a picture that takes longer is late")
	}
	if o.mode == modePlay || o.mode == modePublish || o.mode == modeIdle {
		f.DurationVar(&o.warmup, "warmup", 2*time.Second, "between the last connection and the measurement")
	}
	return f
}

// check holds the options against their bounds.
func (o *options) check() error {
	if o.url == "" {
		return errors.New("-u is missing: where to?")
	}
	if _, err := dialerOf(o); err != nil {
		return err
	}
	many := o.streams
	if o.mode == modePublish {
		many = o.connections
	}
	if many > 1 && !strings.Contains(o.url, "{n}") {
		return fmt.Errorf("-u %q has no {n}, and there are %d streams", o.url, many)
	}
	for _, b := range []struct {
		name      string
		value     float64
		low, high float64
		used      bool
	}{
		{"-n", float64(o.connections), 1, maxConnections, o.mode != modeChurn},
		{"-streams", float64(o.streams), 1, maxConnections, true},
		{"-ramp or -rate", o.ramp, 0.1, maxRamp, true},
		{"-duration", o.duration.Seconds(), 0.1, maxDuration.Seconds(), true},
		{"-warmup", o.warmup.Seconds(), 0, maxDuration.Seconds(), true},
		{"-interval", o.interval.Seconds(), 0.1, maxDuration.Seconds(), true},
		{"-bitrate", float64(o.bitrate), minBitrate, maxBitrate, o.mode == modePublish},
		{"-fps", o.fps, 1, maxFPS, o.mode == modePublish},
		{"-gop", o.gop.Seconds(), 0.01, maxGOP.Seconds(), o.mode == modePublish},
		{"-late", o.late.Seconds(), 0.001, maxDuration.Seconds(), o.mode == modePlay},
		{"-life", o.life.Seconds(), 0.01, maxDuration.Seconds(), o.mode == modeChurn},
	} {
		if b.used && !(b.value >= b.low && b.value <= b.high) {
			return fmt.Errorf("%s: %v is not between %v and %v", b.name, b.value, b.low, b.high)
		}
	}
	if o.ramp*o.life.Seconds() > maxConnections {
		return fmt.Errorf("-rate and -life: more than %d players at once", maxConnections)
	}
	return nil
}

// streamURL returns the URL of a stream.
func (o *options) streamURL(n int) string {
	return strings.ReplaceAll(o.url, "{n}", strconv.Itoa(n))
}

// parseBitrate reads bits per second: 500000, 500k, 1.5M.
func parseBitrate(s string) (int, error) {
	number, unit := s, 1.0
	for suffix, factor := range map[string]float64{"k": 1e3, "m": 1e6} {
		if rest, ok := strings.CutSuffix(strings.ToLower(s), suffix); ok {
			number, unit = rest, factor
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(v) || math.Abs(v*unit) > math.MaxInt32 {
		return 0, fmt.Errorf("%q is no bit rate", s)
	}
	return int(math.Round(v * unit)), nil
}

// processors is how many cores the tool can use.
func processors() int { return runtime.GOMAXPROCS(0) }

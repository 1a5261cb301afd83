package config

import "strings"

// Options are the command line, and what the caller knows about where the process runs.
type Options struct {
	File      string // -c: the configuration file
	Test      bool   // -t: check the configuration and end
	EnvOnly   bool   // -e: read no file
	Version   bool   // -v: print the version and end
	Signature bool   // -g: print the signature and end
	Help      bool   // print Usage and end; also when no other word is understood

	Word string   // "version", "bench", "health", "drain" or "sign", when the command line begins with one of them
	Args []string // what follows Word

	Docker bool   // set by the caller: the process runs in a container, see InContainer
	Dir    string // set by the caller: where relative paths start; empty is the working directory
}

// ParseArgs reads the arguments of the process, without its name. Short flags may be
// bundled, and a long one is read by its letters: --help begins like -h.
func ParseArgs(args []string) (Options, error) {
	var o Options
	if len(args) == 0 {
		o.Help = true
		return o, nil
	}
	switch args[0] {
	case "version", "bench", "health", "drain", "sign":
		o.Word, o.Args = args[0], args[1:]
		return o, nil
	}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if !strings.HasPrefix(arg, "-") {
			o.Help = true
			continue
		}
		var err error
		if args, err = o.flags(strings.TrimLeft(arg, "-"), args); err != nil {
			return o, err
		}
	}
	return o, nil
}

// flags reads the letters of one argument. A file may follow -c at once, or as the next of
// the rest.
func (o *Options) flags(letters string, rest []string) ([]string, error) {
	for i, letter := range letters {
		switch letter {
		case 'h', '?':
			o.Help = true
			return rest, nil
		case 'v', 'V':
			o.Help, o.Version = false, true
			return rest, nil
		case 'g', 'G':
			o.Help, o.Signature = false, true
		case 't':
			o.Help, o.Test = false, true
		case 'e':
			o.Help, o.EnvOnly = false, true
		case 'c':
			o.Help = false
			if o.File = letters[i+1:]; o.File != "" {
				return rest, nil
			}
			if len(rest) == 0 || rest[0] == "" {
				return rest, &Error{Text: "option -c needs the name of a file"}
			}
			o.File = rest[0]
			return rest[1:], nil
		default:
			return rest, &Error{Text: "invalid option -" + string(letter)}
		}
	}
	return rest, nil
}

// Usage is the text for -h.
func Usage() string {
	return `Usage: weir <-h?vVgGe> | <[-t] -c FILE>

  -?, -h, --help      print this text
  -v, -V, --version   print the version
  -g, -G              print the signature of the server
  -e                  read no file: take every setting from the environment
  -t                  check the configuration file and end
  -c FILE             start with this configuration file

  version             print the version in words
  bench               put load on a server and measure it: see weir bench -h
  health              tell whether the server of this container is well: see weir health -h
  drain               end it gracefully, and wait for that: see weir drain -h
  sign                sign an address for who may publish or play: see weir sign -h

For example:
  weir -t -c conf/rtmp.conf
  weir -c conf/rtmp.conf

Every directive of the file can be set by a variable too: SRS_LISTEN=1935 for listen,
SRS_VHOST_PLAY_GOP_CACHE=off for gop_cache in the block play of every vhost.
docs/config.md lists them all.
`
}

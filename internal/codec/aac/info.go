package aac

import "weir/internal/media"

// Info tells what an AudioSpecificConfig says, as it is heard: with SBR and PS applied.
func Info(config []byte) (media.Info, error) {
	c, err := ParseConfig(config)
	if err != nil {
		return media.Info{}, err
	}
	return media.Info{Profile: profile(c), SampleRate: c.FullRate, Channels: c.Channels()}, nil
}

func profile(c Config) string {
	switch {
	case c.PS:
		return "HEv2"
	case c.SBR:
		return "HE"
	case c.Type == Main:
		return "Main"
	case c.Type == LC:
		return "LC"
	case c.Type == SSR:
		return "SSR"
	}
	return "Other"
}

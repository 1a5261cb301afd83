package mpdrules

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Forms of values, by their names in XML Schema or in that of the MPD.
var forms = map[string]*regexp.Regexp{
	"unsignedInt":  regexp.MustCompile(`^\d{1,10}$`),
	"unsignedLong": regexp.MustCompile(`^\d{1,20}$`),
	"integer":      regexp.MustCompile(`^-?\d{1,20}$`),
	"boolean":      regexp.MustCompile(`^(true|false|0|1)$`),
	"double":       regexp.MustCompile(`^(-?\d+(\.\d*)?([eE][-+]?\d+)?|-?INF|NaN)$`),
	"duration":     durationForm,
	"dateTime":     dateForm,
	"string":       regexp.MustCompile(`^`),
	"uri":          regexp.MustCompile(`^[^\s<>"{}|\\^]*$`),
	"token":        regexp.MustCompile(`^\S*$`),
	"frameRate":    regexp.MustCompile(`^\d+(/[1-9]\d*)?$`),
	"ratio":        regexp.MustCompile(`^\d*:\d*$`),
	"uints":        regexp.MustCompile(`^\d+( \d+)*$`),
	"conditional":  regexp.MustCompile(`^(true|false|\d{1,10})$`),
	"sap":          regexp.MustCompile(`^[0-6]$`),
	"type":         regexp.MustCompile(`^(static|dynamic)$`),
	"content":      regexp.MustCompile(`^(text|image|audio|video|application|font)$`),
	"scan":         regexp.MustCompile(`^(progressive|interlaced|unknown)$`),
	"clock":        regexp.MustCompile(`^(encoder|captured|application)$`),
	"language":     regexp.MustCompile(`^[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*$`),
}

var (
	durationForm = regexp.MustCompile(`^P(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d+)?)S)?)?$`)
	dateForm     = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)?$`)
)

// parseDuration reads an xs:duration; one with years or months has no length, and is an error.
func parseDuration(s string) (time.Duration, error) {
	m := durationForm.FindStringSubmatch(s)
	if m == nil || s[len(s)-1] == 'P' || s[len(s)-1] == 'T' {
		return 0, fmt.Errorf("%q is no duration", s)
	}
	var d float64
	for i, unit := range []float64{24 * 3600, 3600, 60, 1} {
		if m[i+1] == "" {
			continue
		}
		n, err := strconv.ParseFloat(m[i+1], 64)
		if err != nil {
			return 0, err
		}
		d += n * unit
	}
	if d > 200*365*24*3600 {
		return 0, fmt.Errorf("%q is too long", s)
	}
	return time.Duration(d*1e9 + 0.5), nil
}

// parseDate reads an xs:dateTime. One without a zone is an error: it means nothing to a client.
func parseDate(s string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || !dateForm.MatchString(s) {
		return time.Time{}, fmt.Errorf("%q is no date with a zone", s)
	}
	return at, nil
}

// ticks returns how long so many units of a timescale are.
func ticks(n int64, scale uint64) time.Duration {
	if scale == 0 {
		return 0
	}
	return time.Duration(float64(n) / float64(scale) * 1e9)
}

package hlsrules

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// attributes are those of a tag, as they are written: quoted strings keep their quotes.
type attributes map[string]string

var (
	attributeName = regexp.MustCompile(`^[A-Z0-9-]+`)
	integer       = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})$`)
	decimal       = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
)

// parseAttributes reads an attribute list (4.2). A name that comes twice is an error.
func parseAttributes(list string) (attributes, error) {
	a := attributes{}
	for rest := list; ; {
		name := attributeName.FindString(rest)
		after, ok := strings.CutPrefix(rest[len(name):], "=")
		if name == "" || !ok {
			return a, fmt.Errorf("no attribute at %q", rest)
		}
		if _, twice := a[name]; twice {
			return a, fmt.Errorf("%s is there twice", name)
		}
		end := strings.IndexByte(after, ',')
		if strings.HasPrefix(after, `"`) {
			closing := strings.IndexByte(after[1:], '"')
			if closing < 0 {
				return a, fmt.Errorf("%s has no closing quote", name)
			}
			end = closing + 2
		} else if end < 0 {
			end = len(after)
		}
		value := after[:end]
		if value == "" || !strings.HasPrefix(value, `"`) && strings.ContainsAny(value, "\" \t") {
			return a, fmt.Errorf("%s is %q", name, value)
		}
		a[name] = value
		if end == len(after) {
			return a, nil
		}
		if rest, ok = strings.CutPrefix(after[end:], ","); !ok {
			return a, fmt.Errorf("%q behind %s", after[end:], name)
		}
	}
}

// text returns a quoted string; it is empty if there is none.
func (a attributes) text(name string) string {
	v := a[name]
	if len(v) < 2 || v[0] != '"' {
		return ""
	}
	return v[1 : len(v)-1]
}

// yes tells whether an enumerated value is YES.
func (a attributes) yes(name string) bool { return a[name] == "YES" }

// seconds returns a decimal number of seconds; zero if there is none.
func (a attributes) seconds(name string) (time.Duration, error) {
	v, there := a[name]
	if !there {
		return 0, nil
	}
	return parseSeconds(v)
}

func parseSeconds(v string) (time.Duration, error) {
	if !decimal.MatchString(v) || len(v) > 24 {
		return 0, fmt.Errorf("%q is no number of seconds", v)
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || f > 1e9 {
		return 0, fmt.Errorf("%q is no number of seconds", v)
	}
	return time.Duration(f*1e9 + 0.5), nil
}

func parseInteger(v string) (int, error) {
	if !integer.MatchString(v) {
		return 0, fmt.Errorf("%q is no decimal integer", v)
	}
	return strconv.Atoi(v)
}

package config

import (
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxDuration bounds every duration, so that sums of a few of them cannot overflow.
const maxDuration = 10 * 365 * 24 * time.Hour

// set reads the words of a directive or variable into v, which has the type of f. A text or
// a list without any word is left alone, as if it were not given.
func (f *field) set(v reflect.Value, args []string) error {
	if many := f.typ.Kind() == reflect.Slice; !many && len(args) > 1 {
		return fmt.Errorf("%s expects one value, got %d%s", f.path, len(args), f.shown(": ", strings.Join(args, " ")))
	} else if len(args) == 0 {
		if f.typ.Kind() == reflect.String || many {
			return nil
		}
		return fmt.Errorf("%s expects %s, got nothing", f.path, f.expects())
	}
	for _, arg := range args {
		if !f.allows(arg) {
			return fmt.Errorf("%s expects %s%s", f.path, f.expects(), f.shown(", got ", strconv.Quote(arg)))
		}
	}
	switch p := v.Addr().Interface().(type) {
	case *bool:
		*p = args[0] == "on"
	case *string:
		*p = args[0]
	case *int:
		*p, _ = strconv.Atoi(args[0])
	case *float64:
		*p, _ = strconv.ParseFloat(args[0], 64)
	case *time.Duration:
		*p, _ = parseDuration(args[0], f.unit)
	case *[]string:
		*p = append([]string(nil), args...)
	case *[][]string:
		*p = append(*p, append([]string(nil), args...))
	case *[]Rule:
		r, err := parseRule(args)
		if err != nil {
			return fmt.Errorf("%s %w", f.path, err)
		}
		*p = append(*p, r)
	default:
		panic(fmt.Sprintf("config: %s has the unknown type %s", f.path, f.typ))
	}
	return nil
}

// shown returns what an error may say of a value: nothing of one that is a secret.
func (f *field) shown(before, value string) string {
	if f.secret {
		return " (it is a secret, and not shown)"
	}
	return before + value
}

// allows checks one word against the type, range and enumeration of f.
func (f *field) allows(arg string) bool {
	if len(f.enum) > 0 {
		return slices.Contains(f.enum, arg)
	}
	switch {
	case f.typ.Kind() == reflect.Bool:
		return arg == "on" || arg == "off"
	case f.isDuration():
		n, _ := strconv.ParseFloat(arg, 64)
		_, ok := parseDuration(arg, f.unit)
		return ok && within(n, f.bounds)
	case f.typ.Kind() == reflect.Int:
		n, err := strconv.Atoi(arg)
		return err == nil && within(float64(n), f.bounds)
	case f.typ.Kind() == reflect.Float64:
		n, ok := parseDecimal(arg)
		return ok && within(n, f.bounds)
	case f.check == "endpoint":
		return isEndpoint(arg)
	case f.check == "network":
		_, ok := parseNetwork(arg)
		return ok
	case f.check == "passphrase":
		return len(arg) >= 10 && len(arg) <= 79
	}
	return true
}

// expects names what f takes, in the words of an error message and of the manual.
func (f *field) expects() string {
	var what string
	switch {
	case len(f.enum) > 0:
		if len(f.enum) == 1 {
			return f.enum[0]
		}
		last := len(f.enum) - 1
		return strings.Join(f.enum[:last], ", ") + " or " + f.enum[last]
	case f.typ.Kind() == reflect.Bool:
		return "on or off"
	case f.isDuration():
		what = map[string]string{
			"ms": "whole milliseconds", "fms": "milliseconds", "s": "whole seconds", "fs": "seconds",
		}[f.unit]
	case f.typ.Kind() == reflect.Int:
		what = "a whole number"
	case f.typ.Kind() == reflect.Float64:
		what = "a number"
	case f.check == "endpoint":
		return "a port or ip:port ([ip]:port for IPv6)"
	case f.check == "network":
		return "an address, or a network such as 10.0.0.0/8"
	case f.check == "passphrase":
		return "10 to 79 characters"
	default:
		return "a value"
	}
	low, high, ok := strings.Cut(f.bounds, "..")
	switch {
	case !ok && f.bounds != "":
		return what + " above " + strings.TrimPrefix(f.bounds, ">")
	case !ok:
		return what
	case high == "":
		return what + ", " + low + " or more"
	}
	return what + " from " + low + " to " + high
}

// within tells whether n lies in bounds: "low..", "low..high" or ">low".
func within(n float64, bounds string) bool {
	if low, ok := strings.CutPrefix(bounds, ">"); ok {
		limit, _ := strconv.ParseFloat(low, 64)
		return n > limit
	}
	low, high, _ := strings.Cut(bounds, "..")
	if limit, err := strconv.ParseFloat(low, 64); err == nil && n < limit {
		return false
	}
	limit, err := strconv.ParseFloat(high, 64)
	return err != nil || n <= limit
}

// parseDecimal reads digits with at most a sign and a point: no exponents, no infinity.
func parseDecimal(s string) (float64, bool) {
	if strings.Trim(s, "+-.0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && math.Abs(n) < 1<<53
}

func parseDuration(s, unit string) (time.Duration, bool) {
	whole := !strings.HasPrefix(unit, "f")
	scale := time.Second
	if strings.HasSuffix(unit, "ms") {
		scale = time.Millisecond
	}
	if _, err := strconv.Atoi(s); err != nil && whole {
		return 0, false
	}
	n, ok := parseDecimal(s)
	if !ok || math.Abs(n)*float64(scale) > float64(maxDuration) {
		return 0, false
	}
	return time.Duration(math.Round(n * float64(scale))), true
}

// isEndpoint accepts `port` and `ip:port`, where the ip is a literal and an IPv6 one stands
// in brackets.
func isEndpoint(s string) bool {
	port := s
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host := s[:i]
		port = s[i+1:]
		inner, v6 := strings.CutPrefix(host, "[")
		if v6 {
			if inner, v6 = strings.CutSuffix(inner, "]"); !v6 {
				return false
			}
		}
		if ip, err := netip.ParseAddr(inner); err != nil || ip.Is4() == v6 {
			return false
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

package server

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	healthPath  = "/health"
	healthWait  = 3 * time.Second // an answer may take, unless -timeout says otherwise
	maxHealth   = 64 << 10        // bytes of it
	healthUsage = `Usage: weir health [-url URL] [-timeout TIME] [-c FILE | -e]

Ends with 0 if the server answers and does not drain, and says why not otherwise. It asks the API, or where that is off
the RTMP port whether it is open. In a container it knows by itself what the first process was
started with.

`
)

// Health asks a running server for a sign of life, as args say, and returns what is to be printed.
func Health(args, environ []string) (string, error) {
	var url string
	var timeout time.Duration
	file, env, help, err := besideFlags("health", healthUsage, args, func(set *flag.FlagSet) {
		set.StringVar(&url, "url", "", "ask this `URL`")
		set.DurationVar(&timeout, "timeout", healthWait, "wait no longer than this `TIME` for an answer")
	})
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			err = nil
		}
		return help, err
	}
	if url == "" {
		c, err := beside(file, env, environ)
		if err != nil {
			return "", err
		}
		if !c.HTTPAPI.Enabled {
			return knock(nearby(c.Listen[0]), timeout)
		}
		url = "http://" + nearby(c.HTTPAPI.Listen[0]) + healthPath
	}
	return ask(url, timeout)
}

// ask takes every answer for a sign of life but one that the server has failed: a server that
// wants a password is well.
func ask(url string, timeout time.Duration) (string, error) {
	client := &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableKeepAlives: true}, // without the proxies of the environment
	}
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(answer.Body, maxHealth)); err != nil {
		return "", fmt.Errorf("%s: %w", url, err)
	}
	if answer.StatusCode >= http.StatusInternalServerError {
		return "", fmt.Errorf("%s answers %s", url, answer.Status)
	}
	return "well: " + url + " answers\n", nil
}

// knock asks whether a port is open.
func knock(addr string, timeout time.Duration) (string, error) {
	c, err := net.DialTimeout("tcp", addr, timeout)
	if err != nil {
		return "", err
	}
	_ = c.Close()
	return "well: " + addr + " is open\n", nil
}

// nearby is how a process of the same machine reaches a port that is configured as addr: a port
// alone, or one of an address.
func nearby(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = "", strings.TrimPrefix(addr, ":")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port)
}

package srt

import (
	"errors"
	"strings"
	"testing"
)

// ids are stream ids, and what they mean; the fuzz target begins with them.
var ids = map[string]struct {
	want target
	err  error
}{
	"":                                        {want: target{publish: true, app: "live", stream: "livestream"}},
	"live/livestream":                         {want: target{app: "live", stream: "livestream"}},
	"livestream":                              {want: target{app: "first", stream: "livestream"}},
	"live/a/b":                                {want: target{app: "live", stream: "a/b"}},
	"live/livestream?secret=x&b=c":            {want: target{app: "live", stream: "livestream", param: "secret=x&b=c"}},
	"live/s?vhost=v.test":                     {want: target{vhost: "v.test", app: "live", stream: "s", param: "vhost=v.test"}},
	"#!::r=live/s,m=publish":                  {want: target{publish: true, app: "live", stream: "s"}},
	"#!::r=s,m=publish":                       {want: target{publish: true, app: "first", stream: "s"}},
	"#!::r=live/s":                            {want: target{app: "live", stream: "s"}},
	"#!::r=live/s,m=request":                  {want: target{app: "live", stream: "s"}},
	"#!::m=PUBLISH,r=live/s":                  {want: target{publish: true, app: "live", stream: "s"}},
	"#!::h=v.test,r=live/s,m=publish":         {want: target{publish: true, vhost: "v.test", app: "live", stream: "s", param: "vhost=v.test"}},
	"#!::h=live/s,m=publish":                  {want: target{publish: true, app: "live", stream: "s"}},
	"#!::h=v.test/live/s,m=publish":           {want: target{publish: true, vhost: "v.test", app: "live", stream: "s", param: "vhost=v.test"}},
	"#!::h=live/s?secret=x,m=publish":         {want: target{publish: true, app: "live", stream: "s", param: "secret=x"}},
	"#!::u=me,h=v.test,t=stream,a=1,r=live/s": {want: target{vhost: "v.test", app: "live", stream: "s", param: "a=1&vhost=v.test&t=stream&u=me"}},
	"#!::r=live/s,m=record":                   {err: errMode},
	"#!::m=publish":                           {err: errID},
	"#!::h=v.test,m=publish":                  {err: errID},
	"#!::h=a/b/c/d":                           {err: errID},
	"#!::r=live/":                             {err: errID},
	"#!:{r=live/s}":                           {err: errID},
	"/":                                       {err: errID},
	"live/\n":                                 {err: errID},
	"?a=b":                                    {err: errID},
}

func TestParseID(t *testing.T) {
	for id, c := range ids {
		got, err := parseID(id, "first")
		if !errors.Is(err, c.err) || err == nil && got != c.want {
			t.Errorf("%q: %+v, %v; want %+v, %v", id, got, err, c.want, c.err)
		}
	}
}

func FuzzParseID(f *testing.F) {
	for id := range ids {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		got, err := parseID(id, "live")
		if err != nil {
			if !errors.Is(err, errID) && !errors.Is(err, errMode) {
				t.Errorf("%q: %v", id, err)
			}
			return
		}
		if got.app == "" || got.stream == "" || strings.ContainsAny(got.app+got.stream, "\n\x00") {
			t.Errorf("%q: %+v", id, got)
		}
	})
}

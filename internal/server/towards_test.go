package server

import (
	"testing"
	"time"
)

func TestTowards(t *testing.T) {
	var x towards
	if got := x.to("redis://127.0.0.1:1/0"); got != "127.0.0.1" {
		t.Errorf("towards 127.0.0.1 it is %q", got)
	}
	x.known["redis://192.0.2.2:1/0"] = own{"192.0.2.3", time.Now().Add(time.Minute)}
	if got := x.to("redis://192.0.2.2:1/0"); got != "192.0.2.3" {
		t.Errorf("towards another registry it is %q", got)
	}
	x.known["redis://127.0.0.1:1/0"] = own{"192.0.2.1", time.Now().Add(-time.Second)}
	if got := x.to("redis://127.0.0.1:1/0"); got != "127.0.0.1" {
		t.Errorf("when it has changed it is %q", got)
	}
	x.known["nowhere"] = own{"192.0.2.1", time.Now().Add(-time.Second)}
	if got := x.to("nowhere"); got != "192.0.2.1" {
		t.Errorf("without a way it is %q, and was 192.0.2.1", got)
	}
}

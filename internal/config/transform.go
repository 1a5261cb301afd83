package config

import (
	"fmt"
	"slices"
)

// Files written for older servers use other spellings. They are rewritten here, before they
// are decoded, each with a note. A directive in its new place wins over an old spelling.

// move takes one directive out of its block and puts leaf at the end of the block into.
type move struct {
	into string
	leaf *Directive
}

func (l *loader) transform(tree []*Directive) []*Directive {
	for _, d := range tree {
		switch d.Name {
		case "http_stream":
			l.rename(d, "http_server", d.Args...)
		case "srt_server":
			for _, child := range d.Block {
				if child.Name == "tlpkdrop" {
					l.rename(child, "tlpktdrop", child.Args...)
				}
			}
		case "stream_caster":
			l.moveChildren(d, moveOfCaster)
		case "vhost":
			l.transformVhost(d)
		}
	}
	return tree
}

func moveOfCaster(d *Directive) []move {
	if d.Name == "host" && d.Block == nil {
		return []move{{"sip", d.as("candidate", d.Args...)}}
	}
	return nil
}

func (l *loader) transformVhost(vhost *Directive) {
	for _, d := range vhost.Block {
		switch {
		case d.Name == "http" && d.Block != nil:
			l.rename(d, "http_static", d.Args...)
		case d.Name == "rtc":
			for _, child := range d.Block {
				l.transformRTC(child)
			}
		}
	}
	l.moveChildren(vhost, l.moveOfVhost)
}

// transformRTC rewrites two directives which were words and are switches now.
func (l *loader) transformRTC(d *Directive) {
	word := ""
	if len(d.Args) == 1 && d.Block == nil {
		word = d.Args[0]
	}
	switch {
	case d.Name == "aac" && word != "":
		l.rename(d, "rtmp_to_rtc", onOff(word == "transcode"))
	case d.Name == "bframe" && word != "":
		l.rename(d, "keep_bframe", onOff(word == "keep"))
	}
}

// moveOfVhost tells where an old directive of a vhost belongs; nil means it is not old.
func (l *loader) moveOfVhost(d *Directive) []move {
	switch d.Name {
	case "mr":
		return l.unfold(d, "publish", map[string]string{"enabled": "mr", "latency": "mr_latency"})
	case "nack":
		return l.unfold(d, "rtc", map[string]string{"enabled": "nack", "no_copy": "nack_no_copy"})
	case "twcc":
		return l.unfold(d, "rtc", map[string]string{"enabled": "twcc"})
	}
	if d.Block != nil {
		return nil
	}
	switch d.Name {
	case "refer":
		return []move{{"refer", d.as("enabled", "on")}, {"refer", d.as("all", d.Args...)}}
	case "refer_play":
		return []move{{"refer", d.as("enabled", "on")}, {"refer", d.as("play", d.Args...)}}
	case "refer_publish":
		return []move{{"refer", d.as("enabled", "on")}, {"refer", d.as("publish", d.Args...)}}
	case "publish_1stpkt_timeout":
		return []move{{"publish", d.as("firstpkt_timeout", d.Args...)}}
	case "publish_normal_timeout":
		return []move{{"publish", d.as("normal_timeout", d.Args...)}}
	case "forward":
		return []move{{"forward", d.as("enabled", "on")}, {"forward", d.as("destination", d.Args...)}}
	case "time_jitter", "mix_correct", "atc", "atc_auto", "mw_latency", "gop_cache", "gop_cache_max_frames",
		"queue_length", "send_min_interval", "reduce_sequence_header":
		return []move{{"play", d.as(d.Name, d.Args...)}}
	case "mode", "origin", "token_traverse", "vhost", "debug_srs_upnode":
		return []move{{"cluster", d.as(d.Name, d.Args...)}}
	}
	return nil
}

// unfold moves the children of a former block into another one, under new names.
func (l *loader) unfold(d *Directive, into string, names map[string]string) []move {
	if d.Block == nil {
		return nil
	}
	moves := []move{}
	for _, child := range d.Block {
		name, ok := names[child.Name]
		if !ok || child.Block != nil {
			l.fail(child.File, child.Line, "unknown directive %s in vhost.%s", child.Name, d.Name)
			continue
		}
		moves = append(moves, move{into, child.as(name, child.Args...)})
	}
	return moves
}

// moveChildren takes out of owner what find calls old, and puts it where it belongs.
func (l *loader) moveChildren(owner *Directive, find func(*Directive) []move) {
	if owner.Block == nil {
		return
	}
	rest, moves := []*Directive{}, []move{}
	for _, d := range owner.Block {
		m := find(d)
		if m == nil {
			rest = append(rest, d)
			continue
		}
		if len(m) > 0 {
			last := m[len(m)-1]
			l.oldSpelling(d, fmt.Sprintf("%s { %s ...; }", last.into, last.leaf.Name))
		}
		moves = append(moves, m...)
	}
	owner.Block = rest
	for _, m := range moves {
		i := slices.IndexFunc(owner.Block, func(d *Directive) bool { return d.Name == m.into && d.Block != nil })
		if i < 0 {
			i = len(owner.Block)
			owner.Block = append(owner.Block, &Directive{Name: m.into, Block: []*Directive{}, File: m.leaf.File, Line: m.leaf.Line})
		}
		block := owner.Block[i]
		if m.leaf.Name == "enabled" && slices.ContainsFunc(block.Block, func(d *Directive) bool { return d.Name == "enabled" }) {
			continue
		}
		block.Block = append(block.Block, m.leaf)
	}
}

// rename gives d its name of today.
func (l *loader) rename(d *Directive, name string, args ...string) {
	l.oldSpelling(d, name)
	d.Name, d.Args = name, args
}

func (l *loader) oldSpelling(d *Directive, today string) {
	l.note(d.File, d.Line, "%s is an old spelling; write %s", d.Name, today)
}

// as is a leaf in the place of d.
func (d *Directive) as(name string, args ...string) *Directive {
	return &Directive{Name: name, Args: args, File: d.File, Line: d.Line}
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

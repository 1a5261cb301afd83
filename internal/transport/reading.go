package transport

import (
	"weir/internal/codec/nal"
	"weir/internal/config"
	"weir/internal/format/flv"
)

// Reading is how a publisher of FLV is understood by the rules in force when it begins.
func Reading(p *config.Publish) flv.Reading {
	r := flv.Reading{First: nal.Lengths, Blind: !p.ParseSps}
	if p.TryAnnexbFirst {
		r.First = nal.AnnexB
	}
	return r
}

package mpdrules

import (
	"fmt"
	"slices"
	"strings"
)

// element is what the schema says of one: attributes with their forms, those with ! must be there;
// children in their order, those with ? come once at most.
type element struct{ attributes, children string }

// base is what adaptation sets and representations have in common.
const (
	baseAttributes = "profiles:string width:unsignedInt height:unsignedInt sar:ratio frameRate:frameRate audioSamplingRate:uints mimeType:string " +
		"segmentProfiles:string codecs:string maximumSAPPeriod:double startWithSAP:sap maxPlayoutRate:double codingDependency:boolean " +
		"scanType:scan selectionPriority:unsignedInt tag:string "
	baseChildren = "FramePacking AudioChannelConfiguration ContentProtection EssentialProperty SupplementalProperty InbandEventStream " +
		"Switching RandomAccess GroupLabel Label ProducerReferenceTime ContentPopularityRate Resync "
	segmentKinds = "SegmentBase? SegmentList? SegmentTemplate? "
	descriptor   = "schemeIdUri!:uri value:string id:string"
)

// schema has the elements that a live manifest may have. What is in none of them is not looked into.
var schema = map[string]element{
	"MPD": {
		"id:string profiles!:string type:type availabilityStartTime:dateTime availabilityEndTime:dateTime publishTime:dateTime " +
			"mediaPresentationDuration:duration minimumUpdatePeriod:duration minBufferTime!:duration timeShiftBufferDepth:duration " +
			"suggestedPresentationDelay:duration maxSegmentDuration:duration maxSubsegmentDuration:duration",
		"ProgramInformation BaseURL Location PatchLocation ServiceDescription InitializationSet InitializationGroup InitializationPresentation " +
			"ContentProtection Period Metrics EssentialProperty SupplementalProperty UTCTiming LeapSecondInformation?",
	},
	"Period": {
		"id:string start:duration duration:duration bitstreamSwitching:boolean",
		"BaseURL " + segmentKinds + "AssetIdentifier? EventStream ServiceDescription ContentProtection AdaptationSet Subset SupplementalProperty " +
			"EmptyAdaptationSet GroupLabel Preselection",
	},
	"AdaptationSet": {
		baseAttributes + "id:unsignedInt group:unsignedInt lang:language contentType:content par:ratio minBandwidth:unsignedInt maxBandwidth:unsignedInt " +
			"minWidth:unsignedInt maxWidth:unsignedInt minHeight:unsignedInt maxHeight:unsignedInt minFrameRate:frameRate maxFrameRate:frameRate " +
			"segmentAlignment:conditional subsegmentAlignment:conditional subsegmentStartsWithSAP:sap bitstreamSwitching:boolean initializationSetRef:uints",
		baseChildren + "Accessibility Role Rating Viewpoint ContentComponent BaseURL " + segmentKinds + "Representation",
	},
	"Representation": {
		baseAttributes + "id!:token bandwidth!:unsignedInt qualityRanking:unsignedInt dependencyId:string associationId:string associationType:string " +
			"mediaStreamStructureId:string",
		baseChildren + "BaseURL ExtendedBandwidth SubRepresentation " + segmentKinds,
	},
	"SegmentTemplate": {
		"timescale:unsignedInt eptDelta:integer presentationTimeOffset:unsignedLong presentationDuration:unsignedLong timeShiftBufferDepth:duration " +
			"indexRange:string indexRangeExact:boolean availabilityTimeOffset:double availabilityTimeComplete:boolean duration:unsignedInt " +
			"startNumber:unsignedInt endNumber:unsignedInt media:string index:string initialization:string bitstreamSwitching:string pdDelta:integer " +
			"k:unsignedInt",
		"Initialization? RepresentationIndex? FailoverContent? SegmentTimeline? BitstreamSwitching?",
	},
	"SegmentTimeline": {"", "Pattern S"},
	"S":               {"t:unsignedLong n:unsignedLong d!:unsignedLong r:integer k:unsignedLong", ""},
	"ServiceDescription": {
		"id:unsignedInt", "Scope Latency PlaybackRate OperatingQuality OperatingBandwidth ContentSteering",
	},
	"Latency":               {"referenceId:unsignedInt target:unsignedInt max:unsignedInt min:unsignedInt", "QualityLatency"},
	"PlaybackRate":          {"max:double min:double", ""},
	"ProducerReferenceTime": {"id!:unsignedInt inband:boolean type:clock applicationScheme:string wallClockTime!:string presentationTime!:unsignedLong", "UTCTiming?"},
	"Resync":                {"type:sap dT:unsignedInt dImax:double dImin:double marker:boolean", ""},
	"BaseURL":               {"serviceLocation:string byteRange:string availabilityTimeOffset:double availabilityTimeComplete:boolean timeShiftBufferDepth:duration rangeAccess:boolean", ""},
	"Location":              {"serviceLocation:string", ""},

	"UTCTiming": {descriptor, ""}, "Role": {descriptor, ""}, "Accessibility": {descriptor, ""}, "AudioChannelConfiguration": {descriptor, ""},
	"EssentialProperty": {descriptor, ""}, "SupplementalProperty": {descriptor, ""}, "Scope": {descriptor, ""},
}

// valid holds an element and those in it against the schema.
func (n *notes) valid(e *node, parent string) {
	const section = "schema"
	path := strings.TrimPrefix(parent+"/"+e.name, "/")
	rules, known := schema[e.name]
	if !known {
		return
	}
	given := map[string]bool{}
	for word := range strings.FieldsSeq(rules.attributes) {
		name, form, _ := strings.Cut(word, ":")
		name, must := strings.CutSuffix(name, "!")
		value, there := e.values[name]
		given[name] = true
		if must && !there {
			n.bad(section, "%s has no %s", path, name)
		}
		if there && !forms[form].MatchString(value) {
			n.bad(section, "%s/@%s is %q: no %s", path, name, value, form)
		}
	}
	for name := range e.values {
		if !given[name] {
			n.bad(section, "%s has an attribute %s", path, name)
		}
	}
	n.children(e, path, strings.Fields(rules.children))
}

func (n *notes) children(e *node, path string, order []string) {
	const section = "schema"
	last, count := 0, map[string]int{}
	for _, c := range e.children {
		at := slices.IndexFunc(order, func(name string) bool { return strings.TrimSuffix(name, "?") == c.name })
		if at < 0 {
			n.bad(section, "%s has an element %s", path, c.name)
			continue
		}
		if at < last {
			n.bad(section, "in %s, %s is behind %s", path, c.name, strings.TrimSuffix(order[last], "?"))
		}
		last = max(last, at)
		if count[c.name]++; count[c.name] == 2 && strings.HasSuffix(order[at], "?") {
			n.bad(section, "%s has more than one %s", path, c.name)
		}
		n.valid(c, path)
	}
	if len(order) == 0 && e.name != "BaseURL" && e.name != "Location" && e.trimmed() != "" {
		n.bad(section, "%s has text: %s", path, fmt.Sprintf("%.40q", e.trimmed()))
	}
}

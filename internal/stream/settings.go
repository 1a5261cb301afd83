package stream

import "time"

// Settings are a virtual host's rules for its streams. They are asked for at each batch
// boundary and never kept, so that new ones reach running streams.
type Settings struct {
	GOPCache          bool          // new readers start at the newest key frame
	GOPCacheMaxFrames int           // a longer GOP is not kept for new readers; 0 is no limit
	MixCorrect        bool          // sound and pictures are sorted by time before they go out
	QueueLength       time.Duration // a reader further behind than this loses whole GOPs
	Takeover          bool          // a new publisher replaces the one that is there
	Resume            time.Duration // how long a lost publisher's place and viewers wait for the next; 0 is not at all
	Idle              time.Duration // a publisher whom nobody has watched for so long is ended; 0 is never
}

#!/bin/bash
# Takes a processor profile of bin/weir while encoders publish, many players play, and some come
# and go, and writes it to cmd/weir/default.pgo: go build optimizes for it from then on. The
# environment may say how many STREAMS and PLAYERS there are, and for how many seconds the PROFILE is taken.
set -euo pipefail
streams=${STREAMS:-50} players=${PLAYERS:-500} seconds=${PROFILE:-15}
url="rtmp://127.0.0.1:19357/live/bench{n}"
low="rtmp://127.0.0.1:19357/live/low{n}?vhost=low.test" # whose players want each frame at once
profiles=http://127.0.0.1:19860
profile=cmd/weir/default.pgo
work=$(mktemp -d)
started=()

finish() {
	[ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2>/dev/null || true
	wait
	rm -rf "$work"
}
trap finish EXIT
fail() {
	echo "pgo: $1" >&2
	tail -n 20 "$work"/*.log >&2
	exit 1
}
# start runs the rest of its arguments in the background, with the log $1.
start() {
	"${@:2}" >"$work/$1.log" 2>&1 &
	started+=($!)
}
# comes waits half a minute for the port $1 of this machine.
comes() {
	for _ in {1..300}; do
		if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
			return
		fi
		kill -0 "${started[0]}" 2>/dev/null || fail "the server has ended"
		sleep 0.1
	done
	fail "nobody listens on port $1"
}

start server bin/weir -c test/bench/pgo.conf
comes 19357
comes 19860
ramp=$((players / 100 + streams / 100 + 4)) # seconds until all are there
start publish bin/weir bench publish -u "$url" -n "$streams" -bitrate 1M -duration "$((ramp + seconds + 5))s" -quiet
start publish-low bin/weir bench publish -u "$low" -n 4 -bitrate 1M -duration "$((ramp + seconds + 5))s" -quiet
sleep 2
start play-low bin/weir bench play -u "$low" -streams 4 -n "$((players / 5))" -duration "$((seconds + 2))s" -quiet
start play bin/weir bench play -u "$url" -streams "$streams" -n "$players" -duration "$((seconds + 2))s" -quiet
start churn bin/weir bench churn -u "$url" -streams "$streams" -rate 20 -duration "$((ramp + seconds))s" -quiet
sleep "$ramp"
go tool pprof -proto -output "$work/profile" "$profiles/debug/pprof/profile?seconds=$seconds" >"$work/pprof.log" 2>&1 || fail "no profile"
for job in "${started[@]:1}"; do
	wait "$job" || echo "pgo: not all of the load went well; is the machine busy?" >&2
done
cat "$work"/{publish,play,churn,publish-low,play-low}.log
mv "$work/profile" "$profile"
echo "pgo: $profile is new; the functions that took most:"
go tool pprof -top -nodecount 15 "$profile" 2>/dev/null | tail -n +4

package cluster

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// What is in Redis. Each stream has a key of its own; the two of the nodes have one slot of a Redis Cluster, by what is in
// braces.
const (
	streamKey = "weir:stream:"       // and vhost/app/stream: its owner, for a lease
	untilKey  = "{weir:nodes}:until" // a sorted set: the nodes by the time, in ms of Redis, until which they are believed
	toldKey   = "{weir:nodes}:told"  // a hash: what they tell of themselves
	channel   = "weir:events"
)

// ownerOf is who has a key. What is no text is no claim, and makes room: else every batch with that key would fail.
const ownerOf = `
local has = redis.pcall('GET', KEYS[1])
if type(has) == 'table' then
	redis.call('DEL', KEYS[1])
	has = false
end`

// holdScript claims a key, or renews it if it is this claim's already: a lease that has run out while nobody took it is taken
// again. It answers 1, or who has the key. ARGV: the owner, the lease in ms, an owner that may be replaced or "", the key's name.
const holdScript = ownerOf + `
if has == ARGV[1] then
	redis.call('PEXPIRE', KEYS[1], ARGV[2])
	return 1
end
if has and has ~= ARGV[3] then return has end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('PUBLISH', '` + channel + `', 'c ' .. ARGV[1] .. ' ' .. ARGV[4])
return 1`

// dropScript releases a key if it is this claim's still. ARGV: the owner, the key's name.
const dropScript = ownerOf + `
if has ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', '` + channel + `', 'r ' .. ARGV[1] .. ' ' .. ARGV[2])
return 1`

// beatScript tells of a node for a lease, or no more if it tells nothing, forgets the dead, and answers what the living tell,
// and for how many ms more each is believed.
// ARGV: the node's id, what it tells, the lease in ms, the most nodes.
const beatScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1000)) do
	redis.call('ZREM', KEYS[1], id)
	redis.call('HDEL', KEYS[2], id)
end
if ARGV[2] == '' then
	redis.call('ZREM', KEYS[1], ARGV[1])
	redis.call('HDEL', KEYS[2], ARGV[1])
else
	redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
	redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
end
local list = redis.call('ZRANGE', KEYS[1], 0, ARGV[4] - 1, 'WITHSCORES')
if #list == 0 then return {} end
local ids, left = {}, {}
for i = 1, #list, 2 do
	ids[#ids + 1] = list[i]
	left[#left + 1] = list[i + 1] - now
end
return {redis.call('HMGET', KEYS[2], unpack(ids)), left}`

// script is a Lua script, which Redis runs as one command. All may be run twice with the same outcome, so that one whose
// answer was lost is simply sent again.
type script struct{ text, hash string }

func newScript(text string) script { return script{text, redis.NewScript(text).Hash()} }

// args is the command that runs the script, by its hash. What follows is the number of keys, the keys and the arguments.
func (s script) args(rest ...any) []any { return append([]any{"evalsha", s.hash}, rest...) }

// byText is the same command, for a Redis that does not know the script.
func (s script) byText(args []any) []any { return append([]any{"eval", s.text}, args[2:]...) }

// run runs the script.
func (s script) run(ctx context.Context, r redis.UniversalClient, args []any) (any, error) {
	answer, err := r.Do(ctx, args...).Result()
	if unknownScript(err) {
		answer, err = r.Do(ctx, s.byText(args)...).Result()
	}
	return answer, err
}

// runAll runs the script with each of the arguments, in one batch, and gives each answer to take. It returns the first error;
// who has an answer is told of it all the same.
func (s script) runAll(ctx context.Context, r redis.UniversalClient, each [][]any, take func(i int, answer any)) error {
	cmds := make([]*redis.Cmd, len(each))
	batch := r.Pipeline()
	for i, args := range each {
		cmds[i] = redis.NewCmd(ctx, args...)
		_ = batch.Process(ctx, cmds[i])
	}
	_, _ = batch.Exec(ctx) // its error is that of a command
	for i, args := range each {
		if unknownScript(cmds[i].Err()) {
			cmds[i] = redis.NewCmd(ctx, s.byText(args)...)
			_ = batch.Process(ctx, cmds[i])
		}
	}
	if batch.Len() > 0 {
		_, _ = batch.Exec(ctx)
	}
	var first error
	for i, c := range cmds {
		if answer, err := c.Result(); err == nil {
			take(i, answer)
		} else if first == nil {
			first = err
		}
	}
	return first
}

func unknownScript(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT") }

// Command whep plays a stream of a server over WebRTC, many times at once, to measure what players cost it:
//
//	go run ./test/bench/whep -url 'http://127.0.0.1:1985/rtc/v1/whep/?app=live&stream=livestream' -n 200 -t 20s -pid $(pidof weir)
//
// Its players make the connection as browsers do, and then count what comes without decrypting it: they cost far less
// than what they measure. It says how many packets came and were missing, and what the process of -pid has used for them.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"
	"time"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:1985/rtc/v1/whep/?app=live&stream=livestream", "where to play")
	n := flag.Int("n", 100, "players")
	span := flag.Duration("t", 20*time.Second, "how long to count, once all play")
	ramp := flag.Duration("ramp", 20*time.Millisecond, "time between two that come")
	pid := flag.Int("pid", 0, "the server's process, to tell what it uses; 0: none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	before, _ := usage(*pid)
	players, end := start(ctx, *url, *n, *ramp)
	defer end()
	time.Sleep(2 * time.Second) // what comes first is more than what comes each second
	from, err := usage(*pid)
	if err != nil {
		log.Print(err)
	}
	began, first := time.Now(), total(players)
	select {
	case <-time.After(*span):
	case <-ctx.Done():
	}
	to, _ := usage(*pid)
	passed, sum := time.Since(began).Seconds(), total(players).minus(first)
	fmt.Printf("%d players: %.0f packets/s, %.1f Mbit/s, %d missing\n", len(players), float64(sum.packets)/passed, float64(sum.bytes)*8/passed/1e6, sum.missing)
	if *pid > 0 {
		cpu := (to.cpu - from.cpu).Seconds()
		fmt.Printf("server: %.3f cores, %.2f ms of CPU per 1000 packets, %.2f s per Gbit; %.0f KB a player\n",
			cpu/passed, cpu*1e6/float64(sum.packets), cpu*1e9/(float64(sum.bytes)*8), float64(to.memory-before.memory)/1024/float64(max(1, len(players))))
	}
}

// start has players come one after the other, and returns those that have and what ends them.
func start(ctx context.Context, url string, n int, ramp time.Duration) (players []*player, end func()) {
	var mu sync.Mutex
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	for i := 0; i < n && ctx.Err() == nil; i++ {
		all.Go(func() {
			p, err := dial(ctx, url)
			if err != nil {
				log.Printf("player %d: %v", i, err)
				return
			}
			mu.Lock()
			players = append(players, p)
			mu.Unlock()
			all.Go(func() { p.run(ctx) })
		})
		time.Sleep(ramp)
	}
	for wait := time.Now(); time.Since(wait) < 20*time.Second && ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		mu.Lock()
		there := len(players)
		mu.Unlock()
		if there == n {
			break
		}
	}
	mu.Lock()
	defer mu.Unlock()
	return players, func() { cancel(); all.Wait() }
}

func total(players []*player) (sum count) {
	for _, p := range players {
		sum = sum.plus(p.count())
	}
	return sum
}

package stream

import "testing"

// BenchmarkDerive is a reader of an output who comes and goes: one among others, and one who is
// alone, so that the output starts and ends with it.
func BenchmarkDerive(b *testing.B) {
	start := func(sub *Subscriber) (Output[*Subscriber], error) {
		return Output[*Subscriber]{Value: sub, Run: func() { <-sub.Done() }}, nil
	}
	for _, others := range []bool{true, false} {
		b.Run(map[bool]string{true: "shared", false: "alone"}[others], func(b *testing.B) {
			r := subscribe(b, newRegistry(cached), request("s"))
			if others {
				_, release, err := Derive(r.Stream(), "key", start)
				if err != nil {
					b.Fatal(err)
				}
				defer release()
			}
			b.ReportAllocs()
			for b.Loop() {
				_, release, err := Derive(r.Stream(), "key", start)
				if err != nil {
					b.Fatal(err)
				}
				release()
			}
		})
	}
}

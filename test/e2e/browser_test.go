package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a Chromium without a window. It ends with the test, which fails if a page has
// complained.
type browser struct {
	t    *testing.T
	f    *fixture
	ctx  context.Context
	mu   sync.Mutex
	said []string // complaints: errors on the console, and those that nobody caught
}

// openBrowser starts a browser for the pages of a server, with more switches.
func openBrowser(t *testing.T, f *fixture, switches ...string) *browser {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium(t)),
		chromedp.NoSandbox,                           // root has no sandbox, and the pages are ours
		chromedp.Flag("disable-dev-shm-usage", true), // which is small in containers
		chromedp.Flag("autoplay-policy", "document-user-activation-required"),
	)
	for _, s := range switches {
		name, value, _ := strings.Cut(s, "=")
		options = append(options, chromedp.Flag(name, value))
	}
	allocated, free := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, leave := chromedp.NewContext(allocated)
	b := &browser{t: t, f: f, ctx: ctx}
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for its end; how it ends is its own affair
		leave()
		free()
		if said := b.complaints(); len(said) > 0 {
			t.Errorf("the browser complains:\n%s", strings.Join(said, "\n"))
		}
	})
	// The context of the first step is the life of the browser, so that one has no limit.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	_, err := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	b.size(1280, 800)
	return b
}

// chromium returns the path of a browser, which not every system calls the same.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return tool(t, "chromium") // which says what to do
}

// hear keeps complaints.
func (b *browser) hear(event any) {
	words := ""
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			for _, arg := range e.Args {
				words += fmt.Sprintf("%s %s ", arg.Value, arg.Description)
			}
		}
	case *runtime.EventExceptionThrown:
		words = fmt.Sprint(e.ExceptionDetails.Text)
		if e.ExceptionDetails.Exception != nil {
			words += fmt.Sprint(" ", e.ExceptionDetails.Exception.Description)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" {
			words = fmt.Sprint(e.Entry.Text, " ", e.Entry.URL)
		}
	}
	if words != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.said = append(b.said, words)
	}
}

// complaints takes what was heard.
func (b *browser) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	said := b.said
	b.said = nil
	return said
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal("browser:", err)
	}
}

// open goes to a page of the server.
func (b *browser) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate("http://" + b.f.http + path))
}

// size makes the window so large.
func (b *browser) size(width, height int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}

// scheme has pages be "light" or "dark".
func (b *browser) scheme(name string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
	if err != nil {
		b.t.Fatal("browser:", err)
	}
}

// ask runs an expression of JavaScript on the page.
func ask[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("browser: %s: %v", expression, err)
	}
	return value
}

// click clicks on an element as a user, who may do more than a script.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(selector))
}

// until waits for an expression to be true.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	if !poll(func() bool { return ask[bool](b, expression) }) {
		b.t.Fatalf("waited in vain for %s; the page says:\n%s", what, ask[string](b, "document.body.innerText"))
	}
}

// state waits for the page to be in that state.
func (b *browser) state(want string) {
	b.t.Helper()
	b.until("the state "+want, fmt.Sprintf("document.getElementById('main')?.dataset.state === %q", want))
}

// text returns what an element says.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return ask[string](b, fmt.Sprintf("document.querySelector(%q)?.textContent ?? 'nothing'", selector))
}

// fits checks that nothing is wider than the window.
func (b *browser) fits() {
	b.t.Helper()
	if over := ask[int](b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
		b.t.Errorf("the page is %d pixels wider than the window", over)
	}
}

// shot takes a picture of the window.
func (b *browser) shot() []byte {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	time.Sleep(400 * time.Millisecond) // colours move softly
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal("browser:", err)
	}
	return picture
}

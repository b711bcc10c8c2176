// The lab's bring-your-own agent: speaks A2A 0.3 on :8080, is up in milliseconds and needs a few MB.
// Its environment makes it misbehave, for tests of rollouts:
//
//	REPLY="You said"    the answer's first words
//	IMAGE_VERSION=lab   set by the image, shown in every answer
//	CRASH=1             exit with status 1 at once
//	UNREADY=1           the agent card, which is the readiness probe, answers 503
//	SLOW_START=10       seconds until it listens
//	LOG_LINES=100       numbered lines to print at the start
//
// The message "burn 30" makes the pod use about a third of a CPU for 30 seconds.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// linger is how long a pod that was told to stop still answers: kube-proxy sends it requests until it has
// heard of the pod's end.
const linger = 2 * time.Second

func main() {
	log.SetFlags(log.LstdFlags | log.LUTC)
	log.SetOutput(os.Stdout)
	if os.Getenv("CRASH") == "1" {
		log.Print("byo-agent: crashing because CRASH=1 is set")
		os.Exit(1)
	}
	for line := range number("LOG_LINES") {
		fmt.Printf("line %d\n", line+1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	select {
	case <-time.After(time.Duration(number("SLOW_START")) * time.Second):
	case <-ctx.Done():
		return
	}
	serve(ctx)
}

func serve(ctx context.Context) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/agent-card.json", card)
	mux.Handle("POST /{$}", newAgent(reply))
	server := &http.Server{Addr: ":8080", Handler: mux}
	go func() {
		<-ctx.Done()
		time.Sleep(linger)
		patience, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(patience)
	}()
	log.Printf("byo-agent %s: listening on %s", version(), server.Addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func card(w http.ResponseWriter, _ *http.Request) {
	if os.Getenv("UNREADY") == "1" {
		http.Error(w, "not ready because UNREADY=1 is set", http.StatusServiceUnavailable)
		return
	}
	name := setting("KAGENT_NAME", "byo-agent")
	writeJSON(w, map[string]any{
		"protocolVersion":    "0.3.0",
		"name":               strings.ReplaceAll(name, "-", "_"),
		"description":        "Repeats what it is told.",
		"version":            version(),
		"url":                "http://" + name + "." + setting("KAGENT_NAMESPACE", "default") + ":8080",
		"preferredTransport": "JSONRPC",
		"capabilities":       map[string]any{"streaming": true},
		"defaultInputModes":  []string{"text"},
		"defaultOutputModes": []string{"text"},
		"skills": []any{map[string]any{
			"id": "echo", "name": "echo", "description": "Repeats what it is told.", "tags": []string{"lab"},
		}},
	})
}

// reply is the agent's whole mind.
func reply(text string) string {
	if rest, ok := strings.CutPrefix(strings.TrimSpace(text), "burn "); ok {
		seconds, err := strconv.Atoi(rest)
		if err != nil || seconds < 0 || seconds > 3600 {
			return fmt.Sprintf("cannot burn for %q seconds", rest)
		}
		go burn(time.Duration(seconds) * time.Second)
		return fmt.Sprintf("burning for %d seconds [version %s, pod %s]", seconds, version(), pod())
	}
	return fmt.Sprintf("%s: %s [version %s, pod %s]", setting("REPLY", "You said"), text, version(), pod())
}

// burn keeps to a third of a CPU: enough for an autoscaler, and the lab's machine stays usable.
func burn(span time.Duration) {
	for end := time.Now().Add(span); time.Now().Before(end); time.Sleep(6 * time.Millisecond) {
		for busy := time.Now().Add(3 * time.Millisecond); time.Now().Before(busy); {
		}
	}
}

func version() string { return setting("IMAGE_VERSION", "unknown") }

func pod() string { return setting("HOSTNAME", "unknown") }

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func number(name string) int {
	value, err := strconv.Atoi(setting(name, "0"))
	if err != nil {
		log.Fatalf("byo-agent: %s must be a whole number, not %q", name, os.Getenv(name))
	}
	return value
}

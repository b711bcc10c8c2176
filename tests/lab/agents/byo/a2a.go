package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strings"
	"sync"
	"time"
)

const maxTasks = 1000 // an echo needs no longer memory

type request struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		ID      string   `json:"id"`
		Message *message `json:"message"`
	} `json:"params"`
}

type message struct {
	Kind      string `json:"kind"`
	MessageID string `json:"messageId"`
	Role      string `json:"role"`
	Parts     []part `json:"parts"`
	ContextID string `json:"contextId,omitempty"`
	TaskID    string `json:"taskId,omitempty"`
}

type part struct {
	Kind string `json:"kind"`
	Text string `json:"text,omitempty"`
}

type status struct {
	State     string   `json:"state"`
	Timestamp string   `json:"timestamp"`
	Message   *message `json:"message,omitempty"`
}

type artifact struct {
	ArtifactID string `json:"artifactId"`
	Parts      []part `json:"parts"`
}

type task struct {
	Kind      string     `json:"kind"`
	ID        string     `json:"id"`
	ContextID string     `json:"contextId"`
	Status    status     `json:"status"`
	Artifacts []artifact `json:"artifacts"`
	History   []message  `json:"history"`
}

type agent struct {
	reply func(string) string
	mu    sync.Mutex
	tasks map[string]task
	order []string
}

func newAgent(reply func(string) string) *agent {
	return &agent{reply: reply, tasks: map[string]task{}}
}

func (a *agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var call request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<20)).Decode(&call); err != nil {
		refuse(w, nil, -32700, "not a JSON-RPC request: "+err.Error())
		return
	}
	switch call.Method {
	case "message/send", "message/stream":
		if call.Params.Message == nil || len(call.Params.Message.Parts) == 0 {
			refuse(w, call.ID, -32602, "params.message with parts is missing")
			return
		}
		done := a.answer(*call.Params.Message)
		log.Printf("%s task=%s context=%s", call.Method, done.ID, done.ContextID)
		if call.Method == "message/stream" {
			stream(w, call.ID, done)
		} else {
			writeJSON(w, result(call.ID, done))
		}
	case "tasks/get":
		a.mu.Lock()
		found, ok := a.tasks[call.Params.ID]
		a.mu.Unlock()
		if !ok {
			refuse(w, call.ID, -32001, "Task not found")
			return
		}
		writeJSON(w, result(call.ID, found))
	default:
		refuse(w, call.ID, -32601, "Method not found")
	}
}

// answer makes a finished task of a message and remembers it.
func (a *agent) answer(asked message) task {
	var texts []string
	for _, piece := range asked.Parts {
		texts = append(texts, piece.Text)
	}
	asked.Kind = "message"
	asked.ContextID = orNew(asked.ContextID)
	asked.TaskID = orNew(asked.TaskID)
	answer := []part{{Kind: "text", Text: a.reply(strings.Join(texts, " "))}}
	done := task{
		Kind: "task", ID: asked.TaskID, ContextID: asked.ContextID,
		Status:    status{State: "completed", Timestamp: now()},
		Artifacts: []artifact{{ArtifactID: orNew(""), Parts: answer}},
		History: []message{asked, {
			Kind: "message", MessageID: orNew(""), Role: "agent", Parts: answer,
			ContextID: asked.ContextID, TaskID: asked.TaskID,
		}},
	}
	a.remember(done)
	return done
}

func (a *agent) remember(done task) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.tasks[done.ID]; !known {
		a.order = append(a.order, done.ID)
	}
	a.tasks[done.ID] = done
	if len(a.order) > maxTasks {
		delete(a.tasks, a.order[0])
		a.order = a.order[1:]
	}
}

// stream tells a finished task as the events of its life.
func stream(w http.ResponseWriter, id json.RawMessage, done task) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	update := func(state string, said *message, final bool) map[string]any {
		return map[string]any{
			"kind": "status-update", "taskId": done.ID, "contextId": done.ContextID, "final": final,
			"status": status{State: state, Timestamp: now(), Message: said},
		}
	}
	events := []any{
		update("submitted", &done.History[0], false),
		update("working", nil, false),
		update("working", &done.History[1], false),
		map[string]any{
			"kind": "artifact-update", "taskId": done.ID, "contextId": done.ContextID,
			"artifact": done.Artifacts[0], "lastChunk": true,
		},
		update("completed", nil, true),
	}
	for _, event := range events {
		data, err := json.Marshal(result(id, event))
		if err != nil {
			log.Printf("cannot encode an event: %v", err)
			return
		}
		fmt.Fprintf(w, "data: %s\n\n", data)
		_ = http.NewResponseController(w).Flush()
	}
}

func result(id json.RawMessage, value any) map[string]any {
	return map[string]any{"jsonrpc": "2.0", "id": id, "result": value}
}

func refuse(w http.ResponseWriter, id json.RawMessage, code int, text string) {
	fault := map[string]any{"code": code, "message": text}
	writeJSON(w, map[string]any{"jsonrpc": "2.0", "id": id, "error": fault})
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		log.Printf("cannot answer: %v", err)
	}
}

func now() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// orNew is the id given, or a fresh UUID.
func orNew(id string) string {
	if id != "" {
		return id
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

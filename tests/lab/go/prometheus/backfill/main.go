// Command backfill writes blocks of Prometheus' storage from a description of series, fast enough for weeks of
// a large fleet: `promtool tsdb create-blocks-from` reads every sample as text.
//
//	backfill FOLDER START END < series.jsonl
//
// START and END are Unix seconds. Each line is {"labels": {...}, "curve": [KIND, NUMBER], "step": SECONDS}; the
// curves are "counter" (NUMBER a minute, whole), "gauge" (NUMBER, and up to a tenth more) and "constant".
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
)

const (
	blockSeconds    = 18 * 3600 // the largest that Prometheus makes where it keeps 15 days
	samplesPerChunk = 120       // as in blocks that Prometheus wrote
)

type curve struct {
	Kind   string
	Number float64
}

// UnmarshalJSON reads [KIND, NUMBER].
func (c *curve) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&c.Kind, &c.Number})
}

func (c curve) at(second int64) float64 {
	switch c.Kind {
	case "counter":
		return math.Floor(c.Number * float64(second) / 60)
	case "gauge":
		return c.Number * (1 + float64(second/300*7%11)/110)
	case "constant":
		return c.Number
	}
	log.Fatalf("no curve %q", c.Kind)
	return 0
}

type series struct {
	labels labels.Labels
	curve  curve
	step   int64
}

// shape is what series have in common whose chunks are the same bytes.
type shape struct {
	curve curve
	step  int64
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: backfill FOLDER START END < series.jsonl")
	}
	start, end := seconds(os.Args[2]), seconds(os.Args[3])
	all := read(os.Stdin)
	for from := start - start%blockSeconds; from <= end; from += blockSeconds {
		first, last := max(from, start), min(from+blockSeconds-1, end)
		check(write(os.Args[1], all, start, first, last))
	}
}

func read(file *os.File) []series {
	var all []series
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one struct {
			Labels map[string]string
			Curve  curve
			Step   int64
		}
		check(json.Unmarshal(lines.Bytes(), &one))
		all = append(all, series{labels.FromMap(one.Labels), one.Curve, one.Step})
	}
	check(lines.Err())
	slices.SortFunc(all, func(a, b series) int { return labels.Compare(a.labels, b.labels) })
	return all
}

// write makes one block of the samples from first to last; curves begin at start.
func write(folder string, all []series, start, first, last int64) error {
	id := ulid.MustNew(uint64(first*1000), rand.Reader)
	block := filepath.Join(folder, id.String())
	chunkWriter, err := chunks.NewWriter(filepath.Join(block, "chunks"))
	if err != nil {
		return err
	}
	indexWriter, err := index.NewWriter(context.Background(), filepath.Join(block, "index"))
	if err != nil {
		return err
	}
	for _, symbol := range symbols(all) {
		if err := indexWriter.AddSymbol(symbol); err != nil {
			return err
		}
	}
	meta := tsdb.BlockMeta{ULID: id, MinTime: first * 1000, MaxTime: last*1000 + 1, Version: 1}
	meta.Compaction = tsdb.BlockMetaCompaction{Level: 1, Sources: []ulid.ULID{id}}
	known := map[shape][]chunks.Meta{}
	for number, one := range all {
		key := shape{one.curve, one.step}
		if _, found := known[key]; !found {
			if known[key], err = encoded(key, start, first, last); err != nil {
				return err
			}
		}
		own := slices.Clone(known[key])
		if err := chunkWriter.WriteChunks(own...); err != nil {
			return err
		}
		if err := indexWriter.AddSeries(storage.SeriesRef(number), one.labels, own...); err != nil {
			return err
		}
		meta.Stats.NumSeries++
		meta.Stats.NumChunks += uint64(len(own))
		for _, chunk := range own {
			meta.Stats.NumSamples += uint64(chunk.Chunk.NumSamples())
		}
	}
	if err := chunkWriter.Close(); err != nil {
		return err
	}
	if err := indexWriter.Close(); err != nil {
		return err
	}
	text, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(block, "meta.json"), text, 0o600)
}

func symbols(all []series) []string {
	seen := map[string]struct{}{}
	for _, one := range all {
		one.labels.Range(func(label labels.Label) {
			seen[label.Name], seen[label.Value] = struct{}{}, struct{}{}
		})
	}
	sorted := make([]string, 0, len(seen))
	for symbol := range seen {
		sorted = append(sorted, symbol)
	}
	slices.Sort(sorted)
	return sorted
}

func encoded(key shape, start, first, last int64) ([]chunks.Meta, error) {
	var found []chunks.Meta
	for second := first + (key.step-first%key.step)%key.step; second <= last; {
		chunk := chunkenc.NewXORChunk()
		appender, err := chunk.Appender()
		if err != nil {
			return nil, err
		}
		meta := chunks.Meta{Chunk: chunk, MinTime: second * 1000}
		for ; second <= last && chunk.NumSamples() < samplesPerChunk; second += key.step {
			appender.Append(0, second*1000, key.curve.at(second-start))
			meta.MaxTime = second * 1000
		}
		found = append(found, meta)
	}
	return found, nil
}

func seconds(text string) int64 {
	number, err := strconv.ParseInt(text, 10, 64)
	check(err)
	return number
}

func check(err error) {
	if err != nil {
		log.Fatal(fmt.Errorf("backfill: %w", err))
	}
}

// Answers of Prometheus, Loki and Tempo as Grafana's data frames, the way its data sources make them.
import { FieldType, toDataFrame } from "@grafana/data";

const number = (text) => ({ "+Inf": Infinity, "-Inf": -Infinity })[text] ?? Number(text);

/** The frames of all targets of a panel; those that failed have none. */
export function framesOf(targets) {
  const tables = targets.filter((target) => target.kind === "table");
  return targets.flatMap((target) => (target.error ? [] : FRAMES[target.kind](target, tables.length > 1)));
}

const FRAMES = { series, table, heatmap, logs, search };

/** One frame for each series. */
function series({ refId, legend, expr, step, result }) {
  return result.map((one) => {
    const samples = one.values ?? [one.value];
    const name = nameOf(one.metric, legend, expr);
    return toDataFrame({
      refId,
      name,
      fields: [
        { name: "Time", type: FieldType.time, config: { interval: step * 1000 }, values: timesOf(samples) },
        {
          name: "Value",
          type: FieldType.number,
          labels: one.metric,
          config: name === undefined ? {} : { displayNameFromDS: name },
          values: samples.map(([, value]) => number(value)),
        },
      ],
    });
  });
}

const timesOf = (samples) => samples.map(([seconds]) => seconds * 1000);

/** What the legend calls a series; undefined where Grafana finds the name by comparing the labels. */
function nameOf(labels, legend, expr) {
  const isBare = Object.keys(labels).length === 0;
  if (legend === "__auto") return isBare ? expr : undefined;
  if (isBare && !legend) return expr;
  if (legend) return legend.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => labels[label] ?? "");
  const { __name__: name = "", ...others } = labels;
  return `${name}{${Object.entries(others)
    .map(([key, value]) => `${key}="${value}"`)
    .join(", ")}}`;
}

/** One frame for all series of a target: time, a column for each label, value. */
function table({ refId, result }, isOneOfMany) {
  const rows = result.flatMap((one) =>
    (one.values ?? [one.value]).map((sample) => ({ labels: one.metric, sample })),
  );
  const labels = [...new Set(rows.flatMap((row) => Object.keys(row.labels)))].sort();
  return [
    toDataFrame({
      refId,
      fields: [
        { name: "Time", type: FieldType.time, values: timesOf(rows.map((row) => row.sample)) },
        ...labels.map((label) => ({
          name: label,
          type: FieldType.string,
          values: rows.map((row) => row.labels[label] ?? ""),
        })),
        {
          name: isOneOfMany ? `Value #${refId}` : "Value",
          type: FieldType.number,
          values: rows.map((row) => number(row.sample[1])),
        },
      ],
    }),
  ];
}

/** One frame: time, and a column for each bucket with what is in it alone (Prometheus's are cumulative). */
function heatmap({ refId, result }) {
  const buckets = [...result].sort((one, other) => number(one.metric.le) - number(other.metric.le));
  const times = [...new Set(buckets.flatMap((one) => timesOf(one.values)))].sort((a, b) => a - b);
  let below = times.map(() => 0);
  const columns = buckets.map((one) => {
    const counts = new Map(one.values.map(([seconds, value]) => [seconds * 1000, number(value)]));
    const upTo = times.map((time, index) => counts.get(time) ?? below[index]);
    const alone = upTo.map((count, index) => Math.max(count - below[index], 0));
    below = upTo;
    return { name: one.metric.le, type: FieldType.number, values: alone };
  });
  return [
    toDataFrame({ refId, fields: [{ name: "Time", type: FieldType.time, values: times }, ...columns] }),
  ];
}

function logs({ refId, result }) {
  const lines = result.flatMap((stream) =>
    stream.values.map(([ns, line]) => ({ ns, line, labels: stream.stream })),
  );
  lines.sort((one, other) => (BigInt(one.ns) < BigInt(other.ns) ? 1 : -1));
  return [
    toDataFrame({
      refId,
      fields: [
        {
          name: "Time",
          type: FieldType.time,
          values: lines.map((entry) => Number(BigInt(entry.ns) / 1000000n)),
        },
        { name: "Line", type: FieldType.string, values: lines.map((entry) => entry.line) },
        { name: "labels", type: FieldType.other, values: lines.map((entry) => entry.labels) },
      ],
    }),
  ];
}

/** Found traces, with the columns of Grafana's Tempo data source. */
function search({ refId, result }) {
  const column = (name, type, values, config = {}) => ({ name, type, values, config });
  return [
    toDataFrame({
      refId,
      fields: [
        column(
          "Trace ID",
          FieldType.string,
          result.map((trace) => trace.traceID),
        ),
        column(
          "Start time",
          FieldType.time,
          result.map((trace) => Number(BigInt(trace.startTimeUnixNano) / 1000000n)),
        ),
        column(
          "Service",
          FieldType.string,
          result.map((trace) => trace.rootServiceName),
        ),
        column(
          "Name",
          FieldType.string,
          result.map((trace) => trace.rootTraceName),
        ),
        column(
          "Duration",
          FieldType.number,
          result.map((trace) => trace.durationMs ?? 0),
          { unit: "ms" },
        ),
      ],
    }),
  ];
}

/** Whether a frame has anything to show. */
export function hasValues(frame) {
  const shown = frame.fields.filter((field) => field.type !== FieldType.time);
  const numbers = shown.filter((field) => field.type === FieldType.number);
  return (numbers.length ? numbers : shown).some((field) =>
    field.values.some((value) => value !== null && value !== undefined && !Number.isNaN(value)),
  );
}

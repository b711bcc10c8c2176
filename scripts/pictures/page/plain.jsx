// Plain drawings of what @grafana/ui has no component for: these panels live in Grafana itself.
import React from "react";
import { FieldType, dateTimeFormat, getFieldDisplayName } from "@grafana/data";
import { numbersOf, textOf, timeFieldOf } from "./fields.js";

const AXIS = 20; // px, for the times below
const GAP = 2;

/** Newest line first, as Grafana's logs panel has it. */
export function Logs({ frames, height }) {
  const rows = frames.flatMap((frame) => {
    const line = frame.fields.find((field) => field.type === FieldType.string);
    return line.values.map((text, index) => ({ text, time: timeFieldOf(frame).values[index] }));
  });
  return (
    <div className="logs" style={{ height }} data-scrolls>
      {rows.map(({ text, time }, index) => (
        <div key={index} className="log">
          <span className="log-time">{dateTimeFormat(time, { timeZone: "utc" })}</span> {text}
        </div>
      ))}
    </div>
  );
}

/** A row for each series, a box for each stretch of the same value. */
export function StateTimeline({ panel, frames, width, height, range }) {
  const rows = frames.flatMap((frame) =>
    frame.fields
      .filter((field) => field.type !== FieldType.time)
      .map((field) => ({
        name: getFieldDisplayName(field, frame, frames),
        field,
        stretches: stretchesOf(timeFieldOf(frame), field, range),
      })),
  );
  const names = Math.min(Math.max(...rows.map((row) => row.name.length * 7)) + 8, width / 3);
  const each = (height - AXIS) / rows.length;
  const x = (time) => names + ((time - range.from) / (range.to - range.from)) * (width - names);
  return (
    <svg width={width} height={height}>
      {rows.map(({ name, field, stretches }, row) => (
        <g key={row}>
          <text
            x={names - 8}
            y={row * each + each / 2}
            className="axis"
            textAnchor="end"
            dominantBaseline="central"
          >
            {name}
          </text>
          {stretches.map(({ value, from, to }) => (
            <Stretch
              key={from}
              left={x(from)}
              right={x(to)}
              top={row * each + GAP}
              height={each - 2 * GAP}
              color={field.display(value).color}
              label={panel.options?.showValue !== "never" && textOf(field, value)}
            />
          ))}
        </g>
      ))}
      <Times range={range} left={names} width={width} top={height - AXIS / 2} />
    </svg>
  );
}

function Stretch({ left, right, top, height, color, label }) {
  const fits = label && label.length * 7 < right - left;
  return (
    <>
      <rect
        x={left}
        y={top}
        width={Math.max(right - left, 1)}
        height={height}
        fill={color}
        fillOpacity={0.7}
      />
      {fits && (
        <text x={left + 4} y={top + height / 2} className="state" dominantBaseline="central">
          {label}
        </text>
      )}
    </>
  );
}

/** Samples of one value; a sample holds for a step, and one that is missing ends the stretch. */
function stretchesOf(time, field, range) {
  const stretches = [];
  field.values.forEach((value, index) => {
    const last = stretches.at(-1);
    const from = time.values[index];
    const to = Math.min(
      from + (time.config.interval ?? range.to),
      time.values[index + 1] ?? range.to,
      range.to,
    );
    if (value === null || Number.isNaN(value)) return;
    if (last?.value === value && last.to === from) last.to = to;
    else stretches.push({ value, from, to });
  });
  return stretches;
}

/** A column for each time, a row for each bucket, the fuller the brighter. */
export function Heatmap({ frames, width, height, range }) {
  const [frame] = frames;
  const buckets = numbersOf(frame);
  const times = timeFieldOf(frame).values;
  const most = Math.max(...buckets.flatMap((field) => field.values));
  const names = Math.max(...buckets.map((field) => field.name.length * 7)) + 8;
  const each = (height - AXIS) / buckets.length;
  const wide = (width - names) / times.length;
  return (
    <svg width={width} height={height}>
      {buckets.map((field, row) => {
        const top = height - AXIS - (row + 1) * each;
        return (
          <g key={row}>
            <text
              x={names - 8}
              y={top + each / 2}
              className="axis"
              textAnchor="end"
              dominantBaseline="central"
            >
              {field.name}
            </text>
            {field.values.map(
              (value, column) =>
                value > 0 && (
                  <rect
                    key={column}
                    x={names + column * wide}
                    y={top}
                    width={wide}
                    height={each}
                    fill={`hsl(${30 + 20 * (value / most)} 90% ${25 + 45 * (value / most)}%)`}
                  />
                ),
            )}
          </g>
        );
      })}
      <Times range={range} left={names} width={width} top={height - AXIS / 2} />
    </svg>
  );
}

const MINUTE = 60_000;
const EVERY = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((minutes) => minutes * MINUTE);

/** Round times, at least 60 px from each other. */
function Times({ range, left, width, top }) {
  const x = (time) => left + ((time - range.from) / (range.to - range.from)) * (width - left);
  const every = EVERY.find((one) => x(range.from + one) - left >= 60) ?? EVERY.at(-1);
  const first = Math.ceil(range.from / every) * every;
  const times = [...Array(Math.ceil((range.to - first) / every)).keys()].map(
    (index) => first + index * every,
  );
  return times
    .filter((time) => x(time) < width - 18)
    .map((time) => (
      <text key={time} x={x(time)} y={top} className="axis" textAnchor="middle" dominantBaseline="central">
        {dateTimeFormat(time, { timeZone: "utc", format: "HH:mm" })}
      </text>
    ));
}

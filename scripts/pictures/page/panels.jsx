// The body of a panel, by its type: Grafana's own component where @grafana/ui has one.
import React from "react";
import {
  VizOrientation,
  dateTime,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  renderMarkdown,
} from "@grafana/data";
import { BarGauge, BigValue, LegendDisplayMode, TimeSeries, VizRepeater } from "@grafana/ui";
import { TableNG } from "@grafana/ui/unstable";
import { annotate } from "./annotations.js";
import { replaceVariables } from "./fields.js";
import { Heatmap, Logs, StateTimeline } from "./plain.jsx";

// px right of a plot, half as wide as a time: Grafana cuts the last one if it stands at the end of the range.
const LAST_TIME = 18;
const NO_LEGEND = { displayMode: LegendDisplayMode.List, placement: "bottom", showLegend: false, calcs: [] };

/** uPlot finds no range for an axis with values that are not finite; Grafana leaves gaps for them, too. */
const plottable = (frame) => ({
  ...frame,
  fields: frame.fields.map((field) => ({
    ...field,
    values: field.values.map((value) => (typeof value !== "number" || Number.isFinite(value) ? value : null)),
  })),
});

function Series({ panel, frames, width, height, range, annotations, theme }) {
  return (
    <TimeSeries
      frames={frames.map(plottable)}
      structureRev={1}
      width={width}
      height={height}
      timeZone="utc"
      timeRange={{ from: dateTime(range.from), to: dateTime(range.to), raw: range }}
      legend={{ ...NO_LEGEND, showLegend: true, ...panel.options?.legend }}
    >
      {(builder) => {
        builder.setPadding([null, LAST_TIME, null, null]);
        annotate(builder, annotations, theme);
        return null;
      }}
    </TimeSeries>
  );
}

const reduced = ({ panel, frames, theme }, sparkline) =>
  getFieldDisplayValues({
    fieldConfig: panel.fieldConfig,
    reduceOptions: { calcs: ["lastNotNull"], ...panel.options?.reduceOptions },
    replaceVariables,
    theme,
    data: frames,
    sparkline,
    timeZone: "utc",
    percentChange: panel.options?.showPercentChange,
  });

function Values({ panel, width, height, values, renderValue, ...more }) {
  return (
    <VizRepeater
      getValues={() => values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={renderValue}
      width={width}
      height={height}
      source={values}
      renderCounter={0}
      itemSpacing={3}
      orientation={panel.options?.orientation ?? VizOrientation.Auto}
      {...more}
    />
  );
}

function Stat(props) {
  const {
    graphMode = "area",
    colorMode = "value",
    textMode = "auto",
    justifyMode = "auto",
    text,
    wideLayout = true,
  } = props.panel.options ?? {};
  const values = reduced(props, graphMode !== "none");
  return (
    <Values
      {...props}
      values={values}
      autoGrid
      renderValue={({ value, width, height, alignmentFactors, count }) => (
        <BigValue
          value={value.display}
          sparkline={value.sparkline}
          count={count}
          colorMode={colorMode}
          graphMode={graphMode}
          justifyMode={justifyMode}
          textMode={textMode}
          text={text}
          disableWideLayout={!wideLayout}
          alignmentFactors={alignmentFactors}
          width={width}
          height={height}
          theme={props.theme}
        />
      )}
    />
  );
}

function Bars(props) {
  const {
    displayMode = "gradient",
    valueMode = "color",
    namePlacement = "auto",
    showUnfilled = true,
    minVizHeight = 16,
    maxVizHeight = 300,
    text,
  } = props.panel.options ?? {};
  return (
    <Values
      {...props}
      values={reduced(props, false)}
      minVizWidth={8}
      minVizHeight={minVizHeight}
      maxVizHeight={maxVizHeight}
      itemSpacing={10}
      renderValue={({ value, width, height, orientation, alignmentFactors, count }) => (
        <BarGauge
          value={value.display}
          field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex)}
          width={width}
          height={height}
          orientation={orientation}
          displayMode={displayMode}
          text={text}
          valueDisplayMode={valueMode}
          namePlacement={namePlacement}
          showUnfilled={showUnfilled}
          lcdCellWidth={12}
          itemSpacing={count > 1 ? 10 : undefined}
          alignmentFactors={alignmentFactors}
          theme={props.theme}
        />
      )}
    />
  );
}

function Table({ panel, frames, width, height }) {
  const { frameIndex = 0, sortBy, showHeader = true, cellHeight } = panel.options ?? {};
  return (
    <TableNG
      data={frames[frameIndex] ?? frames[0]}
      width={width}
      height={height}
      noHeader={!showHeader}
      sortBy={sortBy}
      cellHeight={cellHeight}
      fieldConfig={panel.fieldConfig}
      structureRev={1}
    />
  );
}

const Text = ({ panel }) => (
  <div
    className="markdown-html"
    dangerouslySetInnerHTML={{ __html: renderMarkdown(panel.options?.content ?? "") }}
  />
);

// Types that have no data of their own, and those that show some.
export const WITHOUT_DATA = { text: Text };
export const WITH_DATA = {
  timeseries: Series,
  stat: Stat,
  bargauge: Bars,
  table: Table,
  logs: Logs,
  heatmap: Heatmap,
  "state-timeline": StateTimeline,
  "status-history": StateTimeline,
};

/** Stands where a panel is that nobody draws outside Grafana, and says so. */
export const Blank = ({ why }) => <div className="blank">{why}</div>;

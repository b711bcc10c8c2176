// A dashboard in its grid, with what Grafana shows above it.
import React from "react";
import { Icon, PanelChrome } from "@grafana/ui";
import { hasValues } from "./frames.js";
import { Blank, WITHOUT_DATA, WITH_DATA } from "./panels.jsx";

// Grafana's grid: 24 columns, rows of 30 px, 8 px between.
const COLUMNS = 24;
const ROW = 30;
const GAP = 8;
const MARGIN = 16;
const HEAD = 88;

export const bottomOf = (panels) =>
  HEAD + MARGIN + Math.max(...panels.map(({ gridPos: { y, h } }) => (y + h) * (ROW + GAP)));

export function Dashboard({ scene, bodies, theme, width }) {
  return (
    <div
      style={{
        background: theme.colors.background.canvas,
        height: bottomOf(scene.panels),
        position: "relative",
      }}
    >
      <Head scene={scene} />
      {scene.panels.map((panel, index) => (
        <Placed
          key={index}
          index={index}
          panel={panel}
          body={bodies[index]}
          scene={scene}
          theme={theme}
          width={width}
        />
      ))}
    </div>
  );
}

function Head({ scene }) {
  return (
    <div style={{ padding: `10px ${MARGIN}px`, height: HEAD }}>
      <div className="head-row">
        <h1 className="dashboard-title">{scene.title}</h1>
        {scene.links.map((link) => (
          <Box key={link} icon="external-link-alt" text={link} />
        ))}
        <Box icon="clock-nine" text={scene.range.text} />
      </div>
      <div className="head-row">
        {scene.variables.map(({ label, text }) => (
          <Box key={label} label={label} text={text} />
        ))}
      </div>
    </div>
  );
}

const Box = ({ label, icon, text }) => (
  <span className="box">
    {label && <b>{label}</b>}
    <span>
      {icon && <Icon name={icon} size="sm" />} {text}
    </span>
  </span>
);

function Placed({ index, panel, body, scene, theme, width }) {
  const { x, y, w, h } = panel.gridPos;
  const column = (width - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS;
  const size = { width: w * column + (w - 1) * GAP, height: h * ROW + (h - 1) * GAP };
  const place = {
    position: "absolute",
    left: MARGIN + x * (column + GAP),
    top: HEAD + y * (ROW + GAP),
    ...size,
  };
  return (
    <div className="panel" data-panel={index} data-title={panel.title} style={place}>
      {panel.type === "row" ? (
        <div className="row-title">
          <Icon name="angle-down" /> {panel.title}
        </div>
      ) : (
        <PanelChrome
          title={panel.title}
          description={panel.description}
          {...size}
          hoverHeader={!panel.title}
          displayMode={panel.transparent ? "transparent" : "default"}
        >
          {(inner, innerHeight) => (
            <Body panel={panel} body={body} width={inner} height={innerHeight} scene={scene} theme={theme} />
          )}
        </PanelChrome>
      )}
    </div>
  );
}

function Body({ panel, body, scene, ...rest }) {
  if (panel.type in WITHOUT_DATA) return React.createElement(WITHOUT_DATA[panel.type], { panel, ...rest });
  if (body.blank) return <Blank why={body.blank} />;
  if (body.error) return <div className="failed">{body.error}</div>;
  if (!body.frames.some(hasValues))
    return <div className="no-data">{panel.fieldConfig.defaults.noValue ?? "No data"}</div>;
  const frames = body.frames;
  const props = { panel, frames, range: scene.range, annotations: scene.annotations, ...rest };
  return React.createElement(WITH_DATA[panel.type], props);
}

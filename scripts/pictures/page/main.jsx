// Draws the scene that stands beside the page, and then hands the judge to whoever opened it.
import "./canvas.js";
import "uplot/dist/uPlot.min.css";
import "./page.css";
import React from "react";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { ThemeContext, createTheme } from "@grafana/data";
import { GlobalStyles } from "@grafana/ui";
import { Dashboard, bottomOf } from "./dashboard.jsx";
import { configured, transformed } from "./fields.js";
import { framesOf, hasValues } from "./frames.js";
import { problemsOf } from "./judge.js";
import { WITHOUT_DATA, WITH_DATA } from "./panels.jsx";

const theme = createTheme({ colors: { mode: "dark" } });

/** What a panel has to show: {frames}, or {error}, or {blank} with the reason. */
async function bodyOf(panel) {
  if (panel.type in WITHOUT_DATA || panel.type === "row") return {};
  if (!(panel.type in WITH_DATA)) return { blank: `${panel.type}: drawn by Grafana only` };
  const targets = panel.answers;
  const unasked = targets.find((target) => target.unasked);
  if (unasked) return { blank: unasked.unasked };
  const failed = targets.find((target) => target.error);
  if (failed) return { error: `${failed.refId}: ${failed.error}` };
  try {
    const frames = await transformed(framesOf(targets), panel.transformations);
    return { frames: configured(frames, panel.type, panel.fieldConfig, theme) };
  } catch (error) {
    return { error: error.message };
  }
}

/** {panel, problem} of each panel that shows nothing; panel is its place in the list. */
const emptiness = (bodies) =>
  bodies.flatMap(({ error, frames }, panel) => {
    if (error) return [{ panel, problem: error }];
    return frames && !frames.some(hasValues) ? [{ panel, problem: "no data" }] : [];
  });

/** Grafana measures a text once, with whatever font is there: it has to be there before the first panel. */
const fonts = () => Promise.all(["400", "500"].map((weight) => document.fonts.load(`${weight} 12px Inter`)));

async function draw(scene) {
  Date.now = () => scene.range.to; // "2 hours ago" counts from the end of the range
  const bodies = await Promise.all(scene.panels.map(bodyOf));
  const root = createRoot(document.getElementById("root"));
  const show = (dashboard) =>
    root.render(
      <ThemeContext.Provider value={theme}>
        <GlobalStyles hackNoBackdropBlur={false} isExtensionSidebarOpen={false} />
        {dashboard}
      </ThemeContext.Provider>,
    );
  flushSync(() => show(null));
  if (!(await fonts()).every(({ length }) => length)) throw new Error("the styles name no font Inter");
  show(<Dashboard scene={scene} bodies={bodies} theme={theme} width={innerWidth} />);
  const blanks = bodies.flatMap(({ blank }, panel) => (blank ? [{ panel, problem: blank }] : []));
  return {
    height: bottomOf(scene.panels),
    judge: () => ({
      problems: [...emptiness(bodies), ...problemsOf(document)],
      blanks,
    }),
  };
}

window.picture = fetch("scene.json")
  .then((answer) => answer.json())
  .then(draw);

// What is wrong with a drawn dashboard, measured: panels over each other, texts that are cut or covered.
import { textsOn } from "./canvas.js";

const SMALLEST = 9; // px of a font
const SLACK = 1.5; // px that rounding and antialiasing may take
// Tables and logs scroll down in Grafana, too; nothing scrolls sideways.
const SCROLLS_DOWN = "[data-scrolls], [role=grid]";

/** {panel, problem} of everything that is wrong. */
export function problemsOf(page) {
  const panels = [...page.querySelectorAll("[data-panel]")];
  return [...panelsOverOthers(panels), ...panels.flatMap(ofPanel)];
}

function panelsOverOthers(panels) {
  return panels.flatMap((panel, index) =>
    panels
      .slice(index + 1)
      .filter((other) => lieOver(panel.getBoundingClientRect(), other.getBoundingClientRect()))
      .map((other) => ({
        panel: idOf(panel),
        problem: `lies over the panel ${quoted(other.dataset.title)}`,
      })),
  );
}

function ofPanel(panel) {
  const texts = textsIn(panel);
  const [hidden, seen] = parted(texts, (text) => isCut(text, panel));
  const [ofLegend, others] = parted(hidden, ({ element }) => element.closest(LEGEND) !== null);
  const [off, within] = parted(others, isOffTable);
  const [inCells, cut] = parted(within, ({ element }) => element.closest("[role=gridcell]") !== null);
  const axes = [...panel.querySelectorAll("canvas")].map((canvas) => ({ canvas, labels: textsOn(canvas) }));
  const problems = [
    ...asOne(ofLegend, "legend is cut"),
    ...asOne(off, "table is wider than its panel"),
    ...(axes.some(hasTimesOnly) ? ["its axis has no values: nothing is drawn"] : []),
    ...firstOfColumns(inCells),
    ...cut.map(saidCut),
    ...asOne(seen.filter(isTiny), "texts are too small to read"),
    ...axes.flatMap(({ canvas, labels }) => labels.filter((label) => isOff(label, canvas)).map(saidCut)),
    ...[...pairsOver(seen), ...axes.flatMap(({ labels }) => pairsOver(labels))].map(saidOver),
  ];
  return [...new Set(problems)].map((problem) => ({ panel: idOf(panel), problem }));
}

const idOf = (panel) => Number(panel.dataset.panel);
const saidCut = ({ text }) => `text ${quoted(text)} is cut`;
const saidOver = ([one, other]) => `text ${quoted(one.text)} lies over ${quoted(other.text)}`;
const quoted = (text) => JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text);
const LEGEND = "[data-testid$='viz-layout-legend']";

/** One sentence for what mostly has many texts. */
const asOne = (hidden, problem) => (hidden.length ? [`${problem}, from ${quoted(hidden[0].text)} on`] : []);

/** One sentence for a column. */
function firstOfColumns(hidden) {
  const firsts = new Map();
  for (const { text, element } of hidden) {
    const column = headerOf(element.closest("[role=gridcell]"));
    if (!firsts.has(column)) firsts.set(column, text);
  }
  return [...firsts].map(([column, text]) => `column ${quoted(column)} is too narrow for ${quoted(text)}`);
}

const headerOf = (cell) =>
  cell
    .closest("[role=grid]")
    .querySelector(`[role=columnheader][aria-colindex="${cell.getAttribute("aria-colindex")}"]`)
    .textContent.trim();

const parted = (all, belongs) => [all.filter(belongs), all.filter((one) => !belongs(one))];

/** Whether a text is in a column that the table does not show whole. */
function isOffTable({ element }) {
  const cell = element.closest("[role=gridcell], [role=columnheader]");
  const table = element.closest("[role=grid]");
  return cell !== null && cell.getBoundingClientRect().right > table.getBoundingClientRect().right + SLACK;
}

/** Visible pieces of text below an element, a box each: {text, element, left, right, top, bottom}. */
function textsIn(panel) {
  const walker = document.createTreeWalker(panel, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (!text || !isSeen(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    for (const { left, right, top, bottom } of range.getClientRects()) {
      if (right - left > 1) found.push({ text, element, left, right, top, bottom });
    }
  }
  return found;
}

/** Not for screen readers only: those are clipped to a pixel. */
function isSeen(element) {
  const { position, width } = getComputedStyle(element);
  const isForReaders = position === "absolute" && Number.parseFloat(width) <= 1;
  return !isForReaders && element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
}

/** Whether an ancestor up to the panel, or the panel's edge, hides a part of the text. */
function isCut(text, panel) {
  let mayScroll = false;
  for (let element = text.element; ; element = element.parentElement) {
    const { overflowX, overflowY } = getComputedStyle(element);
    const edge = element.getBoundingClientRect();
    mayScroll ||= element.matches(SCROLLS_DOWN);
    const isEdge = element === panel;
    const sideways = text.left < edge.left - SLACK || text.right > edge.right + SLACK;
    const down = text.top < edge.top - height(text) / 4 || text.bottom > edge.bottom + height(text) / 4;
    const isEllipsis = element === text.element && element.scrollWidth > element.clientWidth + 1;
    if ((isEdge || overflowX !== "visible") && (sideways || isEllipsis)) return true;
    if ((isEdge || overflowY !== "visible") && down && !mayScroll) return true;
    if (isEdge) return false;
  }
}

const height = (box) => box.bottom - box.top;

/** The times of an axis are in one line, values in several. */
const hasTimesOnly = ({ labels }) =>
  labels.length > 0 && new Set(labels.map((label) => label.bottom)).size === 1;

const isTiny = ({ element }) => Number.parseFloat(getComputedStyle(element).fontSize) < SMALLEST;

const isOff = (text, canvas) =>
  text.left < -SLACK ||
  text.top < -SLACK ||
  text.right > canvas.width + SLACK ||
  text.bottom > canvas.height + SLACK;

function pairsOver(texts) {
  // A line's box is a quarter taller than its letters.
  const letters = texts.map((text) => ({
    ...text,
    top: text.top + height(text) / 8,
    bottom: text.bottom - height(text) / 8,
  }));
  return letters.flatMap((one, index) =>
    letters
      .slice(index + 1)
      .filter((other) => lieOver(one, other))
      .map((other) => [one, other]),
  );
}

const lieOver = (one, other) =>
  Math.min(one.right, other.right) - Math.max(one.left, other.left) > SLACK &&
  Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > SLACK;

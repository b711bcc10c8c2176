// Keeps what is written on canvases, so that the judge can measure axis labels, which are no elements.

const written = new WeakMap();

const { fillText, clearRect } = CanvasRenderingContext2D.prototype;

CanvasRenderingContext2D.prototype.clearRect = function (x, y, width, height) {
  if (width >= this.canvas.width && height >= this.canvas.height) written.set(this.canvas, []);
  return clearRect.call(this, x, y, width, height);
};

CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...rest) {
  if (this.canvas.isConnected && String(text).trim()) {
    if (!written.has(this.canvas)) written.set(this.canvas, []);
    written.get(this.canvas).push({ text: String(text), ...boxOf(this, text, x, y) });
  }
  return fillText.call(this, text, x, y, ...rest);
};

/** The bounding box of a text in the canvas's own pixels. */
function boxOf(context, text, x, y) {
  const size = context.measureText(text);
  const corners = [
    [x - size.actualBoundingBoxLeft, y - size.actualBoundingBoxAscent],
    [x + size.actualBoundingBoxRight, y - size.actualBoundingBoxAscent],
    [x - size.actualBoundingBoxLeft, y + size.actualBoundingBoxDescent],
    [x + size.actualBoundingBoxRight, y + size.actualBoundingBoxDescent],
  ].map(([left, top]) => context.getTransform().transformPoint({ x: left, y: top }));
  const lefts = corners.map((point) => point.x);
  const tops = corners.map((point) => point.y);
  return {
    left: Math.min(...lefts),
    right: Math.max(...lefts),
    top: Math.min(...tops),
    bottom: Math.max(...tops),
  };
}

/** The texts on a canvas, in the canvas's own pixels: {text, left, right, top, bottom}. */
export function textsOn(canvas) {
  return written.get(canvas) ?? [];
}

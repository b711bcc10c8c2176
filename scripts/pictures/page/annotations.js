// Annotations over a time series: a dashed line each, with Grafana's triangle at the foot.

/** Adds them to a plot that is being set up. `annotations` are {color, time}, in ms. */
export function annotate(builder, annotations, theme) {
  builder.addHook("draw", (plot) => {
    const { ctx } = plot;
    const { top, height } = plot.bbox;
    const size = 5 * devicePixelRatio;
    ctx.save();
    for (const { time, color } of annotations) {
      const x = Math.round(plot.valToPos(time, "x", true));
      if (x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width) continue;
      ctx.strokeStyle = ctx.fillStyle = theme.visualization.getColorByName(color);
      ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      ctx.beginPath();
      ctx.moveTo(x - size, top + height + size);
      ctx.lineTo(x + size, top + height + size);
      ctx.lineTo(x, top + height);
      ctx.fill();
    }
    ctx.restore();
  });
}

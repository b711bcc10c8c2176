// node shoot.mjs CHROMIUM FONTS WIDTH TYPE: opens this folder's page, writes picture.TYPE (png, webp), prints the
// verdict as JSON.
import { readFile } from "node:fs/promises";
import { basename, dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import puppeteer from "puppeteer-core";

const HERE = dirname(fileURLToPath(import.meta.url));
const ICONS = join(HERE, "..", "node_modules", "@grafana", "ui", "dist", "public");
const ORIGIN = "http://pictures.invalid"; // no name server knows it: every answer is a file of ours
const QUIET = 500; // ms without a change in the page mean that it is drawn
const PATIENCE = 60_000;
const ICONS_AT = "/public/build/";
const INTER_AT = "/public/fonts/inter/"; // Grafana has the same font in files of its own
const QUALITY = { webp: 50 };
const TYPES = {
  html: "text/html",
  js: "text/javascript",
  css: "text/css",
  json: "application/json",
  svg: "image/svg+xml",
  otf: "font/otf",
};

const [, , executablePath, fonts, width, type] = process.argv;

function fileOf(path) {
  if (path.startsWith(ICONS_AT)) return join(ICONS, path.slice(ICONS_AT.length));
  if (path.startsWith(INTER_AT)) return join(fonts, `${basename(path, ".woff2")}.otf`);
  return join(HERE, path);
}

/** Answers a request with a file; the page reaches nothing else, whatever a dashboard's text asks for. */
async function answer(request) {
  const url = new URL(request.url());
  const file = fileOf(normalize(decodeURIComponent(url.pathname)));
  try {
    if (url.origin !== ORIGIN) throw new Error(`not ours: ${url.origin}`);
    const contentType = TYPES[file.split(".").at(-1)];
    await request.respond({ contentType, body: await readFile(file) });
  } catch {
    await request.abort();
  }
}

/** Resolves once nothing in the page has changed for a while. */
const settled = (quiet, patience) =>
  new Promise((resolve, reject) => {
    const stop = (then) => () => {
      observer.disconnect();
      clearTimeout(timer);
      clearTimeout(last);
      then();
    };
    const observer = new MutationObserver(() => {
      clearTimeout(timer);
      timer = setTimeout(stop(resolve), quiet);
    });
    let timer = setTimeout(stop(resolve), quiet);
    const last = setTimeout(
      stop(() => reject(new Error("the page never comes to rest"))),
      patience,
    );
    observer.observe(document.body, {
      subtree: true,
      childList: true,
      attributes: true,
      characterData: true,
    });
  });

const browser = await puppeteer.launch({
  executablePath,
  args: ["--no-sandbox", "--hide-scrollbars", "--force-color-profile=srgb"],
});
try {
  const page = await browser.newPage();
  const crashes = [];
  page.on("pageerror", (error) => crashes.push(error.message));
  await page.setRequestInterception(true);
  page.on("request", answer);
  await page.setViewport({ width: Number(width), height: 1000 });
  await page.goto(`${ORIGIN}/index.html`);
  const height = await page.evaluate(async () => (await window.picture).height);
  await page.setViewport({ width: Number(width), height });
  await page.waitForNetworkIdle({ idleTime: QUIET, timeout: PATIENCE });
  await page.evaluate(settled, QUIET, PATIENCE);
  const verdict = await page.evaluate(async () => (await window.picture).judge());
  await page.screenshot({ type, path: join(HERE, `picture.${type}`), quality: QUALITY[type] });
  process.stdout.write(JSON.stringify({ ...verdict, crashes }));
} finally {
  await browser.close();
}

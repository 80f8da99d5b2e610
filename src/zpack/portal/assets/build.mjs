// Builds ../static: scripts and styles under names of their content, fonts, one sprite of icons, and a manifest.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import * as icons from "@mdi/js";
import { build } from "esbuild";

const out = new URL("../static", import.meta.url).pathname;
const ENTRIES = { app: "ts/app.ts", console: "ts/console.ts", files: "ts/files.ts", charts: "ts/charts.ts" };
const PACKED = /\.(js|css|svg|json)$/;

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const made = await build({
  entryPoints: [...Object.entries(ENTRIES).map(([name, path]) => ({ in: path, out: name })), { in: "css/app.css", out: "app" }],
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["chrome120", "firefox121", "safari17.5"],
  minify: true,
  metafile: true,
  outdir: out,
  entryNames: "[name]-[hash]",
  chunkNames: "part-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".woff2": "file" },
  logLevel: "warning",
});

const names = {};
for (const [path, { entryPoint }] of Object.entries(made.metafile.outputs)) {
  if (entryPoint) names[basename(entryPoint).replace(/\.ts$/, ".js")] = basename(path);
  const font = basename(path).match(/^(geist|geist-mono|roboto)-latin.*\.woff2$/);
  if (font) names[`${font[1]}.woff2`] = basename(path);
  if (path.endsWith(".css") && entryPoint?.endsWith(".ts")) names[basename(entryPoint).replace(/\.ts$/, ".css")] = basename(path);
  const beside = made.metafile.outputs[path].cssBundle;
  if (beside) names[basename(entryPoint).replace(/\.ts$/, ".css")] = basename(beside);
}

const drawn = JSON.parse(readFileSync("icons.json", "utf8"));
const symbols = Object.entries(drawn).map(([name, from]) => {
  if (!icons[from]) throw new Error(`icons.json: there is no ${from}`);
  return `<symbol id="${name}" viewBox="0 0 24 24"><path d="${icons[from]}"/></symbol>`;
});
const sprite = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
names["icons.svg"] = `icons-${createHash("sha256").update(sprite).digest("hex").slice(0, 8)}.svg`;
writeFileSync(join(out, names["icons.svg"]), sprite);
const mark = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="5" fill="#13161c"/><path transform="translate(2.4 2.4) scale(.8)" fill="#4da3ff" d="${icons[drawn.hub]}"/></svg>`;
names["favicon.svg"] = `favicon-${createHash("sha256").update(mark).digest("hex").slice(0, 8)}.svg`;
writeFileSync(join(out, names["favicon.svg"]), mark);
writeFileSync(join(out, "manifest.json"), JSON.stringify(names, null, 1));

for (const name of readdirSync(out)) {
  if (!PACKED.test(name)) continue;
  const plain = readFileSync(join(out, name));
  writeFileSync(join(out, `${name}.gz`), gzipSync(plain, { level: 9 }));
  writeFileSync(join(out, `${name}.br`), brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
}

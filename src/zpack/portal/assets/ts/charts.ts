// Draws what <div data-chart="{…}"> tells, in the colours of the theme. The table beside it is for who cannot see it.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

interface Told {
  times: number[];
  unit: "ratio" | "bytes" | "bytes/s" | "players";
  names: string[];
  series: (number | null)[][];
  most: number | null;
}

const STEP = 1024;
const DAY = 86_400;
const POWERS = Array.from({ length: 45 }, (_, power) => 2 ** power);
const WHOLE = [1, 2, 5].flatMap((first) => [0, 1, 2, 3, 4].map((zeros) => first * 10 ** zeros)).sort((one, other) => one - other);
const LEAST = { ratio: 1, players: 2, "bytes/s": STEP, bytes: 0.01 };
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
const drawn = new Map<HTMLElement, { chart: uPlot; told: string | undefined }>();

function written(value: number, unit: Told["unit"]): string {
  if (unit === "ratio") return `${Math.round(value * 100)} %`;
  if (unit === "players") return String(value);
  const power = value < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log(value) / Math.log(STEP)));
  const amount = value / STEP ** power;
  return `${amount >= 100 || power === 0 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[power]}`;
}

// When: the hour within a day, the day beyond it, as the reader's own language writes them.
function moments(seconds: number[], apart: number): string[] {
  const days = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
  const hours = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  return seconds.map((at) => (apart >= DAY ? days : hours).format(at * 1000));
}

// What the lines say where one points stands where their last figures stood; away again, the last figures.
function reading(place: HTMLElement, told: Told): (chart: uPlot) => void {
  const title = place.parentElement?.querySelector<HTMLElement>("strong");
  const keys = [...(place.parentElement?.querySelectorAll<HTMLElement>("[data-line] > span") ?? [])];
  const last = keys.map((key) => key.textContent);
  const when = new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" });
  return ({ cursor: { idx } }) => {
    const at = idx == null ? undefined : told.times[idx];
    if (idx == null || at === undefined) delete title?.dataset.at;
    else if (title) title.dataset.at = when.format(at * 1000);
    keys.forEach((key, line) => {
      const value = idx == null ? undefined : told.series[line]?.[idx];
      const known = value == null ? "–" : written(value, told.unit) + (told.unit === "bytes/s" ? "/s" : "");
      key.textContent = at === undefined ? (last[line] ?? "") : `${told.names[line]} ${known}`;
    });
  };
}

function options(place: HTMLElement, told: Told): uPlot.Options {
  const style = getComputedStyle(place);
  const keys = place.parentElement?.querySelectorAll("[data-line]") ?? [];
  const axis = { stroke: style.color, grid: { stroke: style.borderTopColor, width: 1 }, ticks: { show: false }, font: "11px sans-serif" };
  const least = Math.max(LEAST[told.unit], told.most ?? 0);
  const incrs = told.unit === "ratio" ? undefined : told.unit === "players" ? WHOLE : POWERS;
  return {
    width: place.clientWidth,
    height: place.clientHeight,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    hooks: { setCursor: [reading(place, told)] },
    padding: [10, 24, 0, 0],
    scales: { y: { range: (_, __, max) => [0, Math.max(least, max * 1.1)] } },
    axes: [
      { ...axis, size: 30, values: (_, splits, __, ___, apart) => moments(splits, apart) },
      { ...axis, incrs, size: 64, values: (_, ticks) => ticks.map((tick) => written(tick, told.unit)) },
    ],
    series: [
      {},
      ...told.names.map((label, index) => {
        const stroke = keys[index] ? getComputedStyle(keys[index]).color : style.color;
        const paths = told.unit === "players" ? uPlot.paths.stepped?.({ align: -1 }) : undefined;
        return { label, stroke, paths, width: 1.75, fill: stroke.replace("rgb(", "rgba(").replace(")", ", 0.12)"), points: { show: false } };
      }),
    ],
  };
}

const places = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>("[data-chart]")];

function draw(): void {
  for (const { chart } of drawn.values()) chart.destroy();
  drawn.clear();
  for (const place of places()) {
    const told = JSON.parse(place.dataset.chart ?? "") as Told;
    place.replaceChildren();
    const chart = new uPlot(options(place, told), [told.times, ...told.series], place);
    drawn.set(place, { chart, told: place.dataset.chart });
  }
}

draw();
addEventListener("resize", () => requestAnimationFrame(() => {
  for (const [place, { chart }] of drawn) chart.setSize({ width: place.clientWidth, height: place.clientHeight });
}));
document.body.addEventListener("htmx:after:swap", () => {
  if (places().some((place) => drawn.get(place)?.told !== place.dataset.chart)) draw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

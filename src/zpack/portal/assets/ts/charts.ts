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
const WHOLE = [1, 2, 5].flatMap((first) => [0, 1, 2, 3, 4].map((zeros) => first * 10 ** zeros)).sort((one, other) => one - other);
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
const drawn = new Map<HTMLElement, { chart: uPlot; told: string | undefined }>();

function written(value: number, unit: Told["unit"]): string {
  if (unit === "ratio") return `${Math.round(value * 100)} %`;
  if (unit === "players") return String(value);
  const power = value < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log(value) / Math.log(STEP)));
  const amount = value / STEP ** power;
  return `${amount >= 100 || power === 0 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[power]}`;
}

function options(place: HTMLElement, told: Told): uPlot.Options {
  const style = getComputedStyle(place);
  const keys = place.parentElement?.querySelectorAll("[data-line]") ?? [];
  const axis = { stroke: style.color, grid: { stroke: style.borderTopColor, width: 1 }, ticks: { show: false }, font: "11px sans-serif" };
  const people = told.unit === "players";
  const least = people ? 2 : 0.01;
  const top = told.unit === "ratio" ? 1 : told.most;
  return {
    width: place.clientWidth,
    height: place.clientHeight,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    padding: [10, 10, 0, 0],
    scales: { y: { range: (_, __, max) => [0, Math.max(top ?? 0, max * 1.1, least)] } },
    axes: [axis, { ...axis, size: 64, incrs: people ? WHOLE : undefined, values: (_, ticks) => ticks.map((tick) => written(tick, told.unit)) }],
    series: [
      {},
      ...told.names.map((label, index) => {
        const stroke = keys[index] ? getComputedStyle(keys[index]).color : style.color;
        const paths = people ? uPlot.paths.stepped?.({ align: -1 }) : undefined;
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

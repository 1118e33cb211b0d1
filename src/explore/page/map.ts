/** The map: points that are panned, zoomed, clicked and lassoed, drawn by regl-scatterplot. */
import createScatterplot from "npm:regl-scatterplot@1.16.0";
import type { Coloring, Theme } from "./colors.ts";
import type { MapData } from "./explored.ts";

/** What the map tells. */
export interface MapEvents {
  /** A point was clicked. */
  onClick(row: number): void;
  /** Points are within a lasso. */
  onLasso(rows: number[]): void;
  /** Nothing is selected any more. */
  onDeselect(): void;
  /** The pointer is on a point, at this place of the canvas; null: on none. */
  onHover(hover: { row: number; x: number; y: number } | null): void;
}

const grounds = { light: "#ffffff", dark: "#16191d" };
const marks = {
  light: { active: "#000000", hover: "#d55e00" },
  dark: { active: "#ffffff", hover: "#ffb000" },
};
/** How far a key moves the map, as a share of what is seen; and how much nearer it comes. */
const MOVE = 0.2, NEARER = 1.4;
/** Pixels by which a chosen point is larger. */
const ENLARGED = 4;
/** From how many points on they are how small. */
const MANY = 20_000;
const sizes = [[MANY, 3], [5000, 4.5], [500, 7], [0, 10]];

/** The map of the page. */
export class PointMap {
  readonly #canvas: HTMLCanvasElement;
  readonly #plot: ReturnType<typeof createScatterplot>;
  readonly #animated = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  #points: { x: Float32Array; y: Float32Array; z: Float32Array } | null = null;

  /** Throws if the browser has no WebGL. */
  constructor(canvas: HTMLCanvasElement, { rows, events }: { rows: number; events: MapEvents }) {
    this.#canvas = canvas;
    const pointSize = sizes.find(([from]) => rows >= from)![1];
    this.#plot = createScatterplot({
      canvas,
      width: "auto",
      height: "auto",
      pointSize,
      pointSizeSelected: ENLARGED,
      opacity: 0.85,
      // Squares without blending: at this size they look alike, and a computer without a GPU draws them faster.
      performanceMode: rows >= MANY,
      lassoOnLongPress: true,
      lassoInitiatorParentElement: canvas.parentElement!,
      lassoLongPressIndicatorParentElement: canvas.parentElement!,
      deselectOnDblClick: true,
    });
    this.#plot.set({ cameraDistance: this.#far });
    this.#listen(events);
    canvas.addEventListener("keydown", (event) => this.#onKey(event));
  }

  #listen({ onClick, onLasso, onDeselect, onHover }: MapEvents): void {
    const plot = this.#plot;
    // The selection of a lasso comes before its end.
    let isLasso = false;
    plot.subscribe("lassoStart", () => isLasso = true);
    plot.subscribe("lassoEnd", () => isLasso = false);
    plot.subscribe("select", ({ points }: { points: number[] }) => {
      // Many that are enlarged would cover each other.
      plot.set({ pointSizeSelected: isLasso ? 1 : ENLARGED });
      if (isLasso) onLasso(points);
      else if (points.length > 0) onClick(points[0]);
    });
    plot.subscribe("deselect", onDeselect);
    plot.subscribe("pointOver", (row: number) => {
      const place = plot.getScreenPosition(row);
      if (place) onHover({ row, x: place[0], y: place[1] });
    });
    plot.subscribe("pointOut", () => onHover(null));
  }

  /** Shows `map` in these colors. */
  async draw(map: MapData, { coloring, theme }: { coloring: Coloring; theme: Theme }): Promise<void> {
    const n = map.points.length / 2, moved = this.#points !== null;
    const points = {
      x: Float32Array.from({ length: n }, (_, i) => 0.92 * map.points[2 * i]),
      y: Float32Array.from({ length: n }, (_, i) => 0.92 * map.points[2 * i + 1]),
      z: coloring.of,
    };
    this.#points = points;
    this.#plot.set({
      backgroundColor: grounds[theme],
      pointColor: coloring.colors,
      pointColorActive: marks[theme].active,
      pointColorHover: marks[theme].hover,
      lassoColor: marks[theme].active,
      colorBy: "valueA",
    });
    await this.#plot.draw(points, {
      zDataType: "categorical",
      transition: moved && this.#animated,
      transitionDuration: 500,
    });
  }

  /** Marks `rows` without telling of it; with `show`, brings them into view. */
  select(rows: number[], { show = false } = {}): void {
    if (rows.length === 0) this.#plot.deselect({ preventEvent: true });
    else {
      this.#plot.set({ pointSizeSelected: ENLARGED });
      this.#plot.select(rows, { preventEvent: true });
    }
    if (show && rows.length > 0 && !this.#isInView(rows[0])) {
      this.#plot.zoomToPoints(rows, { padding: 0.6, transition: this.#animated, transitionDuration: 400 });
    }
  }

  #isInView(row: number): boolean {
    const place = this.#plot.getScreenPosition(row);
    if (!place) return false;
    const [x, y] = place, { clientWidth, clientHeight } = this.#canvas;
    return x >= 0 && y >= 0 && x <= clientWidth && y <= clientHeight;
  }

  /** Shows `rows` alone; null: all. */
  show(rows: number[] | null): void {
    if (rows) this.#plot.filter(rows);
    else this.#plot.unfilter();
  }

  /** Whether dragging draws a lasso instead of moving the map. */
  set lasso(on: boolean) {
    this.#plot.set({ mouseMode: on ? "lasso" : "panZoom" });
  }

  /** Comes `factor` times nearer. */
  zoom(factor: number): void {
    this.#look([0, 0], 1 / factor);
  }

  /** Shows all points. */
  reset(): void {
    this.#plot.zoomToLocation([0, 0], this.#far, { transition: this.#animated, transitionDuration: 300 });
  }

  /** From how far all points are seen: the library fits them to the height of the canvas. */
  get #far(): number {
    const { clientWidth, clientHeight } = this.#canvas;
    return Math.max(1, clientHeight / Math.max(clientWidth, 1));
  }

  #look([x, y]: [number, number], farther: number): void {
    const target = this.#plot.get("cameraTarget"), distance = this.#plot.get("cameraDistance");
    const place: [number, number] = [target[0] + x * distance, target[1] + y * distance];
    this.#plot.zoomToLocation(place, distance * farther, {
      transition: this.#animated,
      transitionDuration: 150,
    });
  }

  #onKey(event: KeyboardEvent): void {
    const moves: Record<string, [number, number]> = {
      ArrowLeft: [-MOVE, 0],
      ArrowRight: [MOVE, 0],
      ArrowUp: [0, MOVE],
      ArrowDown: [0, -MOVE],
    };
    if (moves[event.key]) this.#look(moves[event.key], 1);
    else if (event.key === "+" || event.key === "=") this.zoom(NEARER);
    else if (event.key === "-") this.zoom(1 / NEARER);
    else if (event.key === "0") this.reset();
    else return;
    event.preventDefault();
  }
}

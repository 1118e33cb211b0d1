/** Where the texts of an SVG picture lie. */
import { parseHTML } from "npm:linkedom@0.18.15";

/** The box around a text, in pixels of the picture. */
export interface TextBox {
  text: string;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

interface Node {
  tagName: string;
  textContent: string;
  parentElement: Node | null;
  getAttribute(name: string): string | null;
}

/** The nearest value of an attribute on `node` or around it; a style property wins over an attribute. */
function inherited(node: Node | null, name: string): string | null {
  if (!node) return null;
  const style = new RegExp(`(?:^|;)\\s*${name}:\\s*([^;]+)`).exec(node.getAttribute("style") ?? "");
  return style?.[1] ?? node.getAttribute(name) ?? inherited(node.parentElement, name);
}

/** How far the elements around a text, and it itself, move it. */
function offsetOf(node: Node | null): { x: number; y: number; turned: boolean } {
  if (!node) return { x: 0, y: 0, turned: false };
  const around = offsetOf(node.parentElement), transform = node.getAttribute("transform") ?? "";
  const [, x = 0, y = 0] = /translate\(([-\d.]+)(?:,\s*([-\d.]+))?\)/.exec(transform) ?? [];
  const own = node.tagName.toLowerCase() === "svg" ? ["x", "y"] : [];
  const [left, top] = own.length ? own.map((name) => Number(node.getAttribute(name) ?? 0)) : [0, 0];
  return {
    x: around.x + Number(x) + left,
    y: around.y + Number(y) + top,
    turned: around.turned || /rotate\(-90\)/.test(transform),
  };
}

/** A box for each text, by the average width of letters in DejaVu Sans. */
export function textBoxes(svg: string): TextBox[] {
  // linkedom's types need DOM types, which Deno lacks.
  const { document } = parseHTML(`<body>${svg}</body>`) as unknown as {
    document: { querySelectorAll(selector: string): Iterable<Node> };
  };
  return [...document.querySelectorAll("text")].map((node) => {
    const size = parseFloat(inherited(node, "font-size")!),
      anchor = inherited(node, "text-anchor") ?? "start";
    const { x, y, turned } = offsetOf(node), text = node.textContent, long = 0.58 * size * text.length;
    // The attribute y moves the baseline along the text's own vertical axis: by 0.32 em it is centered.
    const middle = (parseFloat(node.getAttribute("y") ?? "0") - 0.32) * size, half = 0.4 * size;
    const begin = anchor === "start" ? 0 : anchor === "end" ? -long : -long / 2;
    return turned
      ? { text, left: x + middle - half, right: x + middle + half, top: y - begin - long, bottom: y - begin }
      : { text, left: x + begin, right: x + begin + long, top: y + middle - half, bottom: y + middle + half };
  });
}

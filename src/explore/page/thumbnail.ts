/** Thumbnails, as parts of sheets. */
import { element } from "./element.ts";
import { decodeBytes, type Explored } from "./explored.ts";

/** Draws the thumbnail of a row; CSS's `--side` is its size. */
export type DrawThumbnail = (row: number) => HTMLElement;

/** How thumbnails are drawn. Sheets are loaded when the first of their images is shown. */
export function thumbnailsOf({ thumbnails, keys }: Explored): DrawThumbnail {
  const urls: string[] = [];
  const urlOf = (number: number, { inline, sheets }: NonNullable<Explored["thumbnails"]>) =>
    urls[number] ??= inline
      ? URL.createObjectURL(new Blob([decodeBytes(sheets[number])], { type: "image/jpeg" }))
      : new URL(sheets[number], location.href).href;
  return (row) => {
    const picture = element("span", { className: "thumbnail", ariaHidden: "true" });
    if (!thumbnails) return picture;
    if (!thumbnails.has[row]) {
      picture.textContent = "?";
      picture.title = `There is no image of ${keys[row]}.`;
      return picture;
    }
    const { columns, perSheet } = thumbnails, at = row % perSheet;
    Object.assign(picture.style, {
      backgroundImage: `url("${urlOf(Math.floor(row / perSheet), thumbnails)}")`,
      backgroundSize: `calc(var(--side) * ${columns}) auto`,
      backgroundPosition: `calc(var(--side) * ${-(at % columns)}) calc(var(--side) * ${-Math.floor(
        at / columns,
      )})`,
    });
    return picture;
  };
}

/**
 * The parameters of a view as text.
 *
 * @module
 */
import { jitterOperations, type ViewParameters } from "../../data/views/draw.ts";
import type { DecodedImage } from "../../data/views/resize.ts";

/** The parameters of a view of an image of `width` × `height` pixels, a line each, in the order in which they apply. */
export function describeView(
  { crop, resized, flip, jitter, grayscale, blur, solarize }: ViewParameters,
  { width, height }: DecodedImage,
): { text: string; applies: boolean }[] {
  const share = Math.round(100 * crop.width * crop.height / (width * height));
  const no = (name: string) => ({ text: `no ${name}`, applies: false });
  const yes = (text: string) => ({ text, applies: true });
  return [
    ...(resized
      ? [yes(`resize ${resized.width}x${resized.height}`), yes("middle square")]
      : [yes(`crop ${crop.width}x${crop.height} = ${share} %`), yes(`  at ${crop.left}, ${crop.top}`)]),
    flip ? yes("flip") : no("flip"),
    ...(jitter
      ? jitter.order.map((operation) => {
        const name = jitterOperations[operation], value = jitter[name];
        return yes(
          name === "hue"
            ? `hue ${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(3)} turns`
            : `${name} x ${value.toFixed(2)}`,
        );
      })
      : [no("jitter")]),
    grayscale ? yes("gray") : no("gray"),
    blur ? yes(`blur ${blur.sigma.toFixed(2)} px, kernel of ${blur.kernelSize} px`) : no("blur"),
    solarize ? yes(`solarize from ${solarize.threshold}`) : no("solarize"),
  ];
}

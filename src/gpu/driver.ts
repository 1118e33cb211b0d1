/** The driver, guessed from the adapter's name: WebGPU has no field for it. */

type Info = Pick<GPUAdapterInfo, "description" | "vendor" | "isFallbackAdapter">;

/** Drivers that put their name into the adapter's. */
const NAMES: [pattern: RegExp, driver: string][] = [
  [/\bRADV\b/, "Mesa RADV"],
  [/\bNVK\b/, "Mesa NVK"],
  [/\bTurnip\b/, "Mesa Turnip"],
  [/\bSwiftShader\b/, "SwiftShader"],
  [/^Mesa\b/, "Mesa"],
  [/^Apple\b/, "Apple"], // Metal has no vendor number
];

/** Drivers by the vendor's number of PCI or Khronos. */
const VENDORS: Record<string, string> = {
  0x1002: "AMD",
  0x106b: "Apple",
  0x10de: "NVIDIA",
  0x13b5: "Arm",
  0x1414: "Microsoft",
  0x5143: "Qualcomm",
  0x8086: "Intel",
  0x10005: "Mesa",
};

/** Mesa's drivers that compute on the CPU: wgpu does not recognize all of them. */
const SOFTWARE = /llvmpipe|softpipe|swrast|software rasterizer/i;

/** Whether the adapter computes on the CPU. */
export function isSoftware({ description, isFallbackAdapter }: Info): boolean {
  return isFallbackAdapter || SOFTWARE.test(description);
}

/** The driver's name, as far as it is known. */
export function driverOf({ description, vendor }: Info, { backend }: { backend: string }): string {
  if (/^llvmpipe\b/.test(description)) return `Mesa ${backend === "OpenGL" ? "llvmpipe" : "lavapipe"}`;
  if (SOFTWARE.test(description)) return "Mesa softpipe";
  const named = NAMES.find(([pattern]) => pattern.test(description));
  return named?.[1] ?? VENDORS[Number(vendor)] ?? `vendor ${vendor || "unknown"}`;
}

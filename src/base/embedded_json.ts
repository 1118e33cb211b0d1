/**
 * Data within a page.
 *
 * @module
 */

/** `value` as JSON for a `<script type="application/json">`: without what HTML takes for its end or for a comment. */
export function embeddedJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

// What is remembered over a reload; a browser may refuse to.

const place = `${location.pathname} `;
export function remember(name, value) {
  try {
    sessionStorage.setItem(place + name, JSON.stringify(value));
  } catch { /* the next page starts anew */ }
}
export function recall(name) {
  try {
    return JSON.parse(sessionStorage.getItem(place + name));
  } catch {
    return null;
  }
}

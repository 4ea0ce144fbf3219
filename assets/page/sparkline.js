/** The last hour as small bars, one for each minute. */
import { element, setAttribute, setText, svg } from "./dom.js";

const MINUTE = 60_000;
const MINUTES = 60;
const HEIGHT = 30;

/**
 * @param {(minute: any) => number} valueIn
 * @param {(values: number[]) => string} describe what the bars say, in words
 */
export function sparkline(valueIn, describe) {
  const bars = Array.from({ length: MINUTES }, (_, place) => svg("rect", { x: place * 4, y: HEIGHT, width: 3, height: 0 }));
  const title = svg("title");
  const picture = svg(
    "svg",
    { class: "spark", viewBox: `0 0 ${MINUTES * 4} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" },
    title,
    ...bars,
  );
  const caption = element("figcaption");
  const update = (minutes, now) => {
    const last = now - (now % MINUTE);
    const values = Array.from({ length: MINUTES }, (_, place) => {
      const at = last - (MINUTES - 1 - place) * MINUTE;
      return valueIn(minutes.find((minute) => minute.at === at));
    });
    const most = Math.max(...values, 1);
    for (const [place, value] of values.entries()) {
      const height = value === 0 ? 0 : Math.max(1, (value / most) * HEIGHT);
      setAttribute(bars[place], "height", height);
      setAttribute(bars[place], "y", HEIGHT - height);
    }
    setText(title, describe(values));
    setText(caption, describe(values));
  };
  return { node: element("figure", {}, picture, caption), update };
}

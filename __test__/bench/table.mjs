/** Small helpers for printing measurements. */

export const median = (values) => percentile(values, 50);

export function percentile(values, rank) {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil((rank / 100) * sorted.length) - 1)];
}

/** One line of the table: what was measured, beside the bound it is meant to keep. */
export function row(what, value, unit, bound) {
  return {
    what,
    measured: `${value.toFixed(value < 10 ? 2 : 1)} ${unit}`,
    bound: `<= ${bound} ${unit}`,
    kept: value <= bound ? "yes" : "NO",
  };
}

/** One line of the table: what was measured, beside what something else took in the same run, and how many times that it may be. */
export function beside(what, value, other, unit, neighbour, times) {
  const ratio = value / other;
  const text = (number) => `${number.toFixed(number < 10 ? 2 : 1)} ${unit}`;
  return {
    what,
    measured: text(value),
    beside: `${neighbour}: ${text(other)}`,
    ratio: Number(ratio.toFixed(2)),
    bound: `<= ${times} times`,
    kept: ratio <= times ? "yes" : "NO",
  };
}

/** A number beside the bound it is meant to keep, with `NO` where it does not. */
export const bounded = (value, limit, isAtMost = true) =>
  `${value.toFixed(1)} (${isAtMost ? "<=" : ">="} ${limit})${(value <= limit) === isAtMost ? "" : " NO"}`;

// @ts-check
/** nic-selection: the NICs that are up and fast enough, the fastest first. */

import { schema } from "./schema.js";

/**
 * Every candidate is chosen or dropped, with a reason for the decision record. Of NICs that are equally fast, the one with less
 * bandwidth promised to others is first.
 *
 * @type {import("./nicety-policy/index.js").NicSelectionPolicy["decide"]}
 */
function decide({ leastSpeed = 0 }, { candidates }) {
  const fit = [];
  const dropped = [];
  for (const [candidate, nic] of candidates.entries()) {
    const speed = nic.speed ?? 0;
    if (nic.state === "down") {
      dropped.push({ candidate, reason: "its link is down" });
    } else if (speed < leastSpeed) {
      dropped.push({ candidate, reason: `${speed} bit/s is less than ${leastSpeed}` });
    } else {
      fit.push({ candidate, speed, promised: nic.promised });
    }
  }
  // Sorting is stable: what is equal stays in the pool's order.
  fit.sort((one, other) => other.speed - one.speed || one.promised - other.promised);
  const chosen = fit.map(({ candidate, speed, promised }) => {
    return { candidate, reserve: null, reason: `${speed} bit/s, of which ${promised} are promised` };
  });
  return { chosen, dropped, attributes: [] };
}

/** @type {import("./nicety-policy/index.js").NicSelectionPolicy} */
export const policy = {
  name: "my-policy",
  version: "0.1.0",
  summary: "the NICs that are up and fast enough, the fastest first",
  schema,
  decide,
};

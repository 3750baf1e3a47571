// @ts-check
/** attach: beside its own network, a pod that asks for it by annotation gets a NIC of one more. */

import { Denied, notReady, offered, primaryRequest, request } from "./nicety-policy/index.js";
import { schema } from "./schema.js";

const ANNOTATION = "example.com/storage";
const NETWORK = "storage";

/** What the schema cannot say: every finding, not the first. */
function validate(config) {
  const empty = ["annotation", "network"].filter((field) => config[field]?.trim() === "");
  return empty.map((field) => `\`${field}\` is empty`);
}

/** @type {import("./nicety-policy/index.js").AttachPolicy["decide"]} */
function decide({ annotation = ANNOTATION, network = NETWORK }, facts) {
  const requests = facts.call.mode === "chained" ? [] : [primaryRequest(facts)];
  const asks = facts.pod.annotations.some(({ key, value }) => key === annotation && value === "true");
  // A meta plugin that asks for one attachment gets that one and no other.
  if (facts.call.mode === "delegated" || !asks) return requests;
  const place = facts.networks.findIndex((offer) => offer.name === network);
  if (place < 0) {
    const what = `annotation \`${annotation}\` asks for network \`${network}\`, which is not on offer to this pod`;
    throw new Denied("unknown-network", `${what}; ${offered(facts)}`, { object: network });
  }
  if (!facts.networks[place].ready) throw notReady(facts.networks[place]);
  return [...requests, request(place, { reason: `annotation ${annotation}` })];
}

/** @type {import("./nicety-policy/index.js").AttachPolicy} */
export const policy = {
  name: "my-policy",
  version: "0.1.0",
  summary: "one more network for pods that ask for it by annotation",
  schema,
  validate,
  decide,
};

/** The exports of the component, made of the policy in policy.js. It exports the decision that its kind's world names. */

import { decisionOf, describeOf } from "./nicety-policy/exports.js";
import { policy } from "./policy.js";

export const describe = describeOf(policy);
export const attach = decisionOf(policy);
export const nicSelection = attach;
export const gatewayFilter = attach;
export const gatewayDistribution = attach;

// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = 'd2d4bf42b594aaceb07ba5c219842e776ec5b7147455dfbda66dbb42ceb55b0d';

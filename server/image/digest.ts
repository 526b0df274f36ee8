// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = 'd214543361e4e09875d8d3c151f379ad9619c6d064991ed7dd61f3a3beb76374';

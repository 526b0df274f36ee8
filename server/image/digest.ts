// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = 'ade396151303aa4803ca7cc41270247e6bc7ac040011a4486e7cdc9d725264cf';

// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '12004911f67a8ed0a26b7a55d61d1922642c147c7a4300cb3b04bef1108a64e3';

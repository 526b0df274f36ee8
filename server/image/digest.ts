// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '1a12f6e73ba60b44c23af1f9f1a6ef1ff1c23e76205cd31f8cadf01de0d93ba4';

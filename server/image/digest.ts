// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '8acf88e6bf6bc304c326104160917990ad0943f229480cb318a1a4cf1635df97';
